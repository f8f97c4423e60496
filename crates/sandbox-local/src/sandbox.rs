//! The sandbox: files from a backend, commands from the engine. Checks requests and passes them on.

use std::path::PathBuf;

use async_trait::async_trait;
use backend_core::{
    Backend, ExecOutput, ExecRequest, Liveness, OutputRequest, ProcessId, ProcessInfo,
    ProcessOutput, Result, Sandbox, SandboxId, Signal, StdinRequest, TerminalSize,
};

use crate::{Engine, LocalSandboxBuilder};

/// A backend, and commands that run next to it as processes of this host.
///
/// **It isolates nothing.** A command can do whatever the user of this process can. It sees the files of the host,
/// whatever the backend shows.
///
/// When the sandbox is dropped, or [`stop`](Sandbox::stop) is called, everything that runs in it is killed; after a stop
/// every operation answers `unavailable`, also on files. It needs a tokio runtime with I/O and time.
#[derive(Debug)]
pub struct LocalSandbox<B> {
    backend: B,
    engine: Engine,
}

impl<B: Backend> LocalSandbox<B> {
    /// Adds commands to a backend that shows this directory of the host. They are not isolated from it, or from anything
    /// else.
    ///
    /// # Errors
    ///
    /// As [`LocalSandboxBuilder::build`].
    pub fn without_isolation(backend: B, host_root: impl Into<PathBuf>) -> Result<Self> {
        Self::builder_without_isolation(backend)
            .host_root(host_root)
            .build()
    }

    /// Adds commands that are not isolated from anything to a backend, with options.
    pub fn builder_without_isolation(backend: B) -> LocalSandboxBuilder<B> {
        LocalSandboxBuilder::new(backend)
    }

    pub(crate) fn new(backend: B, engine: Engine) -> Self {
        Self { backend, engine }
    }

    /// Returns the backend that has the files.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<B: Backend> Sandbox for LocalSandbox<B> {
    fn id(&self) -> &SandboxId {
        self.engine.id()
    }

    async fn liveness(&self) -> Liveness {
        match self.engine.check() {
            Ok(()) => Liveness::Alive,
            Err(_) => Liveness::gone("it was stopped"),
        }
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        self.engine.execute(request).await
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        self.engine.spawn(request).await
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.engine.processes()
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        self.engine.read_output(request).await
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        self.engine.write_stdin(request).await
    }

    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        self.engine.signal(process, signal).await
    }

    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        self.engine.resize(process, size)
    }

    async fn stop(&self) -> Result<()> {
        self.engine.stop().await
    }
}
