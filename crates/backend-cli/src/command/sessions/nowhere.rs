//! A provider without sandboxes, for cleaning a root without asking an engine.

use std::sync::Arc;

use async_trait::async_trait;
use backend_core::{
    Error, Liveness, Result, Sandbox, SandboxId, SandboxInfo, SandboxProvider, SandboxSpec,
};

/// There is no sandbox, and none can be created. Its user knows that no sandbox that it must destroy exists.
#[derive(Debug)]
pub(super) struct Nowhere;

#[async_trait]
impl SandboxProvider for Nowhere {
    type Sandbox = dyn Sandbox;

    async fn create(&self, _: &SandboxSpec) -> Result<Arc<dyn Sandbox>> {
        Err(Error::unsupported("starting a sandbox"))
    }

    async fn attach(&self, _: &SandboxId) -> Result<Arc<dyn Sandbox>> {
        Err(Error::unsupported("attaching to a sandbox"))
    }

    /// Reports what the operator stated: no sandbox exists.
    async fn inspect(&self, _: &SandboxId) -> SandboxInfo {
        SandboxInfo::new(Liveness::gone("no sandbox exists any more"))
    }

    async fn list(&self) -> Result<Vec<SandboxId>> {
        Ok(Vec::new())
    }

    async fn destroy(&self, _: &SandboxId) -> Result<()> {
        Ok(())
    }
}
