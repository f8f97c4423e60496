//! A provider without sandboxes, for a root that is cleaned without asking any engine.

use std::sync::Arc;

use async_trait::async_trait;
use backend_core::{
    Error, Liveness, Result, Sandbox, SandboxId, SandboxInfo, SandboxProvider, SandboxSpec,
};

/// There is no sandbox, and none can be made. Whoever uses it knows that none exists that it is asked to destroy.
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

    /// Says what the operator said: that no sandbox exists.
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
