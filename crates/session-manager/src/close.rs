//! Requests to close or hibernate a session: what they start, and what they wait for.

use std::sync::Arc;

use backend_core::{Error, Result, SandboxId, SandboxProvider};

use crate::decide::{closing, stuck, unknown};
use crate::entry::{Entry, Flight, Goal, Phase};
use crate::event::Cause;
use crate::health::Seen;
use crate::inner::Inner;
use crate::room::{Work, idle_still};

impl<P: SandboxProvider> Inner<P> {
    /// Closes a session, or closes it and removes its files. A missing session is not an error.
    pub(crate) async fn close(
        self: &Arc<Self>,
        id: &SandboxId,
        goal: Goal,
        cause: Cause,
        scope: Option<&str>,
    ) -> Result<()> {
        let mut claim = self.claim(id);
        let mut hurried = false;
        loop {
            let entry = &claim.entry;
            match self.begin_close(entry, goal, cause, scope, hurried)? {
                Close::Hurry(flight) => {
                    hurried = true;
                    self.hurried(flight).await?;
                }
                Close::Done => return Ok(()),
                Close::Again => claim = self.claim(id),
                Close::Load(flight) => {
                    let loaded = flight.outcome().await;
                    // The owner is unknown, so only an unscoped manager may purge it.
                    if loaded.is_err() && goal == Goal::Purge && scope.is_none() {
                        let _writing = entry.writing.lock().await;
                        let id = id.clone();
                        return self.disk(move |store| store.discard(&id)).await;
                    }
                    loaded?;
                }
                Close::Start(flight) => flight.over().await?,
                Close::End(flight) => match flight.outcome().await {
                    Err(error) if self.still_there(entry) => return Err(stuck(&entry.id, &error)),
                    // A start failed; check the state that it restored.
                    Err(_) if matches!(entry.lock().phase, Phase::Hibernated) => {}
                    outcome => return outcome,
                },
            }
        }
    }

    /// Closes this session, but not another one that has its id by now.
    pub(crate) async fn close_entry(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
    ) -> Result<()> {
        let mut hurried = false;
        loop {
            match self.begin_close(entry, Goal::Close, Cause::Asked, None, hurried)? {
                Close::Hurry(flight) => {
                    hurried = true;
                    self.hurried(flight).await?;
                }
                Close::Done | Close::Again => return Ok(()),
                Close::Load(flight) | Close::Start(flight) => flight.over().await?,
                Close::End(flight) => match flight.outcome().await {
                    Err(error) if self.still_there(entry) => return Err(error),
                    _ => {}
                },
            }
        }
    }

    /// Starts closing a session, or returns what has to be waited for first.
    fn begin_close(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        goal: Goal,
        cause: Cause,
        scope: Option<&str>,
        hurried: bool,
    ) -> Result<Close> {
        let mut slot = entry.lock();
        let visible = slot.profile.is_none() || scope.is_none() || slot.tenant() == scope;
        if !visible {
            return Err(unknown(&entry.id));
        }
        let stored = slot.profile.is_some();
        let rests = slot.resting.is_some();
        // Stored sessions and suspended sandboxes may belong to the next manager by now.
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
                match &leaving.stuck {
                    Some(error) if hurried => return Err(stuck(&entry.id, error)),
                    Some(_) => Close::Hurry(leaving.hurry()),
                    None => Close::End(leaving.flight.clone()),
                }
            }
            Phase::Closed => Close::Again,
        })
    }

    /// Stops the sandbox of an idle session.
    pub(crate) async fn hibernate(
        self: &Arc<Self>,
        id: &SandboxId,
        scope: Option<&str>,
    ) -> Result<()> {
        let entry = self.table().get(id).map(Arc::clone);
        let entry = entry.ok_or_else(|| unknown(id))?;
        let mut hurried = false;
        loop {
            let step = {
                let mut slot = entry.lock();
                if scope.is_some() && slot.tenant() != scope {
                    return Err(unknown(id));
                }
                let used = slot.used;
                match &mut slot.phase {
                    Phase::Hibernated => return Ok(()),
                    Phase::Live(live) => Ok((Arc::clone(&live.body), used)),
                    Phase::Leaving(leaving) if leaving.goal <= Goal::Bury => match &leaving.stuck {
                        Some(error) if hurried => return Err(stuck(id, error)),
                        Some(_) => Err((leaving.hurry(), true)),
                        None => Err((leaving.flight.clone(), false)),
                    },
                    _ => return Err(no_sandbox(id)),
                }
            };
            let (body, used) = match step {
                Ok(live) => live,
                Err((attempt, true)) => {
                    hurried = true;
                    self.hurried(attempt).await?;
                    continue;
                }
                Err((stop, false)) => {
                    stop.over().await?;
                    continue;
                }
            };
            if !self.can_sleep(&body) {
                return Err(Error::unsupported(
                    "hibernating this session: all files would be lost",
                ));
            }
            let works = self.works(&body).await;
            if works == Work::Silent && self.ask(&entry, &body).await? != Seen::Alive {
                continue;
            }
            let flight = {
                let mut slot = entry.lock();
                if works != Work::Idle || !idle_still(&slot, &body, used) {
                    return Err(Error::invalid_request(format!("session '{id}' is in use")));
                }
                self.begin_leave(&entry, &mut slot, Goal::Hibernate, Cause::Asked)
            };
            return flight.outcome().await;
        }
    }

    fn still_there(&self, entry: &Arc<Entry<P::Sandbox>>) -> bool {
        matches!(entry.lock().phase, Phase::Leaving(_))
    }
}

/// What a caller of close waits for.
enum Close {
    Done,
    Again,
    Load(Flight),
    Start(Flight),
    End(Flight),
    /// Waits a short time for the attempt that it triggered.
    Hurry(Flight),
}

fn no_sandbox(id: &SandboxId) -> Error {
    Error::unavailable(format!("session '{id}' has no running sandbox"))
}
