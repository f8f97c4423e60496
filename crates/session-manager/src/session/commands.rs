//! The commands of a session run in its sandbox.

use async_trait::async_trait;
use backend_core::{
    ExecOutput, ExecRequest, Liveness, ProcessInfo, Result, Sandbox, SandboxId, SandboxProvider,
    delegate,
};
use tokio::time::timeout;

use super::Session;
use super::files::on_sandbox;
use crate::health::Seen;
use crate::phase::{Goal, Phase};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: SandboxProvider> Sandbox for Session<P> {
    /// Returns the id of the session, which outlives that of its sandbox.
    fn id(&self) -> &SandboxId {
        &self.entry.id
    }

    /// Returns whether the session exists. A hibernated session is reported as asleep and not resumed. It does not count as a
    /// use.
    async fn liveness(&self) -> Liveness {
        let running = {
            let state = self.entry.lock();
            match state.phase() {
                Phase::Live(live) => std::sync::Arc::clone(&live.running),
                _ if self.inner.is_closing() => {
                    return Liveness::unknown("the session manager is shutting down");
                }
                Phase::Starting(_) => return Liveness::asleep("it is being started"),
                Phase::Hibernated => {
                    return Liveness::asleep("it is hibernated until its next use");
                }
                Phase::Stopping(stopping) if stopping.goal == Goal::Hibernate => {
                    return Liveness::asleep("it is hibernated until its next use");
                }
                Phase::Stopping(_) => return Liveness::unknown("its sandbox is being stopped"),
                _ => return Liveness::gone("it was released, or its sandbox died"),
            }
        };
        let limit = self.inner.settings.probe_timeout;
        let liveness = match timeout(limit, running.sandbox.liveness()).await {
            Ok(liveness) => liveness,
            Err(_) => Liveness::unknown("the sandbox does not answer in time"),
        };
        // The session is updated accordingly; an unknown state is reported as an event.
        let seen = self
            .inner
            .prober
            .act_on(&self.entry, &running, liveness.clone());
        match (seen, liveness) {
            (Ok(Seen::Died), Liveness::Gone { reason }) if self.inner.keeps_files() => {
                Liveness::asleep(reason)
            }
            (_, liveness) => liveness,
        }
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        let pass = self.begin_op().await?;
        let request = pass.running.with_variables(request);
        let outcome = pass.running.sandbox.execute_with(&request).await;
        drop(request);
        self.checked(pass, outcome).await
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        let pass = self.begin_op().await?;
        let request = pass.running.with_variables(request);
        let outcome = pass.running.sandbox.spawn_with(&request).await;
        drop(request);
        self.checked(pass, outcome).await
    }

    delegate!(processes by on_sandbox);

    /// Releases the session. Its stored files are kept.
    async fn stop(&self) -> Result<()> {
        self.inner.close_entry(&self.entry).await
    }
}
