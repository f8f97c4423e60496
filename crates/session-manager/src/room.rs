//! A place for one more sandbox: a free one, or that of a sandbox that goes.
//!
//! Where a place has to be made, it is handed from the one that goes to the one that comes, so that nobody else gets it, and
//! the ceiling holds at every moment.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{ErrorKind, Result, Sandbox, SandboxProvider};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::decide::closing;
use crate::entry::{Body, Entry, Goal, Phase};
use crate::event::Cause;
use crate::guard::{Guard, holds};
use crate::inner::{Inner, lock};
use crate::rooms::Permit;
use crate::settings::Eviction;

/// A session that could make room.
struct Candidate<S: ?Sized> {
    used: Duration,
    entry: Arc<Entry<S>>,
    body: Arc<Body<S>>,
}

impl<P: SandboxProvider> Inner<P> {
    /// Returns a place for a sandbox, and makes room for it if that may be.
    pub(crate) async fn room(self: &Arc<Self>) -> Result<Permit> {
        loop {
            if let Some(permit) = self.rooms.resident() {
                return Ok(permit);
            }
            // What holds a place without need is tried to be ended again.
            self.hurry.notify_waiters();
            let Some(promise) = self.promise().await else {
                return Err(self.rooms.no_resident());
            };
            tokio::select! {
                biased;
                () = self.closed() => return Err(closing()),
                // One that could not be stopped gives nothing. Then there may be another one.
                permit = promise => if let Ok(permit) = permit {
                    return Ok(permit);
                },
            }
        }
    }

    /// Finds somebody who goes, or makes somebody go.
    async fn promise(self: &Arc<Self>) -> Option<oneshot::Receiver<Permit>> {
        let (heir, promise) = oneshot::channel();
        let heir = match self.spare(heir) {
            None => return Some(promise),
            Some(heir) => heir,
        };
        self.leaver(heir, promise).await
    }

    /// Gives the place of a sandbox of the pool to the heir. Returns the heir if there is none.
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
    ) -> Option<oneshot::Receiver<Permit>> {
        for entry in self.entries() {
            if let Phase::Leaving(leaving) = &mut entry.lock().phase
                && leaving.heir.is_none()
                && leaving.stuck.is_none()
            {
                leaving.heir = Some(heir);
                return Some(promise);
            }
        }
        self.evict(heir).await.then_some(promise)
    }

    /// Lets the session that was unused for longest sleep. Returns false if there is none that may.
    async fn evict(self: &Arc<Self>, heir: oneshot::Sender<Permit>) -> bool {
        let Eviction::LeastRecentlyUsed { idle_for } = self.settings.eviction else {
            return false;
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
        candidates.sort_by_key(|candidate| candidate.used);
        for Candidate { used, entry, body } in candidates {
            match self.works(&body).await {
                Work::Idle => {}
                Work::Busy => continue,
                // If it is gone, or was stopped, its place is free in a moment.
                Work::Silent => self.suspect(&entry, &body).await,
            }
            let mut slot = entry.lock();
            if idle_still(&slot, &body, used) {
                if body.health().outage.is_some() && holds(Guard::SilenceIsNotIdle) {
                    continue;
                }
                self.begin_leave(&entry, &mut slot, Goal::Hibernate, Cause::Evicted);
            } else if !matches!(&slot.phase, Phase::Leaving(leaving) if leaving.heir.is_none()) {
                continue;
            }
            if let Phase::Leaving(leaving) = &mut slot.phase {
                leaving.heir = Some(heir);
            }
            return true;
        }
        false
    }

    /// Returns whether a session keeps its files while it has no sandbox that runs.
    pub(crate) fn can_sleep(&self, body: &Body<P::Sandbox>) -> bool {
        self.keeps_files() || (self.features.suspends && !body.moved)
    }

    /// Returns whether a process that was spawned still runs.
    pub(crate) async fn works(&self, body: &Body<P::Sandbox>) -> Work {
        let limit = self.settings.probe_timeout;
        match timeout(limit, body.sandbox.processes()).await {
            Ok(Ok(processes)) if processes.iter().all(|process| process.status.is_some()) => {
                Work::Idle
            }
            Ok(Ok(_)) => Work::Busy,
            // Where there are no processes, none works.
            Ok(Err(error)) if error.kind() == ErrorKind::Unsupported => Work::Idle,
            Ok(Err(error)) if error.kind() == ErrorKind::Unavailable => {
                if holds(Guard::SilenceIsNotIdle) {
                    Work::Silent
                } else {
                    Work::Idle
                }
            }
            Ok(Err(_)) | Err(_) => Work::Busy,
        }
    }
}

/// Whether a sandbox works for somebody who does not wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing that was spawned runs.
    Idle,
    /// Something runs, or it may.
    Busy,
    /// It could not be asked. It is not taken to be idle.
    Silent,
}

/// Returns whether nothing happened since a session was looked at.
pub(crate) fn idle_still<S: ?Sized>(
    slot: &crate::entry::Slot<S>,
    body: &Arc<Body<S>>,
    used: Duration,
) -> bool {
    slot.body().is_some_and(|held| Arc::ptr_eq(held, body)) && !body.is_busy() && slot.used == used
}
