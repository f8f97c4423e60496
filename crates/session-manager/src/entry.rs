//! A session as the manager holds it: which phase it is in, and what belongs to the phase.
//!
//! A phase is changed with the entry's lock held, for moments only. Phases in which something goes on have a [`Flight`]: one
//! task does it, whoever else is interested waits for the task.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use backend_core::{Backend, Capabilities, Error, Result, RuntimeConfig, SandboxId, VirtualPath};
use tokio::sync::oneshot;

use crate::Cause;
use crate::latch::Latch;
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
    /// The sandbox that was laid to rest.
    pub(crate) resting: Option<SandboxId>,
    /// The place of an open session.
    pub(crate) open: Option<OpenPermit>,
    /// How many callers look at the entry. One that nobody looks at, and that is not open, is forgotten.
    pub(crate) claims: usize,
    /// When it was last used, by the clock.
    pub(crate) used: Duration,
    /// When it was last used, as it is stored.
    pub(crate) stored_use: Option<Duration>,
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
    /// When it was last seen alive, in nanoseconds of the clock.
    pub(crate) seen: Mutex<Duration>,
    /// Whether its workspace was renamed after it was made, so that it cannot be started again.
    pub(crate) moved: bool,
    pub(crate) sandbox: Arc<S>,
}

/// What is being done to end a sandbox.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) goal: Goal,
    pub(crate) cause: Cause,
    pub(crate) flight: Flight,
    /// Who takes over the place of the sandbox.
    pub(crate) heir: Option<oneshot::Sender<Permit>>,
    /// Whether it was tried often enough for those who wait to be told that it fails.
    pub(crate) stuck: bool,
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

/// Something that one task does, and many may wait for.
#[derive(Clone, Debug)]
pub(crate) struct Flight(Arc<Latch<Landed>>);

/// The end of a flight that the task has. If the task is lost, those who wait are told.
#[derive(Debug)]
pub(crate) struct Landing(Arc<Latch<Landed>>);

#[derive(Debug)]
enum Landed {
    Done(Result<()>),
    /// The task went with its runtime, or panicked. The phase stays as it is, for nobody else ends it.
    Lost,
}

impl Flight {
    pub(crate) fn begin() -> (Landing, Self) {
        let latch = Arc::default();
        (Landing(Arc::clone(&latch)), Self(latch))
    }

    /// Waits for the outcome.
    pub(crate) async fn outcome(self) -> Result<()> {
        match self.0.wait().await {
            Landed::Done(outcome) => outcome.clone(),
            Landed::Lost => Err(lost()),
        }
    }

    /// Waits until it is over, whatever came of it. Only that it was lost is an error: waiting for it again would never end.
    pub(crate) async fn over(self) -> Result<()> {
        match self.0.wait().await {
            Landed::Done(_) => Ok(()),
            Landed::Lost => Err(lost()),
        }
    }
}

impl Landing {
    /// Tells the outcome. Only the first one counts.
    pub(crate) fn land(&self, outcome: Result<()>) {
        self.0.set(Landed::Done(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // Only the first one counts.
        self.0.set(Landed::Lost);
    }
}

fn lost() -> Error {
    Error::Unavailable {
        message: "the session manager ended while the session was started or stopped".to_owned(),
        source: None,
    }
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

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.profile.as_ref().and_then(|p| p.tenant.as_deref())
    }
}

impl<S: ?Sized> Body<S> {
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Returns when it was last seen alive.
    pub(crate) fn seen(&self) -> Duration {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn saw(&self, now: Duration) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}
