//! How a caller gets to a session: what is to be done, by the phase that the session is in.
//!
//! A caller does nothing itself but look and wait. What takes time is done by a task, once for all who wait for it, so that
//! a caller who goes away takes nothing along.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{Error, Liveness, Result, RuntimeConfig, Sandbox, SandboxId, SandboxProvider};
use tokio::time::timeout;

use crate::entry::{Body, Entry, Flight, Goal, Phase, Profile, Slot};
use crate::event::EventKind;
use crate::inner::{Claim, Inner};
use crate::session::{Pass, Session};
use crate::start::Origin;
use crate::{Cause, SessionOptions};

/// What a caller wants of an id.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want<'a> {
    /// The session, made if it is not there.
    Create {
        options: &'a SessionOptions,
        tenant: Option<&'a str>,
    },
    /// The session, if it is there, and belongs to the tenant, if one is given.
    Open { scope: Option<&'a str> },
}

/// What a caller does next.
enum Step<S: ?Sized> {
    Ready(Arc<Body<S>>),
    /// Waits, and shares the failure.
    Share(Flight),
    /// Waits, and looks again whatever came of it.
    Wait(Flight),
    Again,
}

impl<P: SandboxProvider> Inner<P> {
    /// Returns the session, with a sandbox that runs.
    pub(crate) async fn obtain(
        self: &Arc<Self>,
        id: &SandboxId,
        want: Want<'_>,
    ) -> Result<Session<P>> {
        if let Some(session) = self.at_hand(id, want)? {
            return Ok(session);
        }
        // One claim for all of it: between two looks the entry must not be forgotten.
        let mut claim = self.claim(id);
        loop {
            match self.decide(&claim.entry, want)? {
                Step::Ready(body) => {
                    if self.confirm(&claim.entry, &body).await {
                        return Ok(Session::new(self, &claim.entry));
                    }
                }
                Step::Share(flight) => flight.outcome().await?,
                Step::Wait(flight) => flight.over().await?,
                Step::Again => claim = self.claim(id),
            }
        }
    }

    /// Returns the session, if it has a sandbox that was seen alive a short time ago.
    fn at_hand(self: &Arc<Self>, id: &SandboxId, want: Want<'_>) -> Result<Option<Session<P>>> {
        let Some(entry) = self.table().get(id).map(Arc::clone) else {
            return Ok(None);
        };
        {
            let mut slot = entry.lock();
            let Some(body) = slot.body() else {
                return Ok(None);
            };
            let now = self.now();
            if now.saturating_sub(body.seen()) > self.settings.probe_after {
                return Ok(None);
            }
            admit(id, &mut slot, want)?;
            slot.used = now;
        }
        Ok(Some(Session::new(self, &entry)))
    }

    /// Looks at the phase, begins what has to be done, and tells the caller what to wait for.
    fn decide(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        want: Want<'_>,
    ) -> Result<Step<P::Sandbox>> {
        let mut slot = entry.lock();
        if self.is_closing() {
            return Err(closing());
        }
        match &slot.phase {
            Phase::Unloaded => Ok(Step::Share(self.begin_loading(entry, &mut slot))),
            Phase::Loading(flight) => Ok(Step::Share(flight.clone())),
            Phase::Known if slot.profile.is_none() => {
                let Want::Create { options, tenant } = want else {
                    return Err(unknown(&entry.id));
                };
                slot.open = Some(self.rooms.open(tenant)?);
                slot.profile = Some(Arc::new(self.new_profile(options, tenant)));
                Ok(Step::Share(self.begin_start(
                    entry,
                    &mut slot,
                    Origin::Fresh,
                )))
            }
            Phase::Known => {
                admit(&entry.id, &mut slot, want)?;
                slot.open = Some(self.rooms.open(slot.tenant())?);
                Ok(Step::Share(self.begin_start(
                    entry,
                    &mut slot,
                    Origin::Stored,
                )))
            }
            Phase::Hibernated => {
                admit(&entry.id, &mut slot, want)?;
                Ok(Step::Share(self.begin_start(
                    entry,
                    &mut slot,
                    Origin::Asleep,
                )))
            }
            Phase::Starting(flight) => {
                let flight = flight.clone();
                admit(&entry.id, &mut slot, want)?;
                Ok(Step::Share(flight))
            }
            Phase::Live(live) => {
                let body = Arc::clone(&live.body);
                admit(&entry.id, &mut slot, want)?;
                slot.used = self.now();
                Ok(Step::Ready(body))
            }
            Phase::Leaving(leaving) => {
                let (flight, stuck) = (leaving.flight.clone(), leaving.stuck);
                admit(&entry.id, &mut slot, want)?;
                if stuck {
                    return Err(self::stuck(&entry.id));
                }
                Ok(Step::Wait(flight))
            }
            Phase::Dead => {
                admit(&entry.id, &mut slot, want)?;
                Err(dead(&entry.id))
            }
            Phase::Closed => Ok(Step::Again),
        }
    }

    /// Begins an operation on the sandbox of a session, and wakes the session up for it.
    pub(crate) async fn enter(self: &Arc<Self>, entry: &Arc<Entry<P::Sandbox>>) -> Result<Pass<P>> {
        loop {
            let flight = {
                let mut slot = entry.lock();
                match &slot.phase {
                    Phase::Live(live) => {
                        let body = Arc::clone(&live.body);
                        body.busy.fetch_add(1, Ordering::Relaxed);
                        slot.used = self.now();
                        return Ok(Pass::new(self, entry, body));
                    }
                    Phase::Starting(flight) => Step::<P::Sandbox>::Share(flight.clone()),
                    Phase::Leaving(leaving) if leaving.stuck => return Err(stuck(&entry.id)),
                    Phase::Leaving(leaving) if leaving.goal <= Goal::Bury => {
                        Step::Wait(leaving.flight.clone())
                    }
                    Phase::Hibernated if self.is_closing() => return Err(closing()),
                    Phase::Hibernated => {
                        Step::Share(self.begin_start(entry, &mut slot, Origin::Asleep))
                    }
                    Phase::Dead => return Err(dead(&entry.id)),
                    _ => return Err(released(&entry.id)),
                }
            };
            match flight {
                Step::Share(flight) => flight.outcome().await?,
                Step::Wait(flight) => flight.over().await?,
                _ => {}
            }
        }
    }

    /// Returns whether a sandbox still answers, asking it if that is not known. One that died is buried.
    pub(crate) async fn confirm(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        body: &Arc<Body<P::Sandbox>>,
    ) -> bool {
        let now = self.now();
        if now.saturating_sub(body.seen()) <= self.settings.probe_after {
            return true;
        }
        // Whoever asks meanwhile need not ask as well.
        body.saw(now);
        match timeout(self.settings.probe_timeout, body.sandbox.liveness()).await {
            Ok(Liveness::Alive) => true,
            Ok(Liveness::Gone { .. } | Liveness::Asleep { .. }) => {
                self.died(entry, body);
                false
            }
            Ok(Liveness::Unknown { .. }) | Err(_) => {
                self.tell_of(entry, EventKind::Unresponsive);
                true
            }
        }
    }

    /// Looks after a sandbox that an operation found to be unavailable.
    pub(crate) async fn suspect(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        body: &Arc<Body<P::Sandbox>>,
    ) {
        let asked = timeout(self.settings.probe_timeout, body.sandbox.liveness()).await;
        if let Ok(Liveness::Gone { .. } | Liveness::Asleep { .. }) = asked {
            self.died(entry, body);
        }
    }

    /// Buries a sandbox, if it is still that of the session.
    pub(crate) fn died(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        body: &Arc<Body<P::Sandbox>>,
    ) {
        let files_kept = self.keeps_files();
        {
            let mut slot = entry.lock();
            if !slot.body().is_some_and(|held| Arc::ptr_eq(held, body)) {
                return;
            }
            self.begin_leave(entry, &mut slot, Goal::Bury, Cause::Died);
        }
        self.counters.deaths.fetch_add(1, Ordering::Relaxed);
        self.tell_of(entry, EventKind::Died { files_kept });
    }

    /// Begins to read what is stored about an id.
    pub(crate) fn begin_loading(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        slot: &mut Slot<P::Sandbox>,
    ) -> Flight {
        let (landing, flight) = Flight::begin();
        slot.phase = Phase::Loading(flight.clone());
        let (inner, entry) = (Arc::clone(self), Arc::clone(entry));
        // It keeps the entry in the table until the phase is another one.
        let claim = Claim::within(self, &entry, slot);
        self.spawn(async move {
            let id = entry.id.clone();
            let loaded = inner.disk(move |store| store.load(&id)).await;
            let outcome = {
                let mut slot = entry.lock();
                match loaded {
                    Ok(record) => {
                        slot.phase = Phase::Known;
                        slot.profile = record.as_ref().map(|record| Arc::new(record.profile()));
                        slot.resting = record.filter(|r| r.resting).and_then(|r| r.sandbox);
                        Ok(())
                    }
                    Err(error) => {
                        slot.phase = Phase::Unloaded;
                        Err(error)
                    }
                }
            };
            if let Err(error) = &outcome {
                inner.tell_of(&entry, EventKind::RecordUnreadable(error.clone()));
            }
            landing.land(outcome);
            drop(claim);
        });
        flight
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
            created: self.clock.now(),
        }
    }
}

/// Lets a caller in who may reach the session and asks for nothing that it is not, and takes over what can be changed.
fn admit<S: ?Sized>(id: &SandboxId, slot: &mut Slot<S>, want: Want<'_>) -> Result<()> {
    let Some(profile) = slot.profile.as_ref() else {
        return Err(unknown(id));
    };
    let (options, tenant) = match want {
        Want::Open { scope: None } => return Ok(()),
        Want::Open { scope } if scope == profile.tenant.as_deref() => return Ok(()),
        // Whether there is one of somebody else's is not told.
        Want::Open { .. } => return Err(unknown(id)),
        Want::Create { options, tenant } => (options, tenant),
    };
    if tenant != profile.tenant.as_deref() {
        return Err(Error::invalid_request(format!(
            "the session id '{id}' is taken; choose another one"
        )));
    }
    let asleep = matches!(
        slot.phase,
        Phase::Known | Phase::Hibernated | Phase::Leaving(_) | Phase::Dead
    );
    let (held, mut changed) = (Arc::clone(profile), None);
    let change = || (*held).clone();
    if let Some(runtime) = &options.runtime
        && !held.runtime.as_ref().is_some_and(|r| same(r, runtime))
    {
        let name = held.runtime.as_ref().map(RuntimeConfig::name);
        if name != Some(runtime.name()) {
            return Err(Error::invalid_request(format!(
                "session '{id}' has the runtime '{}', not '{}'",
                name.unwrap_or("default"),
                runtime.name()
            )));
        }
        // The same one, defined anew: the next sandbox has it. One that is laid to rest would come back as it was.
        if !asleep || slot.resting.is_some() {
            return Err(running_as(id, "another definition of its runtime"));
        }
        changed.get_or_insert_with(change).runtime = Some(runtime.clone());
    }
    if !options.env.is_empty() && options.env != held.env {
        if !asleep || slot.resting.is_some() {
            return Err(running_as(id, "other variables"));
        }
        changed.get_or_insert_with(change).env = options.env.clone();
    }
    if !options.labels.is_empty() && options.labels != held.labels {
        if !asleep || slot.resting.is_some() {
            return Err(running_as(id, "other labels"));
        }
        changed.get_or_insert_with(change).labels = options.labels.clone();
    }
    if options.idle_timeout.is_some() && options.idle_timeout != held.idle_timeout {
        changed.get_or_insert_with(change).idle_timeout = options.idle_timeout;
    }
    // While a sandbox is being stopped, the caller waits and asks again.
    if let Some(changed) = changed
        && !matches!(slot.phase, Phase::Leaving(_))
    {
        slot.profile = Some(Arc::new(changed));
    }
    Ok(())
}

/// Returns whether two definitions come to the same sandbox. What they say to a reader has no part in it.
fn same(a: &RuntimeConfig, b: &RuntimeConfig) -> bool {
    a.name() == b.name()
        && a.image() == b.image()
        && a.packages() == b.packages()
        && a.setup() == b.setup()
        && a.env() == b.env()
        && a.work_dir() == b.work_dir()
        && a.user() == b.user()
}

fn running_as(id: &SandboxId, what: &str) -> Error {
    Error::invalid_request(format!(
        "session '{id}' has a sandbox with {what}; release it first, its stored files are kept"
    ))
}

pub(crate) fn unavailable(message: String) -> Error {
    Error::Unavailable {
        message,
        source: None,
    }
}

pub(crate) fn closing() -> Error {
    unavailable("the session manager is shut down".to_owned())
}

pub(crate) fn unknown(id: &SandboxId) -> Error {
    unavailable(format!("there is no session '{id}'"))
}

fn dead(id: &SandboxId) -> Error {
    unavailable(format!(
        "the sandbox of session '{id}' died, and its files with it; release the session to start anew"
    ))
}

fn released(id: &SandboxId) -> Error {
    unavailable(format!("session '{id}' was released"))
}

pub(crate) fn stuck(id: &SandboxId) -> Error {
    unavailable(format!(
        "the last sandbox of session '{id}' could not be stopped yet; try again later"
    ))
}
