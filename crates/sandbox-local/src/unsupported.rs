//! Platforms other than Linux: files work, and commands are `unsupported`.

use std::sync::atomic::{AtomicBool, Ordering};

use backend_core::{
    Error, ExecOutput, ExecRequest, OutputRequest, ProcessId, ProcessInfo, ProcessOutput, Result,
    SandboxId, Signal, StdinRequest, TerminalSize, VirtualPath,
};

use crate::builder::Config;

/// Runs nothing.
#[derive(Debug)]
pub(crate) struct Engine {
    id: SandboxId,
    work_dir: VirtualPath,
    stopped: AtomicBool,
}

impl Engine {
    pub(crate) const SUPPORTED: bool = false;

    pub(crate) fn new(config: Config) -> Result<Self> {
        let id = match config.id {
            Some(id) => id,
            None => SandboxId::parse("local")?,
        };
        Ok(Self {
            id,
            work_dir: config.work_dir,
            stopped: AtomicBool::new(false),
        })
    }

    pub(crate) fn id(&self) -> &SandboxId {
        &self.id
    }

    pub(crate) fn work_dir(&self) -> &VirtualPath {
        &self.work_dir
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::unavailable("the sandbox was stopped"));
        }
        Ok(())
    }

    fn refuse<T>(&self) -> Result<T> {
        self.check()?;
        Err(Error::unsupported("commands on platforms other than Linux"))
    }

    pub(crate) async fn execute(&self, _: &ExecRequest) -> Result<ExecOutput> {
        self.refuse()
    }

    pub(crate) async fn spawn(&self, _: &ExecRequest) -> Result<ProcessInfo> {
        self.refuse()
    }

    pub(crate) fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.refuse()
    }

    pub(crate) async fn read_output(&self, _: &OutputRequest) -> Result<ProcessOutput> {
        self.refuse()
    }

    pub(crate) async fn write_stdin(&self, _: &StdinRequest) -> Result<()> {
        self.refuse()
    }

    pub(crate) async fn signal(&self, _: &ProcessId, _: Signal) -> Result<()> {
        self.refuse()
    }

    pub(crate) fn resize(&self, _: &ProcessId, _: TerminalSize) -> Result<()> {
        self.refuse()
    }

    pub(crate) async fn stop(&self) -> Result<()> {
        self.stopped.store(true, Ordering::Release);
        Ok(())
    }
}
