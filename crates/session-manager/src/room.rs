//! A permit for one more sandbox: a free one, or that of a sandbox being stopped.
//!
//! A freed permit is handed directly from the stopping sandbox to the waiter, so that no other caller gets it and the ceiling
//! holds at every moment.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{Error, ErrorKind, Result, Sandbox, SandboxProvider};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::decide::closing;
use crate::entry::{Body, Entry, Goal, Phase};
use crate::event::Cause;
use crate::guard::{Guard, holds};
use crate::inner::{Inner, lock};
use crate::rooms::Permit;
use crate::settings::Eviction;

/// A session that could be evicted.
struct Candidate<S: ?Sized> {
    used: Duration,
    entry: Arc<Entry<S>>,
    body: Arc<Body<S>>,
}

impl<P: SandboxProvider> Inner<P> {
    /// Returns a permit for a sandbox, evicting a session if allowed.
    pub(crate) async fn room(self: &Arc<Self>) -> Result<Permit> {
        loop {
            if let Some(permit) = self.rooms.resident() {
                return Ok(permit);
            }
            // Retry destroying orphaned sandboxes that hold a permit.
            self.hurry.notify_waiters();
            let Some(promise) = self.promise().await? else {
                return Err(self.rooms.no_resident());
            };
            tokio::select! {
                biased;
                () = self.closed() => return Err(closing()),
                // If the sandbox could not be stopped, try another one.
                permit = promise => if let Ok(permit) = permit {
                    return Ok(permit);
                },
            }
        }
    }

    /// Finds a session that is stopping, or evicts one.
    async fn promise(self: &Arc<Self>) -> Result<Option<oneshot::Receiver<Permit>>> {
        let (heir, promise) = oneshot::channel();
        let heir = match self.spare(heir) {
            None => return Ok(Some(promise)),
            Some(heir) => heir,
        };
        self.leaver(heir, promise).await
    }

    /// Hands the permit of a pooled sandbox to the waiter. Returns the waiter if the pool has none.
    fn spare(self: &Arc<Self>, heir: oneshot::Sender<Permit>) -> Option<oneshot::Sender<Permit>> {
        let mut pool = lock(&self.pool);
        if let Some(spare) = pool.spare() {
            drop(pool);
            self.begin_orphan(spare.id, Some(spare.permit), Some(heir));
            return None;
        }
        if pool.is_making() {
            pool.heirs.push(heir);
            return None;
        }
        Some(heir)
    }

    async fn leaver(
        self: &Arc<Self>,
        heir: oneshot::Sender<Permit>,
        promise: oneshot::Receiver<Permit>,
    ) -> Result<Option<oneshot::Receiver<Permit>>> {
        for entry in self.entries() {
            if let Phase::Leaving(leaving) = &mut entry.lock().phase
                && leaving.heir.is_none()
                && leaving.stuck.is_none()
            {
                leaving.heir = Some(heir);
                return Ok(Some(promise));
            }
        }
        Ok(self.evict(heir).await?.then_some(promise))
    }

    /// Hibernates the least recently used session. Returns false if none is eligible.
    ///
    /// # Errors
    ///
    /// `unavailable` if the first candidate that does not say what runs in it cannot be reached.
    async fn evict(self: &Arc<Self>, heir: oneshot::Sender<Permit>) -> Result<bool> {
        let Eviction::LeastRecentlyUsed { idle_for } = self.settings.eviction else {
            return Ok(false);
        };
        let now = self.now();
        let mut candidates: Vec<Candidate<P::Sandbox>> = Vec::new();
        for entry in self.entries() {
            let slot = entry.lock();
            let used = slot.used;
            if let Some(body) = slot.body().map(Arc::clone)
                && !body.is_busy()
                && now.saturating_sub(used) >= idle_for
                && self.can_sleep(&body)
            {
                drop(slot);
                candidates.push(Candidate { used, entry, body });
            }
        }
        // Those that could not be reached last are tried last: they may answer again.
        candidates.sort_by_key(|one| (one.body.health().outage.is_some(), one.used));
        for Candidate { used, entry, body } in candidates {
            let mut work = Work::Silent;
            if body.health().outage.is_none() {
                work = self.works(&body).await;
            }
            if matches!(work, Work::Silent | Work::Late) {
                // If it is gone, or was stopped, its permit is about to be released.
                self.suspect(&entry, &body).await;
                let outage = body.health().outage.clone();
                if let Some(reason) = outage.filter(|_| holds(Guard::SilenceIsNotIdle)) {
                    // In an outage each of the others would take as long to find out.
                    return Err(Error::unavailable(format!(
                        "every slot is in use, and a sandbox that could be stopped cannot be reached: {reason}; try again later"
                    )));
                }
                if work == Work::Silent && idle_still(&entry.lock(), &body, used) {
                    work = self.works(&body).await;
                }
            }
            let mut slot = entry.lock();
            if idle_still(&slot, &body, used) {
                if work != Work::Idle {
                    continue;
                }
                self.begin_leave(&entry, &mut slot, Goal::Hibernate, Cause::Evicted);
            } else if !matches!(&slot.phase, Phase::Leaving(leaving) if leaving.heir.is_none()) {
                continue;
            }
            if let Phase::Leaving(leaving) = &mut slot.phase {
                leaving.heir = Some(heir);
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Returns whether a session keeps its files while it has no running sandbox.
    pub(crate) fn can_sleep(&self, body: &Body<P::Sandbox>) -> bool {
        self.keeps_files() || (self.features.suspends && !body.moved)
    }

    /// Returns whether a spawned process is still running.
    pub(crate) async fn works(&self, body: &Body<P::Sandbox>) -> Work {
        let limit = self.settings.probe_timeout;
        match timeout(limit, body.sandbox.processes()).await {
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
pub(crate) fn idle_still<S: ?Sized>(
    slot: &crate::entry::Slot<S>,
    body: &Arc<Body<S>>,
    used: Duration,
) -> bool {
    slot.body().is_some_and(|held| Arc::ptr_eq(held, body)) && !body.is_busy() && slot.used == used
}
