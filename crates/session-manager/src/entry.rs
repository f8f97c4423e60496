//! A session as the manager holds it: its phase, and what else is known of it.
//!
//! The lock of an entry is held only briefly. Phases with work in progress have a [`SingleFlight`]: one task does the work, all
//! others wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, SystemTime};

use backend_core::{Backend, Capabilities, Result, RuntimeConfig, SandboxId, VirtualPath};

use crate::capacity::{OpenPermit, Permit};
use crate::guard::{Guard, holds};
use crate::lock::lock;
use crate::phase::{Begun, Effects, Machine, Phase, Refused, Transition};
use crate::running::Running;
use crate::single_flight::SingleFlight;

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
    machine: Machine<S>,
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

impl<S: ?Sized> Entry<S> {
    /// Describes an id whose record, if any, has to be read, or one that needs no reading.
    pub(crate) fn new(id: SandboxId, stored: bool) -> Self {
        Self {
            id,
            descriptor: OnceLock::new(),
            writing: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                machine: Machine::new(stored),
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
        lock(&self.state)
    }
}

impl<S: ?Sized> State<S> {
    pub(crate) fn phase(&self) -> &Phase<S> {
        self.machine.phase()
    }

    /// Applies a transition; see [`Machine::apply`].
    pub(crate) fn apply(&mut self, transition: Transition<S>) -> Result<Effects<S>, Refused> {
        self.machine.apply(transition)
    }

    /// Applies a transition that begins work; see [`Machine::begin`].
    pub(crate) fn begin(&mut self, transition: Transition<S>) -> Result<Begun<S>> {
        self.machine.begin(transition)
    }

    /// Returns the sandbox, if one is running.
    pub(crate) fn running(&self) -> Option<&Arc<Running<S>>> {
        match self.phase() {
            Phase::Live(live) => Some(&live.running),
            _ => None,
        }
    }

    /// Returns whether no caller holds it and its record has everything known about it. A sandbox that may run holds a permit.
    pub(crate) fn is_needless(&self) -> bool {
        let placed = self.resting.as_ref().is_some_and(|r| r.permit.is_some());
        self.claims == 0 && !placed && matches!(self.phase(), Phase::Unloaded | Phase::Known)
    }

    /// Triggers the next attempt of a stop at once, and returns what to wait for; `None` if nothing is being stopped.
    pub(crate) fn hurry(&mut self) -> Option<SingleFlight> {
        let Phase::Stopping(stopping) = self.phase() else {
            return None;
        };
        if !holds(Guard::Nudge) {
            return Some(stopping.flight.clone());
        }
        stopping.nudge.notify_one();
        self.apply(Transition::Hurry).ok()?.attempt
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.profile.as_ref().and_then(|p| p.tenant.as_deref())
    }
}
