//! A permit for one more sandbox: a free one, or that of a sandbox being stopped.
//!
//! A freed permit is handed directly from the stopping sandbox to the waiter, so that no other caller gets it and the ceiling
//! holds at every moment.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{Error, ErrorKind, Result, Sandbox, SandboxProvider};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::capacity::Permit;
use crate::entry::Entry;
use crate::errors::closing;
use crate::event::Cause;
use crate::guard::{Guard, holds};
use crate::inner::Inner;
use crate::lock::lock;
use crate::phase::{Goal, Phase, Transition, Waiter};
use crate::running::Running;
use crate::settings::Eviction;

/// A session that could be evicted.
struct Candidate<S: ?Sized> {
    used: Duration,
    entry: Arc<Entry<S>>,
    running: Arc<Running<S>>,
}

impl<P: SandboxProvider> Inner<P> {
    /// Returns a permit for a sandbox, evicting a session if allowed.
    pub(crate) async fn acquire_permit(self: &Arc<Self>) -> Result<Permit> {
        loop {
            if let Some(permit) = self.capacity.resident() {
                return Ok(permit);
            }
            // Retry destroying orphaned sandboxes that hold a permit.
            self.orphans.hurry();
            let Some(reserved) = self.reserve_slot().await? else {
                return Err(self.capacity.no_resident());
            };
            tokio::select! {
                biased;
                () = self.closed() => return Err(closing()),
                // If the sandbox could not be stopped, try another one.
                permit = reserved => if let Ok(permit) = permit {
                    return Ok(permit);
                },
            }
        }
    }

    /// Finds a session that is stopping, or evicts one.
    async fn reserve_slot(self: &Arc<Self>) -> Result<Option<oneshot::Receiver<Permit>>> {
        let (waiter, reserved) = oneshot::channel();
        let waiter = match self.take_warm(waiter) {
            None => return Ok(Some(reserved)),
            Some(waiter) => waiter,
        };
        self.find_stopping(waiter, reserved).await
    }

    /// Hands the permit of a pooled sandbox to the waiter. Returns the waiter if the pool has none.
    fn take_warm(self: &Arc<Self>, waiter: Waiter) -> Option<Waiter> {
        let mut pool = lock(&self.pool);
        if let Some(warm) = pool.take_any() {
            drop(pool);
            self.orphans
                .destroy(warm.id, Some(warm.permit), Some(waiter));
            return None;
        }
        pool.wait(waiter)
    }

    async fn find_stopping(
        self: &Arc<Self>,
        waiter: Waiter,
        reserved: oneshot::Receiver<Permit>,
    ) -> Result<Option<oneshot::Receiver<Permit>>> {
        for entry in self.table.entries() {
            let mut state = entry.lock();
            if let Phase::Stopping(stopping) = state.phase()
                && stopping.waiter.is_none()
                && stopping.stuck.is_none()
            {
                let _ = state.apply(Transition::Reserve(waiter));
                return Ok(Some(reserved));
            }
        }
        Ok(self.evict(waiter).await?.then_some(reserved))
    }

    /// Hibernates the least recently used session. Returns false if none is eligible.
    ///
    /// # Errors
    ///
    /// `unavailable` if the first candidate that does not say what runs in it cannot be reached.
    async fn evict(self: &Arc<Self>, waiter: Waiter) -> Result<bool> {
        let Eviction::LeastRecentlyUsed { idle_for } = self.settings.eviction else {
            return Ok(false);
        };
        let now = self.now();
        let mut candidates: Vec<Candidate<P::Sandbox>> = Vec::new();
        for entry in self.table.entries() {
            let state = entry.lock();
            let used = state.used;
            if let Some(running) = state.running().map(Arc::clone)
                && !running.is_busy()
                && now.saturating_sub(used) >= idle_for
                && self.can_hibernate(&running)
            {
                drop(state);
                candidates.push(Candidate {
                    used,
                    entry,
                    running,
                });
            }
        }
        // Those that could not be reached last are tried last: they may answer again.
        candidates.sort_by_key(|one| (one.running.health().outage.is_some(), one.used));
        for Candidate {
            used,
            entry,
            running,
        } in candidates
        {
            let mut work = Work::Silent;
            if running.health().outage.is_none() {
                work = self.works(&running).await;
            }
            if matches!(work, Work::Silent | Work::Late) {
                // If it is gone, or was stopped, its permit is about to be released.
                self.check_after_error(&entry, &running).await;
                let outage = running.health().outage.clone();
                if let Some(reason) = outage.filter(|_| holds(Guard::SilenceIsNotIdle)) {
                    // In an outage each of the others would take as long to find out.
                    return Err(Error::unavailable(format!(
                        "every slot is in use, and a sandbox that could be stopped cannot be reached: {reason}; try again later"
                    )));
                }
                if work == Work::Silent && is_still_idle(&entry.lock(), &running, used) {
                    work = self.works(&running).await;
                }
            }
            let mut state = entry.lock();
            if is_still_idle(&state, &running, used) {
                if work != Work::Idle {
                    continue;
                }
                self.begin_stop(&entry, &mut state, Goal::Hibernate, Cause::Evicted)?;
            } else if !matches!(state.phase(), Phase::Stopping(stopping) if stopping.waiter.is_none())
            {
                continue;
            }
            return Ok(state.apply(Transition::Reserve(waiter)).is_ok());
        }
        Ok(false)
    }

    /// Returns whether a session keeps its files while it has no running sandbox.
    pub(crate) fn can_hibernate(&self, running: &Running<P::Sandbox>) -> bool {
        self.keeps_files() || (self.provisioner.suspends() && !running.moved)
    }

    /// Returns whether a spawned process is still running.
    pub(crate) async fn works(&self, running: &Running<P::Sandbox>) -> Work {
        let limit = self.settings.probe_timeout;
        match timeout(limit, running.sandbox.processes()).await {
            Ok(Ok(processes)) if processes.iter().all(|process| process.status.is_some()) => {
                Work::Idle
            }
            Ok(Ok(_)) => Work::Busy,
            // Without support for processes, none is running.
            Ok(Err(error)) if error.kind() == ErrorKind::Unsupported => Work::Idle,
            Ok(Err(error)) if error.kind() == ErrorKind::Unavailable => {
                if holds(Guard::SilenceIsNotIdle) {
                    Work::Silent
                } else {
                    Work::Idle
                }
            }
            Ok(Err(_)) => Work::Busy,
            Err(_) => Work::Late,
        }
    }
}

/// Background activity of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
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
    state: &crate::entry::State<S>,
    running: &Arc<Running<S>>,
    used: Duration,
) -> bool {
    state
        .running()
        .is_some_and(|held| Arc::ptr_eq(held, running))
        && !running.is_busy()
        && state.used == used
}
