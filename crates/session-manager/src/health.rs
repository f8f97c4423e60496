//! Liveness checks of a session's sandbox, and their consequences for the session.
//!
//! Only a sandbox that is gone is given up. One that was stopped from outside counts as suspended, and one in an unknown state
//! stays as it is: the caller gets the reason, and the next caller checks again.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{Error, ErrorKind, Liveness, Result, Sandbox, SandboxProvider};
use tokio::time::timeout;

use crate::Cause;
use crate::calendar::Calendar;
use crate::entry::{Entry, State};
use crate::errors::unreachable;
use crate::event::EventKind;
use crate::guard::{Guard, holds};
use crate::phase::Goal;
use crate::provisioner::Provisioner;
use crate::records::Records;
use crate::reporter::Reporter;
use crate::running::Running;
use crate::stop::Stopper;

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

/// Checks the sandboxes of live sessions, and acts on what they answer.
pub(crate) struct Prober<P: SandboxProvider> {
    pub(crate) probe_after: Duration,
    pub(crate) probe_timeout: Duration,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) provisioner: Arc<Provisioner<P>>,
    pub(crate) records: Arc<Records>,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) stopper: Arc<Stopper<P>>,
}

impl<P: SandboxProvider> Prober<P> {
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
        let now = self.calendar.now();
        let since = now.saturating_sub(self.probe_after);
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
        let limit = self.probe_timeout;
        let liveness = match timeout(limit, running.sandbox.liveness()).await {
            Ok(liveness) => liveness,
            Err(_) => Liveness::unknown("the sandbox does not answer in time"),
        };
        self.act_on(entry, running, liveness)
    }

    /// Acts on the answer of a live session's sandbox.
    pub(crate) fn act_on(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: &Arc<Running<P::Sandbox>>,
        liveness: Liveness,
    ) -> Result<Seen> {
        match liveness {
            Liveness::Alive => {
                running.saw(self.calendar.now());
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
                self.stopper
                    .begin_stop(entry, &mut state, Goal::Hibernate, Cause::Stopped)?;
            }
            return Ok(Seen::Asleep);
        }
        if self.records.keeps_files() {
            // It cannot be resumed, and the files are not in it.
            self.mark_dead(entry, running);
            return Ok(Seen::Died);
        }
        Err(self.mark_silent(entry, running, reason))
    }

    /// Marks a sandbox dead, if it is still that of the session.
    fn mark_dead(
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
            let _ = self
                .stopper
                .begin_stop(entry, &mut state, Goal::MarkDead, Cause::Died);
        }
        self.reporter.death(entry, self.records.keeps_files());
    }

    /// Returns whether a session keeps its files while it has no running sandbox.
    pub(crate) fn can_hibernate(&self, running: &Running<P::Sandbox>) -> bool {
        self.records.keeps_files() || (self.provisioner.suspends() && !running.moved)
    }

    /// Returns whether a spawned process is still running.
    pub(crate) async fn activity(&self, running: &Running<P::Sandbox>) -> Activity {
        let limit = self.probe_timeout;
        match timeout(limit, running.sandbox.processes()).await {
            Ok(Ok(processes)) if processes.iter().all(|process| process.status.is_some()) => {
                Activity::Idle
            }
            Ok(Ok(_)) => Activity::Busy,
            // Without support for processes, none is running.
            Ok(Err(error)) if error.kind() == ErrorKind::Unsupported => Activity::Idle,
            Ok(Err(error)) if error.kind() == ErrorKind::Unavailable => {
                if holds(Guard::SilenceIsNotIdle) {
                    Activity::Silent
                } else {
                    Activity::Idle
                }
            }
            Ok(Err(_)) => Activity::Busy,
            Err(_) => Activity::Late,
        }
    }
}

/// What runs in the background of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// No spawned process is running.
    Idle,
    /// A spawned process is or may be running.
    Busy,
    /// The sandbox could not be reached. It is not considered idle.
    Silent,
    /// The sandbox did not answer in time. A spawned process may be running.
    Late,
}

/// Returns whether a session is unchanged since it was inspected.
pub(crate) fn is_still_idle<S: ?Sized>(
    state: &State<S>,
    running: &Arc<Running<S>>,
    used: Duration,
) -> bool {
    state
        .running()
        .is_some_and(|held| Arc::ptr_eq(held, running))
        && !running.is_busy()
        && state.used == used
}
