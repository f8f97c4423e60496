//! The age of stored sessions: those unused for too long are closed or purged, whichever manager created them.
//!
//! Age depends on the wall clock, which can be wrong. While a manager runs, the wall clock is trusted only as far as the time
//! that passed; if it advanced implausibly far while none ran, nothing is closed or purged for its age until a manager has run
//! for a day. Until then the date is not stored either, so that a manager that is started meanwhile distrusts the clock again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use backend_core::{ErrorKind, Result, SandboxId, SandboxProvider};

use crate::event::{Cause, EventKind};
use crate::guard::{Guard, holds};
use crate::info::Cleaned;
use crate::inner::Inner;
use crate::phase::{Goal, Phase};
use crate::store::{Record, Store};

/// Minimum interval between checks of the age of stored sessions.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long a manager has to run until it trusts a wall clock that had advanced implausibly far.
const DISTRUST_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest plausible time without a manager, for a root without a purge.
const PLAUSIBLE_GAP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl<P: SandboxProvider> Inner<P> {
    /// Decides whether the wall clock can be trusted, compared with when a manager last checked it.
    pub(crate) async fn judge_calendar(&self) -> Result<()> {
        let today = self.calendar.shown();
        let seen = self.disk(move |store| Ok(store.seen())).await?;
        let ahead = seen.and_then(|seen| today.duration_since(seen).ok());
        let likely = self
            .settings
            .purge_after
            .map_or(PLAUSIBLE_GAP, |limit| limit / 2);
        if let Some(ahead) = ahead.filter(|ahead| *ahead > likely)
            && holds(Guard::ClockJump)
        {
            self.calendar.distrust(DISTRUST_FOR);
            self.reporter.root(EventKind::ClockDistrusted { ahead });
            return Ok(());
        }
        self.see(today).await;
        Ok(())
    }

    async fn see(&self, today: SystemTime) {
        if let Err(error) = self.disk(move |store| store.see(today)).await {
            self.reporter.root(EventKind::RecordFailed(error));
        }
    }

    /// Purges stored sessions that were unused for too long, and closes those that were hibernated for too long.
    pub(crate) async fn sweep(self: &Arc<Self>, cleaned: &mut Cleaned) {
        let (purge, close) = (self.settings.purge_after, self.settings.close_after);
        let Some(shortest) = purge.into_iter().chain(close).min() else {
            return;
        };
        if !self.keeps_files() || self.is_closing() {
            return;
        }
        let now = self.now();
        let interval = SWEEP_INTERVAL.min(shortest / 10);
        if !self.cleaner.begin_sweep(now, interval) {
            return;
        }
        if self.calendar.is_distrusted(now) {
            return;
        }
        let today = self.calendar.today();
        self.see(today).await;
        let due = move |record: &Record| {
            if is_old(record, today, purge) {
                Some(Goal::Purge)
            } else if record.sandbox.is_some() && is_old(record, today, close) {
                Some(Goal::Close)
            } else {
                None
            }
        };
        let old = match self.disk(move |store| find_old(store, due)).await {
            Ok(old) => old,
            Err(error) => return self.reporter.root(EventKind::RecordUnreadable(error)),
        };
        for (id, goal) in old {
            let limit = if goal == Goal::Purge { purge } else { close };
            if self.was_used(&id, limit) {
                continue;
            }
            match self.end_old(&id, goal, due).await {
                Ok(true) if goal == Goal::Purge => cleaned.purged.push(id),
                Ok(true) => cleaned.released.push(id),
                Ok(false) => {}
                Err(error) => {
                    // The stop is retried until it succeeds. While the provider does not answer, the stops of all the others
                    // would be retried too.
                    let away = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut);
                    cleaned.failures.push((id, error));
                    if away {
                        return;
                    }
                }
            }
        }
    }

    /// Returns whether a session was used recently even though its record could not be updated.
    fn was_used(&self, id: &SandboxId, limit: Option<Duration>) -> bool {
        let used = self.records.unwritten_use(id);
        let unused = used.map(|used| self.now().saturating_sub(used));
        unused
            .zip(limit)
            .is_some_and(|(unused, limit)| unused < limit)
    }

    /// Closes or purges a stored session, unless it was used meanwhile. Returns whether it did.
    async fn end_old(
        self: &Arc<Self>,
        id: &SandboxId,
        goal: Goal,
        due: impl Fn(&Record) -> Option<Goal>,
    ) -> Result<bool> {
        let claim = self.table.claim(id);
        let entry = &claim.entry;
        let loading = {
            let mut state = entry.lock();
            match state.phase() {
                Phase::Unloaded => self.begin_loading(entry, &mut state)?,
                Phase::Loading(flight) => flight.clone(),
                // It is open, or about to be opened. An id that a caller asks about is left to the next pass.
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
            let mut state = entry.lock();
            // With the record's lock held, the session cannot have been opened and closed again since the record was read.
            if !matches!(state.phase(), Phase::Known)
                || state.profile.is_none()
                || self.is_closing()
            {
                return Ok(false);
            }
            self.stopper
                .begin_stop(entry, &mut state, goal, Cause::Idle)?
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
        // An unreadable record is left alone, however old it is.
        if let Ok(Some(record)) = store.load(&id)
            && let Some(goal) = due(&record)
        {
            old.push((id, goal));
        }
    }
    Ok(old)
}

/// Returns whether a session was last used at least this long ago. One whose last use is in the future is not old.
fn is_old(record: &Record, today: SystemTime, limit: Option<Duration>) -> bool {
    let age = today.duration_since(record.used());
    limit.is_some_and(|limit| age.is_ok_and(|age| age >= limit))
}
