//! A workspace in which commands run.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Backend, Error, ExecOutput, ExecRequest, Liveness, OutputRequest, ProcessId, ProcessInfo,
    ProcessOutput, ProviderFeatures, Result, SandboxId, SandboxInfo, SandboxSpec, Signal,
    StdinRequest, TerminalSize,
};

/// Files, and commands run beside them.
///
/// A sandbox that died answers `unavailable` at once and for good; it is never replaced by an empty one behind the
/// caller's back.
///
/// # The contract
///
/// What commands mean is the same everywhere, and is written as numbered laws in the crate `backend-conformance`, which an
/// implementation runs as its tests. In short:
///
/// 1. A command arrives byte for byte, and has what the sandbox and the request give it, and nothing of who asks.
/// 2. How it ended is an outcome. Only code 0 is success, and an end that is not known is [`Lost`](crate::ExecStatus::Lost).
/// 3. What is kept of its output is exact and bounded, and what is left out is counted.
/// 4. What is killed is killed with everything that it started. What ends by itself leaves its children in the background
///    running, and is answered at once.
/// 5. Any number of commands and operations on files run at the same time, and each sees what was done before it started.
#[async_trait]
pub trait Sandbox: Backend {
    /// Returns the name of this sandbox, by which its provider finds it again.
    fn id(&self) -> &SandboxId;

    /// Returns whether the sandbox is there: it answers, it is asleep, it is gone for good, or it cannot be told. Only
    /// [`Gone`](Liveness::Gone) is a reason to give it up. It is no error to ask, and it changes nothing.
    async fn liveness(&self) -> Liveness;

    /// Runs a command to its end, and returns what it printed and how it ended.
    ///
    /// A command that fails, is killed or runs out of time is an outcome, not an error: see
    /// [`ExecStatus`](crate::ExecStatus).
    ///
    /// # Errors
    ///
    /// `invalid_request` for a request that cannot be run: no program, a NUL, a variable without a name, a timeout of
    /// zero, more than the system takes; `not_found`, `not_a_directory` and `permission_denied` for the working directory;
    /// `unsupported` for a user or a terminal that it cannot give. In all these nothing has run. `unavailable` where the
    /// sandbox is gone, or is stopped while the command runs.
    ///
    /// # Cancellation
    ///
    /// Dropping the future kills the command with all processes that it started, at whatever moment that is.
    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput>;

    /// Starts a command and returns at once. It runs until it ends, its timeout is over (120 seconds unless the request says
    /// otherwise; `None` for a server), it has printed more than its ceiling, or it is killed. Its input stays open after the bytes of the request. A program that is not there is a
    /// process that has ended with 127.
    ///
    /// # Errors
    ///
    /// As [`execute_with`](Self::execute_with); `unsupported` where the sandbox does not declare `processes`.
    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo>;

    /// Returns the processes that were started with [`spawn_with`](Self::spawn_with), those that ended included, in the
    /// order in which they started. A sandbox may forget the oldest of those that ended, and says how many it remembers; a
    /// process that runs is never forgotten.
    ///
    /// # Errors
    ///
    /// `unsupported`; `unavailable`.
    async fn processes(&self) -> Result<Vec<ProcessInfo>>;

    /// Returns output of a process from a cursor on, as often as one likes.
    ///
    /// A cursor counts the bytes that the process has ever printed to both streams. Of those the newest `output_bytes` of
    /// its request are kept; the process is not held up by who does not read.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` for a cursor past what was printed and for a limit of 0;
    /// `unsupported`; `unavailable`, also when the sandbox is stopped while the call waits.
    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput>;

    /// Writes to the standard input of a process, or closes it. It waits until the process has room for all of it.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` if its input is closed, or the process has ended or ends
    /// meanwhile; `unsupported`; `unavailable`.
    async fn write_stdin(&self, request: &StdinRequest) -> Result<()>;

    /// Sends a signal to a process and all that it started, in other sessions too. Nothing happens to one that has ended.
    /// After [`Kill`](Signal::Kill) all of them are dead when the call returns.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `unsupported`; `unavailable`.
    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()>;

    /// Sets the size of a process's terminal. Nothing happens to that of one that has ended.
    ///
    /// # Errors
    ///
    /// `not_found` for an unknown process; `invalid_request` if it has no terminal; `unsupported`; `unavailable`.
    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()>;

    /// Ends the sandbox and everything that runs in it. From then on everything answers `unavailable`, files too, and so
    /// do the calls that wait. A second call does nothing.
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

    /// Starts a shell command and returns at once. It has no timeout: it runs until it ends, is killed, or the sandbox
    /// stops.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::spawn_with`].
    fn spawn(
        &self,
        command: impl Into<String>,
    ) -> impl Future<Output = Result<ProcessInfo>> + Send {
        // A server that is started to be used for hours is what this is for.
        let request = ExecRequest::shell(command).timeout(None);
        async move { self.spawn_with(&request).await }
    }
}

impl<S: Sandbox + ?Sized> SandboxExt for S {}

/// Something that makes sandboxes, finds them again and destroys them.
#[async_trait]
pub trait SandboxProvider: std::fmt::Debug + Send + Sync + 'static {
    /// What it makes: a type of its own, or `dyn Sandbox`.
    type Sandbox: Sandbox + ?Sized;

    /// Returns what it can do beyond making and destroying. It does not change while the provider lives.
    fn features(&self) -> ProviderFeatures {
        ProviderFeatures::none()
    }

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

    /// Returns what is known of a sandbox: whether it is there, its labels, and whether the process that made it is. It
    /// never fails: where nothing can be learned, the liveness is [`Unknown`](Liveness::Unknown). One that was never made, or that
    /// is not one of ours, is [`Gone`](Liveness::Gone); one that runs is [`Alive`](Liveness::Alive), whether it answers or not; one
    /// that [`resume`](Self::resume) brings back is [`Asleep`](Liveness::Asleep).
    async fn inspect(&self, id: &SandboxId) -> SandboxInfo;

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

    /// Lays a sandbox to rest: what runs in it ends, its files stay, and it costs no memory until it is
    /// [resumed](Self::resume). Handles to it answer `unavailable` from then on. It is still listed, cannot be attached to, and
    /// [`inspect`](Self::inspect) says that it is asleep. One that rests already is no error.
    ///
    /// # Errors
    ///
    /// `unsupported` where the provider does not declare `suspends`; `unavailable` if there is none by this id, or it
    /// cannot be told whether it rests.
    async fn suspend(&self, id: &SandboxId) -> Result<()> {
        let _ = id;
        Err(Error::unsupported("suspending a sandbox"))
    }

    /// Starts a sandbox that was [suspended](Self::suspend), with the files that it had. It never makes one.
    ///
    /// # Errors
    ///
    /// `unsupported` where the provider does not declare `suspends`; `unavailable` if there is none by this id, or it does
    /// not start.
    async fn resume(&self, id: &SandboxId) -> Result<Arc<Self::Sandbox>> {
        let _ = id;
        Err(Error::unsupported("resuming a sandbox"))
    }
}
