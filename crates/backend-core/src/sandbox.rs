//! A workspace in which commands run.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Backend, ExecOutput, ExecRequest, OutputRequest, ProcessId, ProcessInfo, ProcessOutput, Result,
    SandboxId, SandboxSpec, Signal, StdinRequest, TerminalSize,
};

/// Files, and commands run beside them.
///
/// A sandbox that died answers `unavailable` at once and for good; it is never replaced by an empty one behind the
/// caller's back.
#[async_trait]
pub trait Sandbox: Backend {
    /// Returns the name of this sandbox, by which its provider finds it again.
    fn id(&self) -> &SandboxId;

    /// Returns whether the sandbox still answers. A sandbox that does not is gone for good.
    async fn is_alive(&self) -> bool;

    /// Runs a command to its end, and returns what it printed and how it ended.
    ///
    /// A command that fails, is killed or runs out of time is an outcome, not an error: see
    /// [`ExecStatus`](crate::ExecStatus).
    ///
    /// # Errors
    ///
    /// `invalid_request` for a request that cannot be run; `not_found` for a working directory that is not there;
    /// `unavailable` where the sandbox is gone.
    ///
    /// # Cancellation
    ///
    /// Dropping the future kills the command with all processes that it started.
    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput>;

    /// Starts a command and returns at once. It runs until it ends, its timeout is over, or it is killed.
    ///
    /// # Errors
    ///
    /// As [`execute_with`](Self::execute_with); `unsupported` where the sandbox does not declare `processes`.
    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo>;

    /// Returns the processes that were started with [`spawn_with`](Self::spawn_with), those that ended included, in the
    /// order in which they started.
    ///
    /// # Errors
    ///
    /// `unsupported`; `unavailable`.
    async fn processes(&self) -> Result<Vec<ProcessInfo>>;

    /// Returns output of a process from a cursor on.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `unsupported`; `unavailable`.
    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput>;

    /// Writes to the standard input of a process, or closes it.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` if its input is closed; `unsupported`; `unavailable`.
    async fn write_stdin(&self, request: &StdinRequest) -> Result<()>;

    /// Sends a signal to a process and all that it started. Nothing happens to one that has ended.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `unsupported`; `unavailable`.
    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()>;

    /// Sets the size of a process's terminal.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` if it has no terminal; `unsupported`; `unavailable`.
    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()>;

    /// Ends the sandbox and everything that runs in it. A second call does nothing.
    ///
    /// # Errors
    ///
    /// `unavailable` if it cannot be told whether the sandbox ended.
    async fn stop(&self) -> Result<()>;
}

/// The comfortable face of a [`Sandbox`]. It is implemented for every sandbox.
pub trait SandboxExt: Sandbox {
    /// Runs a shell command to its end, with the defaults of [`ExecRequest::shell`].
    ///
    /// # Errors
    ///
    /// As [`Sandbox::execute_with`].
    fn execute(
        &self,
        command: impl Into<String>,
    ) -> impl Future<Output = Result<ExecOutput>> + Send {
        let request = ExecRequest::shell(command);
        async move { self.execute_with(&request).await }
    }

    /// Starts a shell command and returns at once.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::spawn_with`].
    fn spawn(
        &self,
        command: impl Into<String>,
    ) -> impl Future<Output = Result<ProcessInfo>> + Send {
        let request = ExecRequest::shell(command);
        async move { self.spawn_with(&request).await }
    }
}

impl<S: Sandbox + ?Sized> SandboxExt for S {}

/// Something that makes sandboxes, finds them again and destroys them.
#[async_trait]
pub trait SandboxProvider: std::fmt::Debug + Send + Sync + 'static {
    /// What it makes: a type of its own, or `dyn Sandbox`.
    type Sandbox: Sandbox + ?Sized;

    /// Makes a sandbox and starts it. A start that fails leaves nothing behind.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a specification that cannot be met; `already_exists` if the id is taken; `unavailable`.
    async fn create(&self, spec: &SandboxSpec) -> Result<Arc<Self::Sandbox>>;

    /// Returns a sandbox that this provider made and that still runs. It never makes one.
    ///
    /// # Errors
    ///
    /// `unavailable` if there is none by this id, or it is not one of ours.
    async fn attach(&self, id: &SandboxId) -> Result<Arc<Self::Sandbox>>;

    /// Returns the ids of the sandboxes that this provider made and that still exist, in order.
    ///
    /// # Errors
    ///
    /// `unavailable`.
    async fn list(&self) -> Result<Vec<SandboxId>>;

    /// Removes a sandbox with everything that is in it. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// `unavailable` if it cannot be told whether the sandbox is gone.
    async fn destroy(&self, id: &SandboxId) -> Result<()>;
}
