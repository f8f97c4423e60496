//! Requests to close or hibernate a session: what they start, and what they wait for.

use std::sync::Arc;

use backend_core::{Error, Result, SandboxId, SandboxProvider};

use crate::entry::Entry;
use crate::errors::{closing, stuck, unknown};
use crate::event::Cause;
use crate::health::{Activity, Seen, is_still_idle};
use crate::inner::Inner;
use crate::phase::{Goal, Phase, Transition};
use crate::single_flight::SingleFlight;

impl<P: SandboxProvider> Inner<P> {
    /// Closes a session, or closes it and removes its files. A missing session is not an error.
    pub(crate) async fn close(
        self: &Arc<Self>,
        id: &SandboxId,
        goal: Goal,
        cause: Cause,
        scope: Option<&str>,
    ) -> Result<()> {
        let mut claim = self.table.claim(id);
        let mut hurried = false;
        loop {
            let entry = &claim.entry;
            match self.begin_close(entry, goal, cause, scope, hurried)? {
                Close::Hurry(flight) => {
                    hurried = true;
                    self.hurried(flight).await?;
                }
                Close::Done => return Ok(()),
                Close::Again => claim = self.table.claim(id),
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
                    Err(_) if matches!(entry.lock().phase(), Phase::Hibernated) => {}
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
        let mut state = entry.lock();
        let visible = state.profile.is_none() || scope.is_none() || state.tenant() == scope;
        if !visible {
            return Err(unknown(&entry.id));
        }
        let stored = state.profile.is_some();
        let rests = state.resting.is_some();
        // Stored sessions and suspended sandboxes may belong to the next manager by now.
        if self.is_closing() && !matches!(state.phase(), Phase::Stopping(_) | Phase::Closed) {
            return Err(closing());
        }
        Ok(match state.phase() {
            Phase::Unloaded => Close::Load(self.begin_loading(entry, &mut state)?),
            Phase::Loading(flight) => Close::Load(flight.clone()),
            Phase::Starting(flight) => Close::Start(flight.clone()),
            Phase::Known if !stored || (goal == Goal::Close && !rests) => Close::Done,
            Phase::Known | Phase::Live(_) | Phase::Hibernated | Phase::Dead => {
                Close::End(self.stopper.begin_stop(entry, &mut state, goal, cause)?)
            }
            Phase::Stopping(stopping) => {
                let (flight, trouble) = (stopping.flight.clone(), stopping.stuck.clone());
                let _ = state.apply(Transition::Extend { goal, cause });
                match trouble {
                    Some(error) if hurried => return Err(stuck(&entry.id, &error)),
                    Some(_) => Close::Hurry(state.hurry().unwrap_or(flight)),
                    None => Close::End(flight),
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
        let entry = self.table.get(id);
        let entry = entry.ok_or_else(|| unknown(id))?;
        let mut hurried = false;
        loop {
            let step = {
                let mut state = entry.lock();
                if scope.is_some() && state.tenant() != scope {
                    return Err(unknown(id));
                }
                let used = state.used;
                match state.phase() {
                    Phase::Hibernated => return Ok(()),
                    Phase::Live(live) => Ok((Arc::clone(&live.running), used)),
                    Phase::Stopping(stopping) if stopping.goal <= Goal::MarkDead => {
                        let flight = stopping.flight.clone();
                        match &stopping.stuck {
                            Some(error) if hurried => return Err(stuck(id, error)),
                            Some(_) => Err((state.hurry().unwrap_or(flight), true)),
                            None => Err((flight, false)),
                        }
                    }
                    _ => return Err(no_sandbox(id)),
                }
            };
            let (running, used) = match step {
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
            if !self.prober.can_hibernate(&running) {
                return Err(Error::unsupported(
                    "hibernating this session: all files would be lost",
                ));
            }
            let works = self.prober.activity(&running).await;
            if works == Activity::Silent
                && self.prober.probe_now(&entry, &running).await? != Seen::Alive
            {
                continue;
            }
            let flight = {
                let mut state = entry.lock();
                if works != Activity::Idle || !is_still_idle(&state, &running, used) {
                    return Err(Error::invalid_request(format!("session '{id}' is in use")));
                }
                self.stopper
                    .begin_stop(&entry, &mut state, Goal::Hibernate, Cause::Asked)?
            };
            return flight.outcome().await;
        }
    }

    fn still_there(&self, entry: &Arc<Entry<P::Sandbox>>) -> bool {
        matches!(entry.lock().phase(), Phase::Stopping(_))
    }
}

/// What a caller of close waits for.
enum Close {
    Done,
    Again,
    Load(SingleFlight),
    Start(SingleFlight),
    End(SingleFlight),
    /// Waits a short time for the attempt that it triggered.
    Hurry(SingleFlight),
}

fn no_sandbox(id: &SandboxId) -> Error {
    Error::unavailable(format!("session '{id}' has no running sandbox"))
}
