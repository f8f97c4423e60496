//! A permit for one more sandbox: a free one, or that of a sandbox being stopped.
//!
//! A freed permit is handed directly from the stopping sandbox to the waiter, so that no other caller gets it and the ceiling
//! holds at every moment.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{Error, Result, SandboxProvider};
use tokio::sync::oneshot;

use crate::calendar::Calendar;
use crate::capacity::{Capacity, Permit};
use crate::entry::Entry;
use crate::errors::closing;
use crate::event::Cause;
use crate::guard::{Guard, holds};
use crate::health::{Activity, Prober, is_still_idle};
use crate::orphans::Orphans;
use crate::phase::{Goal, Phase, Transition, Waiter};
use crate::provisioner::Provisioner;
use crate::running::Running;
use crate::settings::Eviction;
use crate::stop::Stopper;
use crate::table::Table;
use crate::warm::WarmPool;

/// A session that could be evicted.
struct Candidate<S: ?Sized> {
    used: Duration,
    entry: Arc<Entry<S>>,
    running: Arc<Running<S>>,
}

/// Gets a permit for one more sandbox.
pub(crate) struct Admission<P: SandboxProvider> {
    pub(crate) eviction: Eviction,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) orphans: Arc<Orphans<P>>,
    pub(crate) prober: Arc<Prober<P>>,
    pub(crate) provisioner: Arc<Provisioner<P>>,
    pub(crate) stopper: Arc<Stopper<P>>,
    pub(crate) table: Arc<Table<P::Sandbox>>,
    pub(crate) warm: Arc<WarmPool<P>>,
}

impl<P: SandboxProvider> Admission<P> {
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
                () = self.provisioner.closed() => return Err(closing()),
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
        let waiter = match self.warm.take_warm(waiter) {
            None => return Ok(Some(reserved)),
            Some(waiter) => waiter,
        };
        self.find_stopping(waiter, reserved).await
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
        let Eviction::LeastRecentlyUsed { idle_for } = self.eviction else {
            return Ok(false);
        };
        let now = self.calendar.now();
        let mut candidates: Vec<Candidate<P::Sandbox>> = Vec::new();
        for entry in self.table.entries() {
            let state = entry.lock();
            let used = state.used;
            if let Some(running) = state.running().map(Arc::clone)
                && !running.is_busy()
                && now.saturating_sub(used) >= idle_for
                && self.prober.can_hibernate(&running)
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
            let mut work = Activity::Silent;
            if running.health().outage.is_none() {
                work = self.prober.activity(&running).await;
            }
            if matches!(work, Activity::Silent | Activity::Late) {
                // If it is gone, or was stopped, its permit is about to be released.
                self.prober.check_after_error(&entry, &running).await;
                let outage = running.health().outage.clone();
                if let Some(reason) = outage.filter(|_| holds(Guard::SilenceIsNotIdle)) {
                    // In an outage each of the others would take as long to find out.
                    return Err(Error::unavailable(format!(
                        "every slot is in use, and a sandbox that could be stopped cannot be reached: {reason}; try again later"
                    )));
                }
                if work == Activity::Silent && is_still_idle(&entry.lock(), &running, used) {
                    work = self.prober.activity(&running).await;
                }
            }
            let mut state = entry.lock();
            if is_still_idle(&state, &running, used) {
                if work != Activity::Idle {
                    continue;
                }
                self.stopper
                    .begin_stop(&entry, &mut state, Goal::Hibernate, Cause::Evicted)?;
            } else if !matches!(state.phase(), Phase::Stopping(stopping) if stopping.waiter.is_none())
            {
                continue;
            }
            return Ok(state.apply(Transition::Reserve(waiter)).is_ok());
        }
        Ok(false)
    }
}
