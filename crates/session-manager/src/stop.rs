//! Stopping a sandbox, and the next state of its session: hibernated, dead, closed or purged.
//!
//! A failed stop is retried until it succeeds. Waiting callers get the error after a few attempts. Until it succeeds the session
//! has no other sandbox, so that two sandboxes never have the same files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{Error, Liveness, Result, SandboxId, SandboxProvider};
use tokio::sync::Notify;

use crate::calendar::Calendar;
use crate::capacity::Permit;
use crate::entry::{Entry, Resting, State};
use crate::errors::dead;
use crate::event::{Cause, Event, EventKind};
use crate::guard::{Guard, holds};
use crate::labels;
use crate::orphans::{Orphans, hand_over};
use crate::phase::{Begun, Effects, Goal, Phase, Transition};
use crate::provisioner::Provisioner;
use crate::records::Records;
use crate::reporter::Reporter;
use crate::running::Running;
use crate::single_flight::{Completion, SingleFlight};
use crate::store::Record;
use crate::table::{Table, forget, retire};
use crate::tasks::Tasks;

/// A sandbox that is being stopped.
pub(crate) struct Teardown<S: ?Sized> {
    /// The sandbox, as long as it exists.
    pub(crate) exists: Option<SandboxId>,
    /// Its permit, as long as it may run.
    pub(crate) permit: Option<Permit>,
    /// Whether it may be suspended.
    pub(crate) may_suspend: bool,
    /// Whether it is suspended.
    pub(crate) suspended: bool,
    /// The connection to it, dropped with it.
    pub(crate) running: Option<Arc<Running<S>>>,
    pub(crate) completion: Completion,
    /// The error for the waiting callers, if a start failed.
    pub(crate) answer: Option<Error>,
    pub(crate) first_goal: Goal,
    /// Whether the record of the session has to be written or removed, unless the goal changes.
    pub(crate) write: bool,
    /// Whether the sandbox was found to be gone when it could not be stopped.
    pub(crate) gone: bool,
    /// Whether it was not live, so that it may belong to another session by now.
    pub(crate) doubted: bool,
    /// The sandbox that the record named when the stop began.
    pub(crate) named: Option<SandboxId>,
    /// Whether it has to be recreated rather than resumed, if it is suspended.
    pub(crate) anew: bool,
    /// The variables it was created with, if the session has others.
    pub(crate) env: Option<BTreeMap<String, String>>,
}

impl<S: ?Sized> Teardown<S> {
    /// Describes the end of a session without a sandbox.
    pub(crate) fn new(first_goal: Goal, completion: Completion) -> Self {
        Self {
            exists: None,
            permit: None,
            may_suspend: false,
            suspended: false,
            running: None,
            completion,
            answer: None,
            first_goal,
            write: true,
            gone: false,
            doubted: false,
            named: None,
            anew: false,
            env: None,
        }
    }
}

/// Stops the sandboxes of sessions.
pub(crate) struct Stopper<P: SandboxProvider> {
    /// Number of attempts after which waiting callers get the error, and a shutdown gives up.
    pub(crate) attempts: u32,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) orphans: Arc<Orphans<P>>,
    pub(crate) provisioner: Arc<Provisioner<P>>,
    pub(crate) records: Arc<Records>,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) table: Arc<Table<P::Sandbox>>,
    pub(crate) tasks: Arc<Tasks>,
}

impl<P: SandboxProvider> Stopper<P> {
    /// Starts stopping the sandbox of a session. The phase must be one without work in progress.
    pub(crate) fn begin_stop(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        state: &mut State<P::Sandbox>,
        goal: Goal,
        cause: Cause,
    ) -> Result<SingleFlight> {
        let Begun {
            completion,
            flight,
            live,
        } = state.begin(Transition::Stop { goal, cause })?;
        let mut teardown = Teardown {
            may_suspend: self.provisioner.suspends(),
            ..Teardown::new(goal, completion)
        };
        match (live, state.resting.take()) {
            (Some(live), _) => {
                teardown.exists = Some(live.running.id.clone());
                teardown.permit = Some(live.permit);
                teardown.anew = live.running.moved;
                teardown.env.clone_from(&live.running.env);
                // It was stopped from outside.
                teardown.suspended = cause == Cause::Stopped;
                teardown.running = Some(live.running);
            }
            (None, Some(resting)) => {
                teardown.exists = Some(resting.id);
                teardown.permit = resting.permit;
                teardown.anew = resting.anew;
                teardown.env = resting.env;
                teardown.suspended = resting.certain;
                teardown.doubted = true;
            }
            (None, None) => {}
        }
        teardown.may_suspend &= !teardown.anew;
        teardown.named.clone_from(&teardown.exists);
        let (stopper, entry) = (Arc::clone(self), Arc::clone(entry));
        self.tasks
            .spawn(async move { stopper.stop(entry, teardown).await });
        Ok(flight)
    }

    /// Stops a sandbox, however long it takes, and then moves the session to its next state.
    pub(crate) async fn stop(
        self: &Arc<Self>,
        entry: Arc<Entry<P::Sandbox>>,
        mut teardown: Teardown<P::Sandbox>,
    ) {
        teardown.running = None;
        if teardown.suspended
            && teardown.first_goal == Goal::Hibernate
            && let Some(id) = &teardown.exists
        {
            // It may have been started again since, which a connection to its earlier run does not show.
            teardown.suspended = self.provisioner.inspect(id).await.liveness.is_asleep();
        }
        let mut attempt: u32 = 0;
        loop {
            let Some((goal, cause)) = goal_of(&entry) else {
                return;
            };
            let suspend = goal == Goal::Hibernate && teardown.may_suspend;
            let Some(id) = teardown
                .exists
                .clone()
                .filter(|_| !(suspend && teardown.suspended))
            else {
                self.hand_over(&entry, teardown.permit.take());
                if self.settle(&entry, &teardown, goal, cause).await {
                    return;
                }
                continue;
            };
            let is_of = if teardown.doubted {
                self.is_of(&id, &entry.id).await
            } else {
                Ok(true)
            };
            let ended = match is_of {
                Ok(true) => self.provisioner.end(&id, suspend).await,
                Ok(false) => {
                    // It belongs to another session, and that one stops it.
                    teardown.exists = None;
                    teardown.suspended = false;
                    continue;
                }
                Err(error) => Err(error),
            };
            let error = match ended {
                Ok(()) if suspend => {
                    teardown.suspended = true;
                    continue;
                }
                Ok(()) => {
                    teardown.exists = None;
                    teardown.suspended = false;
                    continue;
                }
                Err(error) => error,
            };
            // A sandbox that is gone needs no stopping.
            let found = if holds(Guard::AskAfterFailedStop) {
                self.provisioner.inspect(&id).await.liveness
            } else {
                Liveness::unknown("not checked")
            };
            match found {
                Liveness::Gone { .. } => {
                    teardown.exists = None;
                    teardown.suspended = false;
                    teardown.gone = true;
                    // Its remains hold no permit.
                    self.orphans.remove_remains(id);
                    continue;
                }
                Liveness::Asleep { .. } if suspend => {
                    teardown.suspended = true;
                    continue;
                }
                _ => {}
            }
            attempt = attempt.saturating_add(1);
            self.reporter
                .counters
                .failed_stops
                .fetch_add(1, Ordering::Relaxed);
            self.reporter.session(
                &entry,
                EventKind::StopFailed {
                    attempt,
                    error: error.clone(),
                },
            );
            if attempt >= self.attempts {
                give_notice(&entry, &error);
                let answer = teardown.answer.clone().unwrap_or(error);
                teardown.completion.complete(Err(answer));
                if self.provisioner.is_closing() {
                    // The record names the sandbox, and the next manager stops it.
                    return;
                }
            }
            let nudge = nudge_of(&entry);
            self.provisioner
                .wait_to_retry(attempt, nudge.notified())
                .await;
        }
    }

    /// Returns whether a sandbox that was not live belongs to a session. A different label means another session's; without a
    /// label the record decides, unless two records name the sandbox.
    ///
    /// # Errors
    ///
    /// `unavailable` if its labels are not known now.
    async fn is_of(&self, sandbox: &SandboxId, session: &SandboxId) -> Result<bool> {
        if !holds(Guard::SessionLabel) {
            return Ok(true);
        }
        let info = self.provisioner.inspect(sandbox).await;
        match (info.labels.get(labels::SESSION), info.liveness) {
            (Some(label), _) => Ok(label == session.as_str()),
            (None, Liveness::Unknown { reason }) if info.labels.is_empty() => {
                Err(Error::unavailable(format!(
                    "whether the sandbox belongs to the session is not known: {reason}"
                )))
            }
            (None, _) => Ok(!self.records.is_disputed(sandbox)),
        }
    }

    /// Hands the permit of a sandbox that is gone to its waiter.
    fn hand_over(&self, entry: &Entry<P::Sandbox>, permit: Option<Permit>) {
        let effects = entry.lock().apply(Transition::HandOver);
        let waiter = effects.ok().and_then(|effects| effects.waiter);
        if !holds(Guard::PlaceGivenBack) {
            std::mem::forget(permit);
            return;
        }
        hand_over(permit, waiter);
    }

    /// Moves the session to its next state once its sandbox is stopped. Returns false if the goal has changed meanwhile.
    async fn settle(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        teardown: &Teardown<P::Sandbox>,
        goal: Goal,
        cause: Cause,
    ) -> bool {
        let resting = teardown.exists.clone().map(|id| Resting {
            id,
            certain: teardown.suspended,
            anew: teardown.anew,
            env: teardown.env.clone(),
            permit: None,
        });
        let stored = if teardown.write || goal != teardown.first_goal || teardown.gone {
            self.store_end(entry, goal, resting.as_ref()).await
        } else {
            Ok(())
        };
        // The age of a session does not say whose the sandbox is; a request to close it does.
        if let Some(named) = &teardown.named
            && cause == Cause::Asked
            && teardown.exists.is_none()
            && stored.is_ok()
            && self.records.unwritten_use(&entry.id).is_none()
        {
            self.records.give_up(named, &entry.id);
        }
        let files_kept = self.records.keeps_files();
        // Its files are lost with it.
        let lost = teardown.gone && goal == Goal::Hibernate && !files_kept;
        let (next, event) = {
            let mut table = self.table.lock();
            let mut state = entry.lock();
            let stopped = Transition::Stopped {
                goal,
                lost: lost || (goal == Goal::MarkDead && !files_kept),
                open: state.open.is_some(),
            };
            let Ok(Effects { next, .. }) = state.apply(stopped) else {
                return false;
            };
            let tenant = state.tenant().map(str::to_owned);
            let kind = match goal {
                Goal::Hibernate => {
                    state.resting = resting;
                    retire(&mut table, entry, &state);
                    (!lost).then_some(EventKind::Hibernated(cause))
                }
                Goal::MarkDead => {
                    state.resting = None;
                    None
                }
                Goal::Close | Goal::Purge => {
                    state.resting = None;
                    state.open = None;
                    forget(&mut table, entry);
                    Some(match goal {
                        Goal::Purge => EventKind::Purged(cause),
                        _ => EventKind::Released { cause, files_kept },
                    })
                }
            };
            // A failed start is reported as such, not as the end of a session that never existed.
            let failed = teardown.answer.is_some() && goal == teardown.first_goal;
            let event = kind
                .filter(|_| !failed)
                .map(|kind| Event::of(&entry.id, tenant.as_deref(), kind));
            (next, event)
        };
        if teardown.gone && goal == Goal::Hibernate {
            self.reporter.death(entry, self.records.keeps_files());
        }
        if let Some(next) = next {
            next.complete(Ok(()));
        }
        if let Some(event) = event {
            self.reporter.send(event);
        }
        let outcome = match &teardown.answer {
            Some(error) => Err(error.clone()),
            None if lost => Err(dead(&entry.id)),
            None => stored,
        };
        teardown.completion.complete(outcome);
        true
    }

    /// Stores the new state of a session.
    async fn store_end(
        &self,
        entry: &Entry<P::Sandbox>,
        goal: Goal,
        resting: Option<&Resting>,
    ) -> Result<()> {
        if !self.records.keeps_files() {
            return Ok(());
        }
        if goal == Goal::Purge {
            return self.records.discard(entry).await;
        }
        let record = {
            let state = entry.lock();
            state.profile.as_ref().map(|profile| {
                Record::new(&entry.id, profile, self.calendar.date(state.used))
                    .with_resting(resting)
            })
        };
        if let Some(record) = record {
            self.records.save(entry, record).await;
        }
        Ok(())
    }
}

/// Returns the goal of a session whose sandbox is being stopped.
fn goal_of<S: ?Sized>(entry: &Entry<S>) -> Option<(Goal, Cause)> {
    match entry.lock().phase() {
        Phase::Stopping(stopping) => Some((stopping.goal, stopping.cause)),
        _ => None,
    }
}

/// Reports to all waiting callers that the stop takes longer, and why.
fn give_notice<S: ?Sized>(entry: &Entry<S>, why: &Error) {
    let effects = entry.lock().apply(Transition::StopFailed(why.clone()));
    if let Some(next) = effects.ok().and_then(|effects| effects.next) {
        next.complete(Err(why.clone()));
    }
}

/// Returns what triggers the next attempt.
fn nudge_of<S: ?Sized>(entry: &Entry<S>) -> Arc<Notify> {
    match entry.lock().phase() {
        Phase::Stopping(stopping) => Arc::clone(&stopping.nudge),
        _ => Arc::default(),
    }
}
