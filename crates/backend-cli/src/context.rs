//! What a command is given: its output, and the workspace that its options describe.

use crate::failure::Result;
use crate::out::Out;
use crate::workspace::{Need, Workspace, WorkspaceArgs};

/// The output and the workspace of a command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) out: Out,
    args: WorkspaceArgs,
    workspace: Option<Workspace>,
}

impl Context {
    pub(crate) fn new(out: Out, args: WorkspaceArgs) -> Self {
        Self {
            out,
            args,
            workspace: None,
        }
    }

    /// Takes the workspace that was opened, if there is one, to close it.
    pub(crate) fn take_workspace(&mut self) -> Option<Workspace> {
        self.workspace.take()
    }

    /// Opens the workspace that the options describe. It is closed when the command has ended.
    ///
    /// # Errors
    ///
    /// As [`Workspace::open`].
    pub(crate) async fn open(&mut self, need: Need) -> Result<(&Workspace, &mut Out)> {
        let workspace = Workspace::open(&self.args, need, &mut self.out).await?;
        Ok((self.workspace.insert(workspace), &mut self.out))
    }

    /// Returns the namespace of sandbox names.
    #[cfg(feature = "docker")]
    pub(crate) fn namespace(&self) -> backend_core::SandboxId {
        self.args.container.namespace.clone()
    }

    /// Returns whether the options ask for a container.
    pub(crate) fn wants_container(&self) -> bool {
        self.args.is_contained()
    }
}
