//! Liveness checks of a session's sandbox, and their consequences for the session.
//!
//! Only a sandbox that is gone is given up. One that was stopped from outside counts as suspended, and one in an unknown state
//! stays as it is: the caller gets the reason, and the next caller checks again.

use std::sync::Arc;

use backend_core::{Error, Liveness, Result, Sandbox, SandboxProvider};
use tokio::time::timeout;

use crate::Cause;
use crate::entry::Entry;
use crate::errors::unreachable;
use crate::event::EventKind;
use crate::guard::{Guard, holds};
use crate::inner::Inner;
use crate::phase::Goal;
use crate::running::Running;

/// The result of checking the sandbox of a live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It answers.
    Alive,
    /// It was stopped from outside, and its session is now hibernated.
    Asleep,
    /// It is gone, and the session is being marked accordingly.
    Died,
}

impl<P: SandboxProvider> Inner<P> {
    /// Makes sure that a sandbox answers, checking it unless it was seen recently.
    ///
    /// # Errors
    ///
    /// `unavailable` if its state cannot be determined.
    pub(crate) async fn probe(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: &Arc<Running<P::Sandbox>>,
    ) -> Result<Seen> {
        let now = self.now();
        let since = now.saturating_sub(self.settings.probe_after);
        {
            let mut health = running.health();
            if health.outage.is_none() {
                if health.seen.is_some_and(|seen| seen >= since) {
                    return Ok(Seen::Alive);
                }
                // A caller that comes meanwhile need not check again.
                health.seen = Some(now);
            }
        }
        self.probe_now(entry, running).await
    }

    /// Checks a sandbox, and acts on the answer.
    ///
    /// # Errors
    ///
    /// `unavailable` if its state cannot be determined.
    pub(crate) async fn probe_now(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: &Arc<Running<P::Sandbox>>,
    ) -> Result<Seen> {
        let limit = self.settings.probe_timeout;
        let liveness = match timeout(limit, running.sandbox.liveness()).await {
            Ok(liveness) => liveness,
            Err(_) => Liveness::unknown("the sandbox does not answer in time"),
        };
        self.heed(entry, running, liveness)
    }

    /// Acts on the answer of a live session's sandbox.
    pub(crate) fn heed(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: &Arc<Running<P::Sandbox>>,
        liveness: Liveness,
    ) -> Result<Seen> {
        match liveness {
            Liveness::Alive => {
                running.saw(self.now());
                Ok(Seen::Alive)
            }
            Liveness::Gone { .. } => {
                self.mark_dead(entry, running);
                Ok(Seen::Died)
            }
            Liveness::Asleep { .. } if !holds(Guard::AsleepIsNotGone) => {
                self.mark_dead(entry, running);
                Ok(Seen::Died)
            }
            Liveness::Asleep { reason } => self.mark_asleep(entry, running, reason),
            Liveness::Unknown { .. } if !holds(Guard::UnknownIsNotGone) => {
                self.mark_dead(entry, running);
                Ok(Seen::Died)
            }
            Liveness::Unknown { reason } => Err(self.mark_silent(entry, running, reason)),
        }
    }

    /// Checks a sandbox that an operation found to be unavailable.
    pub(crate) async fn check_after_error(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: &Arc<Running<P::Sandbox>>,
    ) {
        // An unknown state is reported as an event, and the caller already has an error.
        let _ = self.probe_now(entry, running).await;
    }

    /// Records that a sandbox's state cannot be determined, and reports it once per outage.
    fn mark_silent(
        &self,
        entry: &Entry<P::Sandbox>,
        running: &Running<P::Sandbox>,
        reason: String,
    ) -> Error {
        let error = unreachable(&entry.id, &reason);
        if running.missed(&reason) {
            self.reporter
                .session(entry, EventKind::Unresponsive { reason });
        }
        error
    }

    /// Hibernates a session whose sandbox was stopped from outside, and releases its permit.
    fn mark_asleep(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: &Arc<Running<P::Sandbox>>,
        reason: String,
    ) -> Result<Seen> {
        if self.provisioner.suspends() && !running.moved {
            let mut state = entry.lock();
            if state
                .running()
                .is_some_and(|held| Arc::ptr_eq(held, running))
            {
                self.begin_stop(entry, &mut state, Goal::Hibernate, Cause::Stopped)?;
            }
            return Ok(Seen::Asleep);
        }
        if self.keeps_files() {
            // It cannot be resumed, and the files are not in it.
            self.mark_dead(entry, running);
            return Ok(Seen::Died);
        }
        Err(self.mark_silent(entry, running, reason))
    }

    /// Marks a sandbox dead, if it is still that of the session.
    pub(crate) fn mark_dead(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: &Arc<Running<P::Sandbox>>,
    ) {
        {
            let mut state = entry.lock();
            if !state
                .running()
                .is_some_and(|held| Arc::ptr_eq(held, running))
            {
                return;
            }
            let _ = self.begin_stop(entry, &mut state, Goal::MarkDead, Cause::Died);
        }
        self.reporter.death(entry, self.keeps_files());
    }
}
