//! The files of a fake sandbox: new ones, or those of its volume.

use std::sync::Arc;

use backend_core::{Backend, Result, SandboxSpec, Workspace};

use super::FakeProvider;

impl<B: Backend> FakeProvider<B> {
    /// Returns the files of a new sandbox. Those of a volume are made for the first sandbox that has it. What other kinds of
    /// workspaces mean is up to the closure that makes files.
    pub(super) fn files_of(&self, spec: &SandboxSpec) -> Result<Arc<B>> {
        let Some(workspace @ Workspace::Volume(name)) = &spec.workspace else {
            return (self.engine.files)(spec).map(Arc::new);
        };
        if !self.state().features.volumes {
            return Err(workspace.unsupported());
        }
        if let Some(files) = self.state().volumes.get(name) {
            return Ok(Arc::clone(files));
        }
        // The closure may use the provider, so nothing is locked meanwhile.
        let made = Arc::new((self.engine.files)(spec)?);
        let mut state = self.state();
        Ok(Arc::clone(
            state.volumes.entry(name.clone()).or_insert(made),
        ))
    }
}
