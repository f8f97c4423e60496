//! A workspace in which commands run.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Backend, Error, ExecOutput, ExecRequest, Liveness, OutputRequest, ProcessId, ProcessInfo,
    ProcessOutput, ProviderFeatures, Result, SandboxId, SandboxInfo, SandboxSpec, Signal,
    StdinRequest, TerminalSize,
};

/// Files, and commands that run next to them.
///
/// A dead sandbox answers `unavailable` immediately and permanently; it is never silently replaced by an empty one.
///
/// # The contract
///
/// Commands mean the same in every sandbox. Their meaning is written as numbered laws in the crate `backend-conformance`,
/// which an implementation runs as its tests. In short:
///
/// 1. A command arrives byte for byte. It gets what the sandbox and the request provide, and inherits nothing from the
///    caller.
/// 2. The way it ended is an outcome. Only code 0 is success, and an unknown end is [`Lost`](crate::ExecStatus::Lost).
/// 3. Captured output is exact and bounded, and omitted bytes are counted.
/// 4. Killing a command kills everything it started. A command that exits on its own leaves its background children
///    running, and is answered immediately.
/// 5. Any number of commands and file operations run concurrently, and each sees what was done before it started.
#[async_trait]
pub trait Sandbox: Backend {
    /// Returns the id of this sandbox, by which its provider finds it again.
    fn id(&self) -> &SandboxId;

    /// Returns whether the sandbox is alive, asleep, gone for good, or in an unknown state. Only [`Gone`](Liveness::Gone)
    /// is a reason to give it up. The call never fails, and changes nothing.
    async fn liveness(&self) -> Liveness;

    /// Runs a command to completion, and returns its output and status.
    ///
    /// A command that fails, is killed or times out is an outcome, not an error: see [`ExecStatus`](crate::ExecStatus).
    ///
    /// # Errors
    ///
    /// `invalid_request` for a request that cannot be run: no program, a NUL, an unnamed variable, a timeout of zero, more
    /// than the system accepts; `not_found`, `not_a_directory` and `permission_denied` for the working directory;
    /// `unsupported` for a user or a terminal that the sandbox cannot provide. In all these cases nothing has run.
    /// `unavailable` where the sandbox is gone, or is stopped while the command runs.
    ///
    /// # Cancellation
    ///
    /// Dropping the future at any moment kills the command and every process that it started.
    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput>;

    /// Spawns a command and returns immediately. It runs until it exits, times out (after 120 seconds unless the request
    /// says otherwise; use `None` for a server), exceeds its output ceiling, or is killed. Its input stays open after the
    /// bytes of the request. A missing program yields a process that has exited with code 127.
    ///
    /// # Errors
    ///
    /// As [`execute_with`](Self::execute_with); `unsupported` where the sandbox does not declare `processes`.
    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo>;

    /// Returns the processes that were started with [`spawn_with`](Self::spawn_with), including ended ones, in start order.
    /// A sandbox may forget the oldest ended ones, and documents how many it remembers; a running process is never
    /// forgotten.
    ///
    /// # Errors
    ///
    /// `unsupported`; `unavailable`.
    async fn processes(&self) -> Result<Vec<ProcessInfo>>;

    /// Returns output of a process from a cursor, as often as needed.
    ///
    /// A cursor counts the bytes that the process has ever printed to both streams. The newest `output_bytes` of the
    /// request are kept; a slow reader does not block the process.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` for a cursor past what was printed and for a limit of 0;
    /// `unsupported`; `unavailable`, also when the sandbox is stopped while the call waits.
    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput>;

    /// Writes to the standard input of a process, or closes it. Waits until the process has room for all the bytes.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` if its input is closed, or the process has ended or ends
    /// during the call; `unsupported`; `unavailable`.
    async fn write_stdin(&self, request: &StdinRequest) -> Result<()>;

    /// Sends a signal to a process and everything it started, including other sessions. It has no effect on an ended
    /// process. After [`Kill`](Signal::Kill) all of them are dead when the call returns.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `unsupported`; `unavailable`.
    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()>;

    /// Sets the size of a process's terminal. It has no effect on an ended process.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` if it has no terminal; `unsupported`; `unavailable`.
    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()>;

    /// Stops the sandbox and everything that runs in it. From then on every call answers `unavailable`, including file
    /// operations and pending calls. A second call does nothing.
    ///
    /// # Errors
    ///
    /// `unavailable` if it is unknown whether the sandbox stopped.
    async fn stop(&self) -> Result<()>;
}

/// Convenience methods for [`Sandbox`], implemented for every sandbox.
pub trait SandboxExt: Sandbox {
    /// Runs a shell command to completion, with the defaults of [`ExecRequest::shell`].
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

    /// Spawns a shell command and returns immediately. It has no timeout: it runs until it exits, is killed, or the sandbox
    /// stops.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::spawn_with`].
    fn spawn(
        &self,
        command: impl Into<String>,
    ) -> impl Future<Output = Result<ProcessInfo>> + Send {
        // This is meant for servers, which run for hours.
        let request = ExecRequest::shell(command).timeout(None);
        async move { self.spawn_with(&request).await }
    }
}

impl<S: Sandbox + ?Sized> SandboxExt for S {}

/// Creates, reattaches to, and destroys sandboxes.
#[async_trait]
pub trait SandboxProvider: std::fmt::Debug + Send + Sync + 'static {
    /// The type of its sandboxes: a type of its own, or `dyn Sandbox`.
    type Sandbox: Sandbox + ?Sized;

    /// Returns what it can do beyond creating and destroying. It never changes for a given provider.
    fn features(&self) -> ProviderFeatures {
        ProviderFeatures::none()
    }

    /// Creates and starts a sandbox. A failed start leaves nothing behind.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a specification that cannot be met; `unsupported` for a kind of [`Workspace`](crate::Workspace)
    /// that the provider does not have; `already_exists` if the id is taken; `unavailable`.
    async fn create(&self, spec: &SandboxSpec) -> Result<Arc<Self::Sandbox>>;

    /// Returns a running sandbox that this provider created. It never creates one.
    ///
    /// # Errors
    ///
    /// `unavailable` if no such sandbox runs, or it was not created by this provider.
    async fn attach(&self, id: &SandboxId) -> Result<Arc<Self::Sandbox>>;

    /// Returns what is known about a sandbox: whether it exists, its labels, and whether the process that created it still
    /// runs. It never fails: where nothing can be learned, the liveness is [`Unknown`](Liveness::Unknown). A sandbox that
    /// was never created, or not by this provider, is [`Gone`](Liveness::Gone); a running one is
    /// [`Alive`](Liveness::Alive), whether it answers or not; one that [`resume`](Self::resume) can bring back is
    /// [`Asleep`](Liveness::Asleep).
    async fn inspect(&self, id: &SandboxId) -> SandboxInfo;

    /// Returns the ids of the existing sandboxes that this provider created, in order.
    ///
    /// # Errors
    ///
    /// `unavailable`.
    async fn list(&self) -> Result<Vec<SandboxId>>;

    /// Removes a sandbox and everything in it. Removing one that does not exist is not an error.
    ///
    /// # Errors
    ///
    /// `unavailable` if it is unknown whether the sandbox is gone.
    async fn destroy(&self, id: &SandboxId) -> Result<()>;

    /// Suspends a sandbox: its processes end, its files stay, and it uses no memory until [resumed](Self::resume). Existing
    /// handles answer `unavailable` from then on. It is still listed, cannot be attached to, and [`inspect`](Self::inspect)
    /// reports it as asleep. Suspending a suspended sandbox is not an error.
    ///
    /// # Errors
    ///
    /// `unsupported` where the provider does not declare `suspends`; `unavailable` if no such sandbox exists, or it is
    /// unknown whether it is suspended.
    async fn suspend(&self, id: &SandboxId) -> Result<()> {
        let _ = id;
        Err(Error::unsupported("suspending a sandbox"))
    }

    /// Starts a [suspended](Self::suspend) sandbox with its files. It never creates one.
    ///
    /// # Errors
    ///
    /// `unsupported` where the provider does not declare `suspends`; `unavailable` if no such sandbox exists, or it does
    /// not start.
    async fn resume(&self, id: &SandboxId) -> Result<Arc<Self::Sandbox>> {
        let _ = id;
        Err(Error::unsupported("resuming a sandbox"))
    }
}
