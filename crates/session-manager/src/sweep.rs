//! The age of what is stored: sessions that nobody used for long are closed or purged, whoever made them.
//!
//! Age is a matter of the calendar, which can be wrong. While a manager runs, the calendar is believed no further than the time that
//! passed; and when it went on by more than is likely while none ran, nothing is done for its age for a day.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use backend_core::{ErrorKind, Result, SandboxId, SandboxProvider};

use crate::entry::{Goal, Phase};
use crate::event::{Cause, Event, EventKind};
use crate::guard::{Guard, holds};
use crate::info::Cleaned;
use crate::inner::{Inner, lock};
use crate::store::{Record, Store};

/// How often at most stored sessions are looked at for their age.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// How long the calendar is not believed after it went on by more than is likely.
const DISTRUST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a root without a purge is likely to be without a manager.
const LIKELY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl<P: SandboxProvider> Inner<P> {
    /// Finds out whether the calendar can be believed, compared with when a manager last looked at it.
    pub(crate) async fn judge_calendar(&self) -> Result<()> {
        let today = self.clock.now();
        let seen = self.disk(move |store| Ok(store.seen())).await?;
        let ahead = seen.and_then(|seen| today.duration_since(seen).ok());
        let likely = self.settings.purge_after.map_or(LIKELY, |limit| limit / 2);
        if let Some(ahead) = ahead.filter(|ahead| *ahead > likely)
            && holds(Guard::ClockJump)
        {
            *lock(&self.distrust) = self.now().checked_add(DISTRUST);
            self.tell(Event {
                session: None,
                tenant: None,
                sandbox: None,
                kind: EventKind::ClockDistrusted { ahead },
            });
        }
        self.see(today).await;
        Ok(())
    }

    async fn see(&self, today: SystemTime) {
        if let Err(error) = self.disk(move |store| store.see(today)).await {
            self.tell(Event {
                session: None,
                tenant: None,
                sandbox: None,
                kind: EventKind::RecordFailed(error),
            });
        }
    }

    /// Purges stored sessions that nobody used for long, and closes those whose sandbox rests for long.
    pub(crate) async fn sweep(self: &Arc<Self>, cleaned: &mut Cleaned) {
        let (purge, close) = (self.settings.purge_after, self.settings.close_after);
        let Some(shortest) = purge.into_iter().chain(close).min() else {
            return;
        };
        if !self.keeps_files() || self.is_closing() {
            return;
        }
        let now = self.now();
        {
            let mut last = lock(&self.swept);
            if last.is_some_and(|last| now.saturating_sub(last) < SWEEP.min(shortest / 10)) {
                return;
            }
            *last = Some(now);
        }
        let today = self.today();
        self.see(today).await;
        if lock(&self.distrust).is_some_and(|until| now < until) {
            return;
        }
        let due = move |record: &Record| {
            if is_old(record, today, purge) {
                Some(Goal::Purge)
            } else if record.sandbox.is_some() && is_old(record, today, close) {
                Some(Goal::Close)
            } else {
                None
            }
        };
        let old = self.disk(move |store| find_old(store, due)).await;
        for (id, goal) in old.unwrap_or_default() {
            let limit = if goal == Goal::Purge { purge } else { close };
            if self.was_used(&id, limit) {
                continue;
            }
            match self.end_old(&id, goal, due).await {
                Ok(true) if goal == Goal::Purge => cleaned.purged.push(id),
                Ok(true) => cleaned.released.push(id),
                Ok(false) => {}
                Err(error) => {
                    // Its end is tried on until it is done. While whoever runs the sandboxes does not answer, the ends of
                    // all the others would be tried on as well.
                    let away = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut);
                    cleaned.failures.push((id, error));
                    if away {
                        return;
                    }
                }
            }
        }
    }

    /// Returns whether a session was used lately, though its record could not be written to say so.
    fn was_used(&self, id: &SandboxId, limit: Option<Duration>) -> bool {
        let used = lock(&self.unwritten).get(id).copied();
        let unused = used.map(|used| self.now().saturating_sub(used));
        unused
            .zip(limit)
            .is_some_and(|(unused, limit)| unused < limit)
    }

    /// Ends a stored session, unless somebody came for it meanwhile. Returns whether it was ended.
    async fn end_old(
        self: &Arc<Self>,
        id: &SandboxId,
        goal: Goal,
        due: impl Fn(&Record) -> Option<Goal>,
    ) -> Result<bool> {
        let claim = self.claim(id);
        let entry = &claim.entry;
        let loading = {
            let mut slot = entry.lock();
            match &slot.phase {
                Phase::Unloaded => self.begin_loading(entry, &mut slot),
                Phase::Loading(flight) => flight.clone(),
                // Somebody has it open, or is about to. An id that somebody asks about is left to the next pass.
                _ => return Ok(false),
            }
        };
        loading.outcome().await?;
        let writing = entry.writing.lock().await;
        let of_record = id.clone();
        let record = self.disk(move |store| store.load(&of_record)).await?;
        if record.as_ref().and_then(due) != Some(goal) {
            return Ok(false);
        }
        let flight = {
            let mut slot = entry.lock();
            // With the record's lock held it cannot have been opened and closed again since it was read.
            if !matches!(slot.phase, Phase::Known) || slot.profile.is_none() || self.is_closing() {
                return Ok(false);
            }
            self.begin_leave(entry, &mut slot, goal, Cause::Idle)
        };
        drop(writing);
        flight.outcome().await?;
        Ok(true)
    }
}

fn find_old(
    store: &Store,
    due: impl Fn(&Record) -> Option<Goal>,
) -> Result<Vec<(SandboxId, Goal)>> {
    let mut old = Vec::new();
    for id in store.ids()? {
        // One that cannot be read is left alone, however old it is.
        if let Ok(Some(record)) = store.load(&id)
            && let Some(goal) = due(&record)
        {
            old.push((id, goal));
        }
    }
    Ok(old)
}

/// Returns whether a session was last used so long ago. One that is used in the future is not old.
fn is_old(record: &Record, today: SystemTime, limit: Option<Duration>) -> bool {
    let age = today.duration_since(record.used());
    limit.is_some_and(|limit| age.is_ok_and(|age| age >= limit))
}
