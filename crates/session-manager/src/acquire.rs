//! How a caller obtains a session: the next step for each phase.
//!
//! Callers only inspect state and wait. Slow work is done by one task that all waiting callers share, so a caller that cancels
//! does not affect the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{Result, SandboxId, SandboxProvider};
use tokio::time::timeout;

use crate::SessionOptions;
use crate::access::Want;
use crate::entry::{Entry, Profile, State};
use crate::errors::{closing, dead, released, stuck, unknown};
use crate::event::EventKind;
use crate::health::Seen;
use crate::inner::Inner;
use crate::launch::Origin;
use crate::phase::{Begun, Goal, Phase, Transition};
use crate::running::Running;
use crate::session::{Pass, Session};
use crate::single_flight::SingleFlight;

/// What a caller does next.
enum Step<S: ?Sized> {
    Ready(Arc<Running<S>>),
    /// Waits, and shares the failure.
    Share(SingleFlight),
    /// Waits, and checks again whatever the outcome.
    Wait(SingleFlight),
    /// Waits a short time for the attempt that it triggered.
    Hurry(SingleFlight),
    Again,
}

impl<S: ?Sized> Step<S> {
    /// Waits for the end of a stop. One that has failed several times is hurried once; then its failure is the caller's.
    fn after_stop(id: &SandboxId, state: &mut State<S>, hurried: bool) -> Result<Self> {
        let Phase::Stopping(stopping) = state.phase() else {
            return Ok(Self::Again);
        };
        let flight = stopping.flight.clone();
        match &stopping.stuck {
            Some(error) if hurried => Err(stuck(id, error)),
            Some(_) => Ok(Self::Hurry(state.hurry().unwrap_or(flight))),
            None => Ok(Self::Wait(flight)),
        }
    }
}

impl<P: SandboxProvider> Inner<P> {
    /// Returns the session, with a running sandbox.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        id: &SandboxId,
        want: Want<'_>,
    ) -> Result<Session<P>> {
        if let Some(session) = self.seen_recently(id, want)? {
            return Ok(session);
        }
        // One claim for the whole loop: the entry must not be forgotten between two iterations.
        let mut claim = self.table.claim(id);
        let mut hurried = false;
        loop {
            match self.next_step(&claim.entry, want, hurried)? {
                Step::Ready(running) => {
                    if self.prober.probe(&claim.entry, &running).await? == Seen::Alive {
                        return Ok(Session::new(self, &claim.entry));
                    }
                }
                Step::Share(flight) => flight.outcome().await?,
                Step::Wait(flight) => flight.over().await?,
                Step::Hurry(flight) => {
                    hurried = true;
                    self.hurried(flight).await?;
                }
                Step::Again => claim = self.table.claim(id),
            }
        }
    }

    /// Waits for a hurried attempt, for at most the probe timeout. The caller checks the outcome afterwards; only a lost attempt
    /// is an error.
    pub(crate) async fn hurried(&self, flight: SingleFlight) -> Result<()> {
        timeout(self.settings.probe_timeout, flight.over())
            .await
            .unwrap_or(Ok(()))
    }

    /// Returns the session, if its sandbox was recently seen alive.
    fn seen_recently(
        self: &Arc<Self>,
        id: &SandboxId,
        want: Want<'_>,
    ) -> Result<Option<Session<P>>> {
        let Some(entry) = self.table.get(id) else {
            return Ok(None);
        };
        {
            let mut state = entry.lock();
            let Some(running) = state.running() else {
                return Ok(None);
            };
            let now = self.now();
            if !running.seen_since(now.saturating_sub(self.settings.probe_after)) {
                return Ok(None);
            }
            self.authorize(id, &mut state, want)?;
            state.used = now;
        }
        Ok(Some(Session::new(self, &entry)))
    }

    /// Inspects the phase, starts the necessary work, and returns what the caller waits for.
    fn next_step(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        want: Want<'_>,
        hurried: bool,
    ) -> Result<Step<P::Sandbox>> {
        let mut state = entry.lock();
        if self.is_closing() {
            return Err(closing());
        }
        match state.phase() {
            Phase::Unloaded => Ok(Step::Share(self.begin_loading(entry, &mut state)?)),
            Phase::Loading(flight) => Ok(Step::Share(flight.clone())),
            Phase::Known if state.profile.is_none() => {
                let Want::Create { options, tenant } = want else {
                    return Err(unknown(&entry.id));
                };
                state.open = Some(self.capacity.open(tenant)?);
                state.profile = Some(Arc::new(self.new_profile(options, tenant)));
                let flight = self.starter.begin_start(entry, &mut state, Origin::Fresh)?;
                Ok(Step::Share(flight))
            }
            Phase::Known => {
                self.authorize(&entry.id, &mut state, want)?;
                state.open = Some(self.capacity.open(state.tenant())?);
                let flight = self
                    .starter
                    .begin_start(entry, &mut state, Origin::Stored)?;
                Ok(Step::Share(flight))
            }
            Phase::Hibernated => {
                self.authorize(&entry.id, &mut state, want)?;
                let flight = self
                    .starter
                    .begin_start(entry, &mut state, Origin::Asleep)?;
                Ok(Step::Share(flight))
            }
            Phase::Starting(flight) => {
                let flight = flight.clone();
                self.authorize(&entry.id, &mut state, want)?;
                Ok(Step::Share(flight))
            }
            Phase::Live(live) => {
                let running = Arc::clone(&live.running);
                self.authorize(&entry.id, &mut state, want)?;
                state.used = self.now();
                Ok(Step::Ready(running))
            }
            Phase::Stopping(_) => {
                self.authorize(&entry.id, &mut state, want)?;
                Step::after_stop(&entry.id, &mut state, hurried)
            }
            Phase::Dead => {
                self.authorize(&entry.id, &mut state, want)?;
                Err(dead(&entry.id))
            }
            Phase::Closed => Ok(Step::Again),
        }
    }

    /// Begins an operation on the sandbox of a session, resuming the session first if needed.
    pub(crate) async fn begin_op(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
    ) -> Result<Pass<P>> {
        let mut hurried = false;
        loop {
            let flight = {
                let mut state = entry.lock();
                match state.phase() {
                    Phase::Live(live) => {
                        let running = Arc::clone(&live.running);
                        running.busy.fetch_add(1, Ordering::Relaxed);
                        state.used = self.now();
                        return Ok(Pass::new(self, entry, running));
                    }
                    Phase::Starting(flight) => Step::<P::Sandbox>::Share(flight.clone()),
                    Phase::Stopping(stopping) if stopping.goal <= Goal::MarkDead => {
                        Step::after_stop(&entry.id, &mut state, hurried)?
                    }
                    Phase::Hibernated if self.is_closing() => return Err(closing()),
                    Phase::Hibernated => Step::Share(self.starter.begin_start(
                        entry,
                        &mut state,
                        Origin::Asleep,
                    )?),
                    Phase::Dead => return Err(dead(&entry.id)),
                    _ => return Err(released(&entry.id)),
                }
            };
            match flight {
                Step::Share(flight) => flight.outcome().await?,
                Step::Wait(flight) => flight.over().await?,
                Step::Hurry(flight) => {
                    hurried = true;
                    self.hurried(flight).await?;
                }
                _ => {}
            }
        }
    }

    /// Starts reading the record of an id.
    pub(crate) fn begin_loading(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        state: &mut State<P::Sandbox>,
    ) -> Result<SingleFlight> {
        let Begun {
            completion, flight, ..
        } = state.begin(Transition::Load)?;
        let (inner, entry) = (Arc::clone(self), Arc::clone(entry));
        // It keeps the entry in the table until the phase changes.
        let claim = self.table.claim_locked(&entry, state);
        self.tasks.spawn(async move {
            let id = entry.id.clone();
            let loaded = inner.disk(move |store| store.load(&id)).await;
            let mut copied = false;
            let outcome = {
                let mut state = entry.lock();
                match loaded {
                    Ok(record) => {
                        let _ = state.apply(Transition::Loaded);
                        state.profile = record.as_ref().map(|record| Arc::new(record.profile()));
                        if let Some(record) = &record {
                            // A later write must not make the session look older than it is.
                            let age = inner.calendar.shown().duration_since(record.used());
                            let used = inner.now().saturating_sub(age.unwrap_or_default());
                            // Nor may a record that could not be written after the last use.
                            let unwritten = inner.records.unwritten_use(&entry.id);
                            state.used = unwritten.map_or(used, |unwritten| unwritten.max(used));
                            copied = record.copied;
                            state.resting = record.to_resting();
                        }
                        Ok(())
                    }
                    Err(error) => {
                        let _ = state.apply(Transition::LoadFailed);
                        Err(error)
                    }
                }
            };
            if let Err(error) = &outcome {
                inner
                    .reporter
                    .session(&entry, EventKind::RecordUnreadable(error.clone()));
            }
            if copied {
                inner.reporter.session(&entry, EventKind::RecordCopied);
            }
            completion.complete(outcome);
            drop(claim);
        });
        Ok(flight)
    }

    fn new_profile(&self, options: &SessionOptions, tenant: Option<&str>) -> Profile {
        Profile {
            tenant: tenant.map(str::to_owned),
            runtime: options
                .runtime
                .clone()
                .or_else(|| self.settings.runtime.clone()),
            env: options.env.clone(),
            labels: options.labels.clone(),
            idle_timeout: options.idle_timeout,
            created: self.calendar.shown(),
        }
    }
}
