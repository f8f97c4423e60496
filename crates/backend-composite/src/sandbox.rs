//! Commands: they run in the default, and see only its files.

use async_trait::async_trait;
use backend_core::{
    Error, ExecOutput, ExecRequest, Liveness, ProcessInfo, Result, Sandbox, SandboxId, delegate,
};

use crate::CompositeBackend;

macro_rules! to_default {
    ($self:ident, $operation:ident($($argument:expr),*)) => {
        (*$self.default).$operation($($argument),*).await
    };
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<D: Sandbox + ?Sized> Sandbox for CompositeBackend<D> {
    fn id(&self) -> &SandboxId {
        (*self.default).id()
    }

    async fn liveness(&self) -> Liveness {
        (*self.default).liveness().await
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        self.check_cwd(request).await?;
        (*self.default).execute_with(request).await
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        self.check_cwd(request).await?;
        (*self.default).spawn_with(request).await
    }

    delegate!(processes by to_default);

    async fn stop(&self) -> Result<()> {
        (*self.default).stop().await
    }
}

impl<D: Sandbox + ?Sized> CompositeBackend<D> {
    /// Refuses a working directory that commands cannot see. A directory inside a mount is allowed if the default has
    /// it too: the same directory may be mounted in both.
    async fn check_cwd(&self, request: &ExecRequest) -> Result<()> {
        let Some(cwd) = &request.cwd else {
            return Ok(());
        };
        if self.routes.owner(cwd).is_none() {
            return Ok(());
        }
        let stat = backend_core::StatRequest::new(cwd);
        match (*self.default).stat_with(&stat).await {
            // A link to a directory is for the default to follow.
            Ok(entry) if entry.is_directory() || entry.target.is_some() => Ok(()),
            Err(error) if error.kind() == backend_core::ErrorKind::Unavailable => Err(error),
            _ => Err(Error::invalid_request_at(
                cwd,
                "commands do not see what is mounted here; run them in another directory, and \
                 copy the files they need there",
            )),
        }
    }
}
