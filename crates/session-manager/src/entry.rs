//! A session as the manager holds it: its phase, and the state of that phase.
//!
//! The phase is changed with the entry's lock held, and only briefly. Phases with work in progress have a [`SingleFlight`]: one task
//! does the work, all others wait for it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use backend_core::{
    Backend, Capabilities, Error, ExecRequest, RuntimeConfig, SandboxId, VirtualPath,
};
use tokio::sync::{Notify, oneshot};

use crate::Cause;
use crate::capacity::{OpenPermit, Permit};
use crate::guard::{Guard, holds};
pub(crate) use crate::single_flight::{Completion, SingleFlight};

/// A session, or an id that a caller asks about.
#[derive(Debug)]
pub(crate) struct Entry<S: ?Sized> {
    pub(crate) id: SandboxId,
    /// What a handle can answer without a sandbox.
    pub(crate) descriptor: OnceLock<Descriptor>,
    /// Held while the record of the session is written, so that an older one never replaces a newer one.
    pub(crate) writing: tokio::sync::Mutex<()>,
    state: Mutex<State<S>>,
}

/// What a sandbox reports about itself, again after each start.
#[derive(Clone, Debug)]
pub(crate) struct Descriptor {
    pub(crate) capabilities: Capabilities,
    pub(crate) work_dir: VirtualPath,
}

impl Descriptor {
    pub(crate) fn of<B: Backend + ?Sized>(backend: &B) -> Self {
        Self {
            capabilities: backend.capabilities(),
            work_dir: backend.work_dir(),
        }
    }
}

/// The mutable part of an entry.
#[derive(Debug)]
pub(crate) struct State<S: ?Sized> {
    pub(crate) phase: Phase<S>,
    /// The session's properties; `None` while the id is unused, or its record is not loaded.
    pub(crate) profile: Option<Arc<Profile>>,
    /// The sandbox that the session has while it is not live.
    pub(crate) resting: Option<Resting>,
    /// The permit of an open session.
    pub(crate) open: Option<OpenPermit>,
    /// How many callers hold the entry. An entry that is not open is forgotten when no caller holds it.
    pub(crate) claims: usize,
    /// When it was last used, by the clock.
    pub(crate) used: Duration,
    /// When it was last used, as it is stored.
    pub(crate) stored_use: Option<Duration>,
}

/// The sandbox of a session that is not live: suspended, or in an unknown state. It is replaced only if it is certainly gone, or
/// is to be recreated.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(crate) id: SandboxId,
    /// Whether it is certainly suspended. Otherwise it may run.
    pub(crate) certain: bool,
    /// Whether it must be recreated instead of resumed; its files outlive it.
    pub(crate) anew: bool,
    /// The variables it was created with, if the session has others by now.
    pub(crate) env: Option<BTreeMap<String, String>>,
    /// Its permit, if it may run.
    pub(crate) permit: Option<Permit>,
}

/// A session's properties. They outlive its sandboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) tenant: Option<String>,
    pub(crate) runtime: Option<RuntimeConfig>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) created: SystemTime,
}

/// The phase of a session.
#[derive(Debug)]
pub(crate) enum Phase<S: ?Sized> {
    /// Not checked yet whether it is stored.
    Unloaded,
    /// Its record is being read.
    Loading(SingleFlight),
    /// It is stored and closed or, without a profile, the id is unused.
    Known,
    /// A sandbox is being started.
    Starting(SingleFlight),
    /// It has a sandbox.
    Live(Live<S>),
    /// Its sandbox is being stopped, or its files are being removed.
    Stopping(Stopping),
    /// It has no running sandbox, and resumes with the next use.
    Hibernated,
    /// Its sandbox died and its files are lost. It stays dead until it is released.
    Dead,
    /// It was released. The entry is no longer in the table.
    Closed,
}

/// A sandbox of a session, from its start to its end.
#[derive(Debug)]
pub(crate) struct Live<S: ?Sized> {
    pub(crate) running: Arc<Running<S>>,
    pub(crate) permit: Permit,
}

/// A running sandbox.
#[derive(Debug)]
pub(crate) struct Running<S: ?Sized> {
    pub(crate) id: SandboxId,
    /// How many operations are in flight. Changed with the entry's lock held.
    pub(crate) busy: AtomicUsize,
    /// Whether it answers, as far as known.
    pub(crate) health: Mutex<Health>,
    /// Whether its workspace was renamed after it was created, or it has variables that the session no longer has, so that it
    /// cannot be resumed.
    pub(crate) moved: bool,
    /// The variables it was created with, if the session has others.
    pub(crate) env: Option<BTreeMap<String, String>>,
    /// The variables to add to each command, because the sandbox was created with others.
    pub(crate) added: BTreeMap<String, String>,
    pub(crate) sandbox: Arc<S>,
}

/// Whether a sandbox answers.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// When it was last seen alive; `None` if it has to be checked.
    pub(crate) seen: Option<Duration>,
    /// Why its state could not be determined at the last check.
    pub(crate) outage: Option<String>,
}

/// A stop in progress.
#[derive(Debug)]
pub(crate) struct Stopping {
    pub(crate) goal: Goal,
    pub(crate) cause: Cause,
    pub(crate) flight: SingleFlight,
    /// The waiter that gets the sandbox's permit.
    pub(crate) waiter: Option<oneshot::Sender<Permit>>,
    /// Why it failed, set once enough attempts failed to report it to the waiting callers.
    pub(crate) stuck: Option<Error>,
    /// Triggers the next attempt.
    pub(crate) nudge: Arc<Notify>,
    /// The callers that wait for the next attempt.
    pub(crate) next: Option<(Completion, SingleFlight)>,
}

impl Stopping {
    pub(crate) fn new(goal: Goal, cause: Cause, flight: SingleFlight) -> Self {
        Self {
            goal,
            cause,
            flight,
            waiter: None,
            stuck: None,
            nudge: Arc::default(),
            next: None,
        }
    }

    /// Triggers an attempt at once, and returns what to wait for.
    pub(crate) fn hurry(&mut self) -> SingleFlight {
        if !holds(Guard::Nudge) {
            return self.flight.clone();
        }
        self.nudge.notify_one();
        let (_, flight) = self.next.get_or_insert_with(SingleFlight::begin);
        flight.clone()
    }
}

/// The target state of a session whose sandbox is being stopped. A later variant includes the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// Hibernated until the next use.
    Hibernate,
    /// Its sandbox died: hibernated if it has stored files, dead otherwise.
    MarkDead,
    /// Closed. Its files stay.
    Close,
    /// Closed, and its files are removed.
    Purge,
}

impl<S: ?Sized> Entry<S> {
    pub(crate) fn new(id: SandboxId, phase: Phase<S>) -> Self {
        Self {
            id,
            descriptor: OnceLock::new(),
            writing: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                phase,
                profile: None,
                resting: None,
                open: None,
                claims: 0,
                used: Duration::ZERO,
                stored_use: None,
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: ?Sized> State<S> {
    /// Returns the sandbox, if one is running.
    pub(crate) fn running(&self) -> Option<&Arc<Running<S>>> {
        match &self.phase {
            Phase::Live(live) => Some(&live.running),
            _ => None,
        }
    }

    /// Returns whether no caller holds it and its record has everything known about it. A sandbox that may run holds a permit.
    pub(crate) fn is_needless(&self) -> bool {
        let placed = self.resting.as_ref().is_some_and(|r| r.permit.is_some());
        self.claims == 0 && !placed && matches!(self.phase, Phase::Unloaded | Phase::Known)
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.profile.as_ref().and_then(|p| p.tenant.as_deref())
    }
}

impl<S: ?Sized> Running<S> {
    /// Describes a sandbox that answers. `env` is what it was created with, if the session has other variables.
    pub(crate) fn new(
        id: SandboxId,
        sandbox: Arc<S>,
        now: Duration,
        moved: bool,
        env: Option<BTreeMap<String, String>>,
        profile: Option<&Profile>,
    ) -> Self {
        let mut added = BTreeMap::new();
        if let (Some(made), Some(profile)) = (&env, profile) {
            let other = |(name, value): &(&String, &String)| made.get(*name) != Some(*value);
            let wanted = profile.env.iter().filter(other);
            added.extend(wanted.map(|(name, value)| (name.clone(), value.clone())));
        }
        Self {
            id,
            busy: AtomicUsize::new(0),
            health: Mutex::new(Health {
                seen: Some(now),
                outage: None,
            }),
            moved,
            env,
            added,
            sandbox,
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Adds the session's variables that the sandbox was not created with. The request's own take precedence.
    pub(crate) fn with_variables<'a>(&self, request: &'a ExecRequest) -> Cow<'a, ExecRequest> {
        let mut request = Cow::Borrowed(request);
        for (name, value) in &self.added {
            if !request.env.contains_key(name) {
                request.to_mut().env.insert(name.clone(), value.clone());
            }
        }
        request
    }

    /// Returns whether it was seen alive since a given moment.
    pub(crate) fn seen_since(&self, since: Duration) -> bool {
        self.health().seen.is_some_and(|seen| seen >= since)
    }

    /// Records that it answers.
    pub(crate) fn saw(&self, now: Duration) {
        *self.health() = Health {
            seen: Some(now),
            outage: None,
        };
    }

    /// Records that its state cannot be determined, and returns whether that is new. The next caller checks again.
    pub(crate) fn missed(&self, reason: &str) -> bool {
        let mut health = self.health();
        health.seen = None;
        health.outage.replace(reason.to_owned()).is_none()
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
