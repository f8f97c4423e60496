//! The files of the sandbox are the backend's, until the sandbox is stopped.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, ReadRequest, Result, TextPage, VirtualPath, WriteRequest, Written,
    delegate,
};

use crate::{Engine, LocalSandbox};

macro_rules! unless_stopped {
    ($self:ident, $operation:ident($request:expr)) => {{
        $self.engine().check()?;
        $self.backend().$operation($request).await
    }};
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<B: Backend> Backend for LocalSandbox<B> {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.backend().capabilities();
        capabilities.executes = Engine::SUPPORTED;
        capabilities.processes = Engine::SUPPORTED;
        capabilities.pty = Engine::SUPPORTED;
        capabilities
    }

    fn work_dir(&self) -> VirtualPath {
        self.engine().work_dir().clone()
    }

    delegate!(reads, changes by unless_stopped);

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        match self.engine().check() {
            Ok(()) => self.backend().read_many_with(requests).await,
            Err(gone) => requests.iter().map(|_| Err(gone.clone())).collect(),
        }
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        match self.engine().check() {
            Ok(()) => self.backend().write_many_with(requests).await,
            Err(gone) => requests.iter().map(|_| Err(gone.clone())).collect(),
        }
    }
}
