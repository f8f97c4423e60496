//! Ending a sandbox, and what becomes of its session: it sleeps, is closed, or goes with all its files.
//!
//! A stop that fails is tried again until it is done. Those who wait are told after a few attempts, and until it is done the
//! session has no other sandbox, so that no two ever have the same files.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backend_core::{Error, Result, SandboxId, SandboxProvider};
use tokio::time::sleep;

use crate::decide::{closing, stuck, unavailable, unknown};
use crate::entry::{Body, Entry, Flight, Goal, Landing, Leaving, Phase, Slot};
use crate::event::{Cause, Event, EventKind};
use crate::guarded::guarded;
use crate::inner::Inner;
use crate::room::idle_still;
use crate::rooms::Permit;
use crate::store::Record;

/// The longest wait before a stop is tried again.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// A sandbox that is being ended.
pub(crate) struct Departure<S: ?Sized> {
    /// The sandbox, as long as it exists.
    pub(crate) exists: Option<SandboxId>,
    /// Its place, as long as it may run.
    pub(crate) permit: Option<Permit>,
    /// Whether it may be laid to rest.
    pub(crate) rest: bool,
    /// Whether it rests.
    pub(crate) rests: bool,
    /// The connection to it, which goes with it.
    pub(crate) body: Option<Arc<Body<S>>>,
    pub(crate) landing: Landing,
    /// What those who wait are told, if it is a start that failed.
    pub(crate) answer: Option<Error>,
    pub(crate) first_goal: Goal,
    /// Whether the record of the session has to be written, or removed, if nothing else is asked for.
    pub(crate) write: bool,
}

impl<P: SandboxProvider> Inner<P> {
    /// Begins to end the sandbox of a session. The phase must be one that rests, not one in which something goes on.
    pub(crate) fn begin_leave(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        slot: &mut Slot<P::Sandbox>,
        goal: Goal,
        cause: Cause,
    ) -> Flight {
        let (landing, flight) = Flight::begin();
        let leaving = Leaving {
            goal,
            cause,
            flight: flight.clone(),
            heir: None,
            stuck: false,
        };
        let before = std::mem::replace(&mut slot.phase, Phase::Leaving(leaving));
        let (exists, permit, body) = match before {
            Phase::Live(live) => (
                Some(live.body.id.clone()),
                Some(live.permit),
                Some(live.body),
            ),
            _ => (slot.resting.clone(), None, None),
        };
        let moved = body.as_ref().is_some_and(|body| body.moved);
        let rests = body.is_none() && exists.is_some();
        let departure = Departure {
            exists,
            permit,
            rest: self.features.suspends && !moved,
            rests,
            body,
            landing,
            answer: None,
            first_goal: goal,
            write: true,
        };
        let (inner, entry) = (Arc::clone(self), Arc::clone(entry));
        self.spawn(async move { inner.depart(entry, departure).await });
        flight
    }

    /// Ends a sandbox, however long it takes, and then does with the session what is to be done.
    pub(crate) async fn depart(
        self: &Arc<Self>,
        entry: Arc<Entry<P::Sandbox>>,
        mut departure: Departure<P::Sandbox>,
    ) {
        departure.body = None;
        let mut attempt: u32 = 0;
        loop {
            let Some((goal, cause)) = goal_of(&entry) else {
                return;
            };
            let lay = goal == Goal::Hibernate && departure.rest;
            let Some(id) = departure
                .exists
                .clone()
                .filter(|_| !(lay && departure.rests))
            else {
                self.bequeath(&entry, departure.permit.take());
                if self.settle(&entry, &departure, goal, cause).await {
                    return;
                }
                continue;
            };
            match self.end(&id, lay).await {
                Ok(()) if lay => departure.rests = true,
                Ok(()) => {
                    departure.exists = None;
                    departure.rests = false;
                }
                Err(error) => {
                    attempt = attempt.saturating_add(1);
                    self.counters.failed_stops.fetch_add(1, Ordering::Relaxed);
                    self.tell_of(
                        &entry,
                        EventKind::StopFailed {
                            attempt,
                            error: error.clone(),
                        },
                    );
                    if attempt >= self.settings.stop_attempts {
                        give_notice(&entry);
                        let answer = departure.answer.clone().unwrap_or(error);
                        departure.landing.land(Err(answer));
                        if self.is_closing() {
                            // The record names the sandbox, and the next manager ends it.
                            return;
                        }
                    }
                    self.wait_to_retry(attempt).await;
                }
            }
        }
    }

    /// Destroys a sandbox, or lays it to rest.
    pub(crate) async fn end(&self, id: &SandboxId, lay: bool) -> Result<()> {
        let (provider, id) = (Arc::clone(&self.provider), id.clone());
        let end = async move {
            if lay {
                provider.suspend(&id).await
            } else {
                provider.destroy(&id).await
            }
        };
        let limit = self.settings.stop_timeout;
        guarded("stopping the sandbox", limit, std::future::pending(), end).await
    }

    /// Waits before the next attempt: longer each time, and no longer than a shutdown allows.
    pub(crate) async fn wait_to_retry(&self, attempt: u32) {
        let factor = 1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let backoff = self
            .settings
            .stop_backoff
            .saturating_mul(factor)
            .min(MAX_BACKOFF.max(self.settings.stop_backoff));
        tokio::select! {
            biased;
            () = self.closed(), if attempt >= self.settings.stop_attempts => {}
            () = sleep(backoff) => {}
        }
    }

    /// Gives the place of a sandbox that is gone to whoever waits for it.
    fn bequeath(&self, entry: &Entry<P::Sandbox>, permit: Option<Permit>) {
        let heir = match &mut entry.lock().phase {
            Phase::Leaving(leaving) => leaving.heir.take(),
            _ => None,
        };
        if let (Some(heir), Some(permit)) = (heir, permit) {
            // An heir that is gone gives it back.
            let _ = heir.send(permit);
        }
    }

    /// Does with the session what is to be done once its sandbox is ended. Returns false if that is something else by now.
    async fn settle(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        departure: &Departure<P::Sandbox>,
        goal: Goal,
        cause: Cause,
    ) -> bool {
        let resting = departure.exists.clone();
        let stored = if departure.write || goal != departure.first_goal {
            self.store_end(entry, goal, resting.clone()).await
        } else {
            Ok(())
        };
        let event = {
            let mut table = self.table();
            let mut slot = entry.lock();
            let changed = match &slot.phase {
                Phase::Leaving(leaving) => leaving.goal != goal,
                _ => true,
            };
            if changed {
                return false;
            }
            let files_kept = self.keeps_files();
            let tenant = slot.tenant().map(str::to_owned);
            let kind = match goal {
                Goal::Hibernate => {
                    slot.phase = Phase::Hibernated;
                    slot.resting = resting;
                    Some(EventKind::Hibernated(cause))
                }
                Goal::Bury => {
                    slot.resting = None;
                    slot.phase = if files_kept {
                        Phase::Hibernated
                    } else {
                        Phase::Dead
                    };
                    None
                }
                Goal::Close | Goal::Purge => {
                    slot.phase = Phase::Closed;
                    slot.resting = None;
                    slot.open = None;
                    self.forget(&mut table, entry);
                    Some(match goal {
                        Goal::Purge => EventKind::Purged(cause),
                        _ => EventKind::Released { cause, files_kept },
                    })
                }
            };
            // A start that failed is told as that, and not as the end of what never was.
            let failed = departure.answer.is_some() && goal == departure.first_goal;
            kind.filter(|_| !failed)
                .map(|kind| Event::of(&entry.id, tenant.as_deref(), kind))
        };
        if let Some(event) = event {
            self.tell(event);
        }
        let outcome = match &departure.answer {
            Some(error) => Err(error.clone()),
            None => stored,
        };
        departure.landing.land(outcome);
        true
    }

    /// Writes down what becomes of a session.
    async fn store_end(
        &self,
        entry: &Entry<P::Sandbox>,
        goal: Goal,
        resting: Option<SandboxId>,
    ) -> Result<()> {
        if !self.keeps_files() {
            return Ok(());
        }
        let id = entry.id.clone();
        if goal == Goal::Purge {
            let _writing = entry.writing.lock().await;
            let removed = self.disk(move |store| store.discard(&id)).await;
            if let Err(error) = &removed {
                self.tell_of(entry, EventKind::RemovalFailed(error.clone()));
            }
            return removed;
        }
        let record = {
            let slot = entry.lock();
            slot.profile.as_ref().map(|profile| {
                let mut record = Record::new(&id, profile, self.date(slot.used));
                record.resting = resting.is_some();
                record.sandbox = resting;
                record
            })
        };
        if let Some(record) = record {
            self.save(entry, record).await;
        }
        Ok(())
    }

    /// Closes a session, or closes it and removes its files. One that is not there is no error.
    pub(crate) async fn close(
        self: &Arc<Self>,
        id: &SandboxId,
        goal: Goal,
        cause: Cause,
        scope: Option<&str>,
    ) -> Result<()> {
        let mut claim = self.claim(id);
        loop {
            let entry = &claim.entry;
            match self.begin_close(entry, goal, cause, scope)? {
                Close::Done => return Ok(()),
                Close::Again => claim = self.claim(id),
                Close::Load(flight) => {
                    let loaded = flight.outcome().await;
                    // Nobody can say whose it is; the operator may remove it all the same.
                    if loaded.is_err() && goal == Goal::Purge && scope.is_none() {
                        let _writing = entry.writing.lock().await;
                        let id = id.clone();
                        return self.disk(move |store| store.discard(&id)).await;
                    }
                    loaded?;
                }
                Close::Start(flight) => flight.over().await?,
                Close::End(flight) => match flight.outcome().await {
                    Err(error) if self.still_there(entry) => return Err(error),
                    // It was a start that failed; what it was before is looked at once more.
                    Err(_) if matches!(entry.lock().phase, Phase::Hibernated) => {}
                    outcome => return outcome,
                },
            }
        }
    }

    /// Closes this session, and no other one that has its id by now.
    pub(crate) async fn close_entry(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
    ) -> Result<()> {
        loop {
            match self.begin_close(entry, Goal::Close, Cause::Asked, None)? {
                Close::Done | Close::Again => return Ok(()),
                Close::Load(flight) | Close::Start(flight) => flight.over().await?,
                Close::End(flight) => match flight.outcome().await {
                    Err(error) if self.still_there(entry) => return Err(error),
                    _ => {}
                },
            }
        }
    }

    /// Begins to close a session, or finds out what has to be waited for first.
    fn begin_close(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        goal: Goal,
        cause: Cause,
        scope: Option<&str>,
    ) -> Result<Close> {
        let mut slot = entry.lock();
        let visible = slot.profile.is_none() || scope.is_none() || slot.tenant() == scope;
        if !visible {
            return Err(unknown(&entry.id));
        }
        let stored = slot.profile.is_some();
        let rests = slot.resting.is_some();
        // What is stored, or at rest, may be the next manager's by now.
        if self.is_closing() && !matches!(slot.phase, Phase::Leaving(_) | Phase::Closed) {
            return Err(closing());
        }
        Ok(match &mut slot.phase {
            Phase::Unloaded => Close::Load(self.begin_loading(entry, &mut slot)),
            Phase::Loading(flight) => Close::Load(flight.clone()),
            Phase::Starting(flight) => Close::Start(flight.clone()),
            Phase::Known if !stored || (goal == Goal::Close && !rests) => Close::Done,
            Phase::Known | Phase::Live(_) | Phase::Hibernated | Phase::Dead => {
                Close::End(self.begin_leave(entry, &mut slot, goal, cause))
            }
            Phase::Leaving(leaving) => {
                if goal > leaving.goal {
                    leaving.goal = goal;
                    leaving.cause = cause;
                }
                if leaving.stuck {
                    return Err(stuck(&entry.id));
                }
                Close::End(leaving.flight.clone())
            }
            Phase::Closed => Close::Again,
        })
    }

    /// Stops the sandbox of a session in which nothing goes on.
    pub(crate) async fn hibernate(
        self: &Arc<Self>,
        id: &SandboxId,
        scope: Option<&str>,
    ) -> Result<()> {
        let entry = self.table().get(id).map(Arc::clone);
        let entry = entry.ok_or_else(|| unknown(id))?;
        let (body, used) = {
            let slot = entry.lock();
            if scope.is_some() && slot.tenant() != scope {
                return Err(unknown(id));
            }
            match (&slot.phase, slot.body()) {
                (Phase::Hibernated, _) => return Ok(()),
                (_, Some(body)) => (Arc::clone(body), slot.used),
                _ => {
                    return Err(unavailable(format!(
                        "session '{id}' has no sandbox that runs"
                    )));
                }
            }
        };
        if !self.can_sleep(&body) {
            return Err(Error::unsupported("hibernation that would lose all files"));
        }
        let works = self.works(&body).await;
        let flight = {
            let mut slot = entry.lock();
            if works || !idle_still(&slot, &body, used) {
                return Err(Error::invalid_request(format!("session '{id}' is in use")));
            }
            self.begin_leave(&entry, &mut slot, Goal::Hibernate, Cause::Asked)
        };
        flight.outcome().await
    }

    fn still_there(&self, entry: &Arc<Entry<P::Sandbox>>) -> bool {
        matches!(entry.lock().phase, Phase::Leaving(_))
    }
}

/// What a caller that wants to close a session waits for.
enum Close {
    Done,
    Again,
    Load(Flight),
    Start(Flight),
    End(Flight),
}

/// Returns what is to become of a session that is being left.
fn goal_of<S: ?Sized>(entry: &Entry<S>) -> Option<(Goal, Cause)> {
    match &entry.lock().phase {
        Phase::Leaving(leaving) => Some((leaving.goal, leaving.cause)),
        _ => None,
    }
}

/// Lets everybody know that it takes longer.
fn give_notice<S: ?Sized>(entry: &Entry<S>) {
    if let Phase::Leaving(leaving) = &mut entry.lock().phase {
        leaving.stuck = true;
        leaving.heir = None;
    }
}
