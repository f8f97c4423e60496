//! The pass that hibernates and closes idle sessions, finds dead sandboxes, records when sessions were used, and refills the
//! pool.
//!
//! Each finding is rechecked with the session's lock held before anything is done, so a session that was used meanwhile is
//! spared. A failure is reported and the pass continues.

use std::sync::{Arc, Weak};
use std::time::Duration;

use backend_core::{Result, SandboxId, SandboxProvider};
use tokio::task::JoinSet;

use crate::entry::Entry;
use crate::event::{Cause, EventKind};
use crate::guard::{Guard, holds};
use crate::health::{Activity, Seen, is_still_idle};
use crate::info::Cleaned;
use crate::inner::Inner;
use crate::phase::{Goal, Phase};
use crate::reach::Done;
use crate::running::Running;
use crate::store::Record;

/// The action due for one session.
enum Due<S: ?Sized> {
    Nothing,
    /// It is live, and may be idle.
    Look {
        running: Arc<Running<S>>,
        used: Duration,
        idle: bool,
    },
    /// Its sandbox may run, and could not be reached when it was last tried.
    Reach,
    /// It has been hibernated for long enough to be closed.
    Go {
        goal: Goal,
        used: Duration,
    },
}

impl<P: SandboxProvider> Inner<P> {
    /// Does one pass.
    pub(crate) async fn clean(self: &Arc<Self>) -> Cleaned {
        let mut cleaned = Cleaned::default();
        if self.is_closing() {
            return cleaned;
        }
        self.orphans.hurry();
        let mut looks: JoinSet<(SandboxId, Result<Done>)> = JoinSet::new();
        for entry in self.table.entries() {
            let due = self.due(&entry);
            if !matches!(due, Due::Nothing) {
                let inner = Arc::clone(self);
                looks.spawn(async move {
                    let done = inner.attend(&entry, due).await;
                    (entry.id.clone(), done)
                });
            }
        }
        while let Some(look) = looks.join_next().await {
            let Ok((id, done)) = look else { continue };
            match done {
                Ok(Done::Nothing) => {}
                Ok(Done::Unreachable) => cleaned.unreachable.push(id),
                Ok(Done::Hibernated) => cleaned.hibernated.push(id),
                Ok(Done::Released) => cleaned.released.push(id),
                Ok(Done::Purged) => cleaned.purged.push(id),
                Ok(Done::Died) => cleaned.died.push(id),
                Ok(Done::Busy) => cleaned.busy.push(id),
                Err(error) => cleaned.failures.push((id, error)),
            }
        }
        self.sweep(&mut cleaned).await;
        if self.keeps_files()
            && let Err(error) = self.disk(crate::store::Store::empty_trash).await
        {
            self.reporter.root(EventKind::RemovalFailed(error));
        }
        self.warm.refill();
        for ids in [
            &mut cleaned.hibernated,
            &mut cleaned.released,
            &mut cleaned.purged,
            &mut cleaned.died,
            &mut cleaned.busy,
            &mut cleaned.unreachable,
        ] {
            ids.sort();
        }
        cleaned.failures.sort_by(|a, b| a.0.cmp(&b.0));
        cleaned
    }

    fn due(&self, entry: &Arc<Entry<P::Sandbox>>) -> Due<P::Sandbox> {
        let mut state = entry.lock();
        if matches!(state.phase(), Phase::Stopping(stopping) if stopping.stuck.is_some()) {
            state.hurry();
        }
        let unused = self.now().saturating_sub(state.used);
        let over = |limit: Option<Duration>| limit.is_some_and(|limit| unused >= limit);
        let may_run = state.resting.as_ref().is_some_and(|r| r.permit.is_some());
        match state.phase() {
            Phase::Known | Phase::Hibernated if may_run => Due::Reach,
            Phase::Live(live) => {
                let own = state.profile.as_ref().and_then(|p| p.idle_timeout);
                let timeout = own.or(self.settings.idle_timeout);
                Due::Look {
                    idle: over(timeout) && !live.running.is_busy(),
                    running: Arc::clone(&live.running),
                    used: state.used,
                }
            }
            Phase::Hibernated if self.keeps_files() && over(self.settings.purge_after) => Due::Go {
                goal: Goal::Purge,
                used: state.used,
            },
            Phase::Hibernated | Phase::Dead if over(self.settings.close_after) => Due::Go {
                goal: Goal::Close,
                used: state.used,
            },
            _ => Due::Nothing,
        }
    }

    async fn attend(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        due: Due<P::Sandbox>,
    ) -> Result<Done> {
        let (goal, flight) = match due {
            Due::Nothing => return Ok(Done::Nothing),
            Due::Reach => return self.reach(entry).await,
            Due::Look {
                running,
                used,
                idle,
            } => {
                let seen = if idle {
                    // A sandbox that is stopped for being idle must itself report that it is idle.
                    self.prober.probe_now(entry, &running).await
                } else {
                    self.prober.probe(entry, &running).await
                };
                match seen {
                    Ok(Seen::Alive) => {}
                    Ok(Seen::Died) => return Ok(Done::Died),
                    Ok(Seen::Asleep) => return Ok(Done::Hibernated),
                    Err(_) if holds(Guard::SilenceIsNotIdle) || !idle => {
                        return Ok(Done::Unreachable);
                    }
                    Err(_) => {}
                }
                if !idle {
                    self.write_use(entry, &running, used).await;
                    return Ok(Done::Nothing);
                }
                let unused = self.now().saturating_sub(used);
                match self.prober.activity(&running).await {
                    Activity::Silent => return Ok(Done::Unreachable),
                    Activity::Busy | Activity::Late if unused < self.settings.background_limit => {
                        return Ok(Done::Busy);
                    }
                    Activity::Idle | Activity::Busy | Activity::Late => {}
                }
                let mut state = entry.lock();
                if !is_still_idle(&state, &running, used) {
                    return Ok(Done::Nothing);
                }
                let goal = if self.prober.can_hibernate(&running) {
                    Goal::Hibernate
                } else {
                    Goal::Close
                };
                (
                    goal,
                    self.stopper
                        .begin_stop(entry, &mut state, goal, Cause::Idle)?,
                )
            }
            Due::Go { goal, used } => {
                let mut state = entry.lock();
                // The session may have been used again.
                if !matches!(state.phase(), Phase::Hibernated | Phase::Dead) || state.used != used {
                    return Ok(Done::Nothing);
                }
                (
                    goal,
                    self.stopper
                        .begin_stop(entry, &mut state, goal, Cause::Idle)?,
                )
            }
        };
        if let Err(error) = flight.outcome().await {
            // Without a root, one that was found to be gone when it was stopped.
            return if matches!(entry.lock().phase(), Phase::Dead) {
                Ok(Done::Died)
            } else {
                Err(error)
            };
        }
        Ok(match goal {
            Goal::Hibernate | Goal::MarkDead => Done::Hibernated,
            Goal::Close => Done::Released,
            Goal::Purge => Done::Purged,
        })
    }

    /// Stores when a live session was last used, if that has changed.
    async fn write_use(
        &self,
        entry: &Entry<P::Sandbox>,
        running: &Arc<Running<P::Sandbox>>,
        used: Duration,
    ) {
        if !self.keeps_files() {
            return;
        }
        let _writing = entry.writing.lock().await;
        let record = {
            let mut state = entry.lock();
            let same = state
                .running()
                .is_some_and(|held| Arc::ptr_eq(held, running));
            if !same || state.stored_use == Some(used) {
                return;
            }
            state.stored_use = Some(used);
            state.profile.as_ref().map(|profile| {
                let mut record = Record::new(&entry.id, profile, self.date(used));
                record.sandbox = Some(running.id.clone());
                record.moved = running.moved;
                record.sandbox_env.clone_from(&running.env);
                record
            })
        };
        if let Some(record) = record {
            self.records.save_held(entry, record).await;
            if self.records.unwritten_use(&entry.id).is_some() {
                // The next pass retries it.
                entry.lock().stored_use = None;
            }
        }
    }

    /// Does a pass at every interval, as long as the manager exists.
    pub(crate) fn start_cleaning(self: &Arc<Self>, every: Duration) {
        let inner: Weak<Self> = Arc::downgrade(self);
        let pass = move || {
            let inner = inner.upgrade()?;
            Some(async move {
                inner.clean().await;
            })
        };
        self.cleaner.start(every, || self.is_closing(), pass);
    }
}
