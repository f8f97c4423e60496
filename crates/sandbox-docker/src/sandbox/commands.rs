//! The commands of a sandbox: the guest does every operation except those on the container itself.

use std::time::Duration;

use async_trait::async_trait;
use backend_core::wire::Remote;
use backend_core::{
    Captured, Error, ExecOutput, ExecRequest, ExecStatus, Liveness, OutputRequest, ProcessId,
    ProcessInfo, ProcessOutput, Result, Sandbox, SandboxId, Signal, StdinRequest, TerminalSize,
    check_variable,
};
use tokio::time::{Instant, timeout};

use super::DockerSandbox;
use super::backend::{ask, ask_again};
use crate::container::{Condition, condition};
use crate::liveness::liveness;

/// How long to wait for the guest's answer before the engine is asked.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sandbox for DockerSandbox {
    fn id(&self) -> &SandboxId {
        &self.shared.id
    }

    /// Returns whether the sandbox exists. It costs one message to the guest, or one request to the engine if there is no
    /// connection. A sandbox paused through this handle, or not started yet, is alive. If it was paused from outside, or its
    /// guest does not answer, the state is unknown: it exists, and may continue. A kept sandbox whose container has ended is
    /// asleep, unless its work directory was in memory: then it is gone.
    async fn liveness(&self) -> Liveness {
        let Some(container) = self.shared.container.get() else {
            return match self.shared.link.why_gone() {
                Some(error) => Liveness::gone(error.to_string()),
                None => Liveness::Alive,
            };
        };
        let connected = self.shared.link.connected();
        if !self.shared.link.is_paused()
            && let Some(remote) = connected
            && answers(&remote).await
        {
            return Liveness::Alive;
        }
        // Neither the guest nor its silence proves the end: only the engine does.
        let found = match container.inspect().await {
            Ok(Some(found)) => found,
            Ok(None) => return Liveness::gone("the container is gone"),
            Err(error) => return Liveness::unknown(error.to_string()),
        };
        if self.shared.link.is_paused() && condition(&found) == Condition::Paused {
            return Liveness::Alive;
        }
        match liveness(&found) {
            Liveness::Alive => self.probe().await,
            other => other,
        }
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        check(request)?;
        // Creating a container does not count towards the command's timeout. Everything after it does.
        self.container().await?;
        let begun = Instant::now();
        let Some(remote) = with_timeout(request.timeout, self.remote()).await else {
            let nothing = Captured::default();
            return Ok(ExecOutput::new(
                ExecStatus::TimedOut,
                nothing.clone(),
                nothing,
                begun.elapsed(),
            ));
        };
        let remote = remote?;
        let mut request = request.clone();
        request.timeout = request.timeout.map(|limit| match limit {
            Duration::ZERO => limit,
            limit => limit
                .saturating_sub(begun.elapsed())
                .max(Duration::from_nanos(1)),
        });
        match remote.execute_with(&request).await {
            Ok(output) if may_be_container_end(output.status) => {
                self.check_container_survived(&remote, output).await
            }
            Err(error) => Err(self.explain(&remote, error).await),
            output => output,
        }
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        check(request)?;
        ask!(self, spawn_with(request))
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        ask_again!(self, processes())
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        ask_again!(self, read_output(request))
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        ask!(self, write_stdin(request))
    }

    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        ask!(self, signal(process, signal))
    }

    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        ask!(self, resize(process, size))
    }

    /// Ends the container and everything that runs in it. An ephemeral one is removed with its files; a kept one can be started
    /// again by its provider, unless its work directory was in memory. A second call has no effect.
    ///
    /// # Errors
    ///
    /// `unavailable` if it cannot be determined whether the container ended.
    async fn stop(&self) -> Result<()> {
        self.end().await
    }
}

impl DockerSandbox {
    /// Checks whether the guest of a running container answers.
    async fn probe(&self) -> Liveness {
        // It ended or was stopped, and was started again since: a new handle is needed to reach it.
        if let Some(error) = self.shared.link.why_gone() {
            return Liveness::asleep(error.to_string());
        }
        match timeout(PROBE_TIMEOUT, self.remote()).await {
            Ok(Ok(remote)) if answers(&remote).await => Liveness::Alive,
            Ok(Err(error)) => Liveness::unknown(error.to_string()),
            _ => Liveness::unknown("the container runs, but its guest does not answer"),
        }
    }

    /// Makes sure that the command was killed, and not the whole container.
    async fn check_container_survived(
        &self,
        remote: &Remote,
        output: ExecOutput,
    ) -> Result<ExecOutput> {
        if answers(remote).await {
            return Ok(output);
        }
        let doubt: Error = Error::unavailable("the sandbox ended while the command ran");
        Err(self.explain(remote, doubt).await)
    }
}

/// Returns whether a guest answers in time.
async fn answers(remote: &Remote) -> bool {
    timeout(PROBE_TIMEOUT, remote.liveness())
        .await
        .is_ok_and(|liveness| liveness.is_alive())
}

/// Rejects requests that cannot start a program, before a container is created.
fn check(request: &ExecRequest) -> Result<()> {
    let mut variables = request.env.iter();
    variables.try_for_each(|(name, value)| check_variable(name, value))
}

/// Returns whether a command's status could also be caused by the end of its container.
fn may_be_container_end(status: ExecStatus) -> bool {
    matches!(status, ExecStatus::Signaled(_) | ExecStatus::Lost)
        || matches!(status, ExecStatus::Exited(code) if code > 128)
}

async fn with_timeout<T>(
    limit: Option<Duration>,
    future: impl Future<Output = T> + Send,
) -> Option<T> {
    match limit {
        // The guest rejects a limit of zero.
        None | Some(Duration::ZERO) => Some(future.await),
        Some(limit) => timeout(limit, future).await.ok(),
    }
}
