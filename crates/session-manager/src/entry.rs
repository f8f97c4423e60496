//! A session as the manager holds it: which phase it is in, and what belongs to the phase.
//!
//! A phase is changed with the entry's lock held, for moments only. Phases in which something goes on have a [`Flight`]: one
//! task does it, whoever else is interested waits for the task.

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
pub(crate) use crate::flight::{Flight, Landing};
use crate::guard::{Guard, holds};
use crate::rooms::{OpenPermit, Permit};

/// A session, or an id that somebody asks about.
#[derive(Debug)]
pub(crate) struct Entry<S: ?Sized> {
    pub(crate) id: SandboxId,
    /// What a handle answers without a sandbox.
    pub(crate) face: OnceLock<Face>,
    /// Held while the record of the session is written, so that an older one never replaces a newer one.
    pub(crate) writing: tokio::sync::Mutex<()>,
    slot: Mutex<Slot<S>>,
}

/// What a sandbox says of itself, and says again after each start.
#[derive(Clone, Debug)]
pub(crate) struct Face {
    pub(crate) capabilities: Capabilities,
    pub(crate) work_dir: VirtualPath,
}

impl Face {
    pub(crate) fn of<B: Backend + ?Sized>(backend: &B) -> Self {
        Self {
            capabilities: backend.capabilities(),
            work_dir: backend.work_dir(),
        }
    }
}

/// What changes about an entry.
#[derive(Debug)]
pub(crate) struct Slot<S: ?Sized> {
    pub(crate) phase: Phase<S>,
    /// What the session is; `None` as long as nobody has it, or it is not known.
    pub(crate) profile: Option<Arc<Profile>>,
    /// The sandbox that the session has while it is not live.
    pub(crate) resting: Option<Resting>,
    /// The place of an open session.
    pub(crate) open: Option<OpenPermit>,
    /// How many callers look at the entry. One that nobody looks at, and that is not open, is forgotten.
    pub(crate) claims: usize,
    /// When it was last used, by the clock.
    pub(crate) used: Duration,
    /// When it was last used, as it is stored.
    pub(crate) stored_use: Option<Duration>,
}

/// A sandbox of a session that is not live: it rests, or it is not known whether it runs. It is never replaced unless it is gone
/// for certain, or is to be made anew.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(crate) id: SandboxId,
    /// Whether it rests for certain. Otherwise it may run.
    pub(crate) certain: bool,
    /// Whether it cannot be started again as it is, and the files outlive it.
    pub(crate) anew: bool,
    /// The variables that it was made with, if the session has others by now.
    pub(crate) env: Option<BTreeMap<String, String>>,
    /// Its place, if it may run.
    pub(crate) permit: Option<Permit>,
}

/// What a session is. It outlives its sandboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) tenant: Option<String>,
    pub(crate) runtime: Option<RuntimeConfig>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) created: SystemTime,
}

/// Where a session is in its life.
#[derive(Debug)]
pub(crate) enum Phase<S: ?Sized> {
    /// Nobody has looked yet whether it is stored.
    Unloaded,
    /// Its record is being read.
    Loading(Flight),
    /// It is stored and closed, or, without a profile, nobody's.
    Known,
    /// A sandbox is being started.
    Starting(Flight),
    /// It has a sandbox.
    Live(Live<S>),
    /// Its sandbox is being stopped, or something is being removed.
    Leaving(Leaving),
    /// It has no sandbox that runs, and goes on with the next use.
    Hibernated,
    /// Its sandbox died and its files with it. It stays so until it is released.
    Dead,
    /// It was released. The entry is in no table any more.
    Closed,
}

/// A sandbox of a session, from its start to its end.
#[derive(Debug)]
pub(crate) struct Live<S: ?Sized> {
    pub(crate) body: Arc<Body<S>>,
    pub(crate) permit: Permit,
}

#[derive(Debug)]
pub(crate) struct Body<S: ?Sized> {
    pub(crate) id: SandboxId,
    /// How many operations are in flight. It changes with the entry's lock held.
    pub(crate) busy: AtomicUsize,
    /// What is known of whether it answers.
    pub(crate) health: Mutex<Health>,
    /// Whether its workspace was renamed after it was made, or it has variables that the session has no more, so that it cannot be
    /// started again.
    pub(crate) moved: bool,
    /// The variables that it was made with, if the session has others.
    pub(crate) env: Option<BTreeMap<String, String>>,
    /// The variables that each command gets, because the sandbox was made with others.
    pub(crate) added: BTreeMap<String, String>,
    pub(crate) sandbox: Arc<S>,
}

/// Whether a sandbox answers.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// When it was last seen alive; `None` if it has to be asked.
    pub(crate) seen: Option<Duration>,
    /// Why nothing could be learned from it when it was last asked.
    pub(crate) outage: Option<String>,
}

/// What is being done to end a sandbox.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) goal: Goal,
    pub(crate) cause: Cause,
    pub(crate) flight: Flight,
    /// Who takes over the place of the sandbox.
    pub(crate) heir: Option<oneshot::Sender<Permit>>,
    /// Why it failed, once it was tried often enough for those who wait to be told.
    pub(crate) stuck: Option<Error>,
    /// Wakes the next attempt.
    pub(crate) nudge: Arc<Notify>,
    /// Who waits for the next attempt.
    pub(crate) next: Option<(Landing, Flight)>,
}

impl Leaving {
    pub(crate) fn new(goal: Goal, cause: Cause, flight: Flight) -> Self {
        Self {
            goal,
            cause,
            flight,
            heir: None,
            stuck: None,
            nudge: Arc::default(),
            next: None,
        }
    }

    /// Has it tried again at once, and returns what to wait for.
    pub(crate) fn hurry(&mut self) -> Flight {
        if !holds(Guard::Nudge) {
            return self.flight.clone();
        }
        self.nudge.notify_one();
        let (_, flight) = self.next.get_or_insert_with(Flight::begin);
        flight.clone()
    }
}

/// What a session that leaves its sandbox becomes. A later one includes the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// It sleeps until the next use.
    Hibernate,
    /// Its sandbox died: it sleeps if it has files, and is dead otherwise.
    Bury,
    /// It is closed. Its files stay.
    Close,
    /// It is closed, and its files are removed.
    Purge,
}

impl<S: ?Sized> Entry<S> {
    pub(crate) fn new(id: SandboxId, phase: Phase<S>) -> Self {
        Self {
            id,
            face: OnceLock::new(),
            writing: tokio::sync::Mutex::new(()),
            slot: Mutex::new(Slot {
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

    pub(crate) fn lock(&self) -> MutexGuard<'_, Slot<S>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: ?Sized> Slot<S> {
    /// Returns the sandbox, if there is one that runs.
    pub(crate) fn body(&self) -> Option<&Arc<Body<S>>> {
        match &self.phase {
            Phase::Live(live) => Some(&live.body),
            _ => None,
        }
    }

    /// Returns whether nobody asks about it, and all that is known of it is in its record. A sandbox that may run takes up a place.
    pub(crate) fn is_needless(&self) -> bool {
        let placed = self.resting.as_ref().is_some_and(|r| r.permit.is_some());
        self.claims == 0 && !placed && matches!(self.phase, Phase::Unloaded | Phase::Known)
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.profile.as_ref().and_then(|p| p.tenant.as_deref())
    }
}

impl<S: ?Sized> Body<S> {
    /// Makes the body of a sandbox that answers. `env` is what it was made with, if the session has other variables.
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

    /// Adds to a request what the sandbox was not made with. What the request brings itself counts.
    pub(crate) fn with_variables<'a>(&self, request: &'a ExecRequest) -> Cow<'a, ExecRequest> {
        let mut request = Cow::Borrowed(request);
        for (name, value) in &self.added {
            if !request.env.contains_key(name) {
                request.to_mut().env.insert(name.clone(), value.clone());
            }
        }
        request
    }

    /// Returns whether it was seen alive since a moment.
    pub(crate) fn seen_since(&self, since: Duration) -> bool {
        self.health().seen.is_some_and(|seen| seen >= since)
    }

    /// Notes that it answers.
    pub(crate) fn saw(&self, now: Duration) {
        *self.health() = Health {
            seen: Some(now),
            outage: None,
        };
    }

    /// Notes that nothing can be learned from it, and returns whether that is news. The next caller asks again.
    pub(crate) fn missed(&self, reason: &str) -> bool {
        let mut health = self.health();
        health.seen = None;
        health.outage.replace(reason.to_owned()).is_none()
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
