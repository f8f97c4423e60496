//! Starting a sandbox for a session: from the warm pool, resumed, or new.
//!
//! The record names the sandbox before it is created, so every sandbox that runs after a crash is tracked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{Error, Result, SandboxId, SandboxProvider, SandboxSpec, Workspace};

use crate::Cause;
use crate::entry::{
    Body, Entry, Face, Flight, Goal, Landing, Leaving, Live, Phase, Profile, Resting, Slot,
};
use crate::event::EventKind;
use crate::guard::{Guard, holds};
use crate::guarded::guarded;
use crate::inner::{Inner, lock};
use crate::leave::Departure;
use crate::rooms::Permit;
use crate::store::Record;

/// The label that names the session, on every sandbox created for one.
pub(crate) const SESSION_LABEL: &str = "session-manager.session";

/// The label that says which manager created a sandbox: the mark of the workspace root, or of the one manager without a root.
pub(crate) const MANAGER_LABEL: &str = "session-manager.manager";

/// The label that names the tenant.
const TENANT_LABEL: &str = "session-manager.tenant";

/// The state of a session before its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It did not exist.
    Fresh,
    /// It was stored.
    Stored,
    /// It was hibernated, or its sandbox died.
    Asleep,
}

/// A sandbox that was started.
pub(crate) struct Started<S: ?Sized> {
    pub(crate) id: SandboxId,
    pub(crate) sandbox: Arc<S>,
    pub(crate) permit: Permit,
    pub(crate) warm: bool,
    pub(crate) moved: bool,
    /// The variables it was created with, if the session has others.
    pub(crate) env: Option<BTreeMap<String, String>>,
}

/// A failed start, and what it may have left behind.
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) remains: Option<(SandboxId, Permit)>,
    /// The session's previous sandbox, which it still has.
    pub(crate) kept: Option<Box<Resting>>,
    /// Whether the session's previous sandbox is gone.
    pub(crate) lost: bool,
    /// Whether anything about the session was stored.
    pub(crate) written: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            remains: None,
            kept: None,
            lost: false,
            written: false,
        }
    }
}

impl Failed {
    /// A record that could not be written, or not durably enough, so that it cannot be relied on.
    pub(crate) fn half_written(error: Error) -> Self {
        Self {
            written: true,
            ..Self::from(error)
        }
    }
}

impl<P: SandboxProvider> Inner<P> {
    /// Starts a sandbox in a task.
    pub(crate) fn begin_start(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        slot: &mut Slot<P::Sandbox>,
        origin: Origin,
    ) -> Flight {
        let (landing, flight) = Flight::begin();
        slot.phase = Phase::Starting(flight.clone());
        // Requesting a session counts as a use, whether it starts or not.
        slot.used = slot.used.max(self.now());
        let (inner, entry) = (Arc::clone(self), Arc::clone(entry));
        let kept = flight.clone();
        self.spawn(async move { inner.run_start(entry, origin, landing, kept).await });
        flight
    }

    async fn run_start(
        self: Arc<Self>,
        entry: Arc<Entry<P::Sandbox>>,
        origin: Origin,
        landing: Landing,
        flight: Flight,
    ) {
        let began = self.now();
        match self.start(&entry, origin).await {
            Ok(started) => {
                let warm = started.warm;
                self.settle_start(&entry, started);
                let took = self.now().saturating_sub(began);
                self.counters.starts.fetch_add(1, Ordering::Relaxed);
                if warm {
                    self.counters.warm_starts.fetch_add(1, Ordering::Relaxed);
                }
                self.tell_of(
                    &entry,
                    match origin {
                        Origin::Fresh => EventKind::Created { warm, took },
                        _ => EventKind::Woken { warm, took },
                    },
                );
                landing.land(Ok(()));
            }
            Err(failed) => {
                self.counters.failed_starts.fetch_add(1, Ordering::Relaxed);
                self.tell_of(&entry, EventKind::StartFailed(failed.error.clone()));
                self.clear_up(entry, origin, landing, flight, failed).await;
            }
        }
    }

    fn settle_start(&self, entry: &Arc<Entry<P::Sandbox>>, started: Started<P::Sandbox>) {
        entry.face.get_or_init(|| Face::of(&*started.sandbox));
        let now = self.now();
        let mut slot = entry.lock();
        slot.resting = None;
        slot.used = now;
        let profile = slot.profile.clone();
        slot.phase = Phase::Live(Live {
            body: Arc::new(Body::new(
                started.id,
                started.sandbox,
                now,
                started.moved,
                started.env,
                profile.as_deref(),
            )),
            permit: started.permit,
        });
    }

    /// Restores a session to its state before a failed start.
    async fn clear_up(
        self: &Arc<Self>,
        entry: Arc<Entry<P::Sandbox>>,
        origin: Origin,
        landing: Landing,
        flight: Flight,
        failed: Failed,
    ) {
        if let Some(kept) = failed.kept {
            self.keep(&entry, origin, *kept);
            landing.land(Err(failed.error));
            return;
        }
        let goal = {
            let mut slot = entry.lock();
            slot.resting = None;
            let goal = match origin {
                _ if failed.lost && !self.keeps_files() => Goal::Bury,
                Origin::Fresh => Goal::Purge,
                Origin::Stored => Goal::Close,
                Origin::Asleep => Goal::Hibernate,
            };
            slot.phase = Phase::Leaving(Leaving::new(goal, Cause::Asked, flight));
            goal
        };
        if failed.lost && goal == Goal::Bury {
            self.tell_death(&entry);
        }
        let (exists, permit) = failed.remains.unzip();
        let departure = Departure {
            exists,
            permit,
            answer: Some(failed.error),
            write: failed.written,
            ..Departure::new(goal, landing)
        };
        self.depart(entry, departure).await;
    }

    /// Leaves a session with its previous sandbox, and as open as it was.
    fn keep(&self, entry: &Arc<Entry<P::Sandbox>>, origin: Origin, kept: Resting) {
        let mut table = self.table();
        let mut slot = entry.lock();
        slot.resting = Some(kept);
        if origin == Origin::Asleep {
            slot.phase = Phase::Hibernated;
        } else {
            slot.phase = Phase::Known;
            slot.open = None;
            self.retire(&mut table, entry, &slot);
        }
    }

    async fn start(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        origin: Origin,
    ) -> Result<Started<P::Sandbox>, Failed> {
        let (profile, resting) = {
            let mut slot = entry.lock();
            (slot.profile.clone(), slot.resting.take())
        };
        let profile = profile.ok_or_else(|| crate::decide::unknown(&entry.id))?;
        if let Some(resting) = resting
            && let Some(started) = self.bring_back(entry, &profile, resting).await?
        {
            return Ok(started);
        }
        if let Some(started) = self.start_warm(entry, origin, &profile).await? {
            return Ok(started);
        }
        let permit = self.room().await?;
        let _turn = self.turn().await?;
        let id = self.new_sandbox_id()?;
        let workspace = self.prepare(entry, origin, &profile, &id).await;
        let workspace = workspace.map_err(Failed::half_written)?;
        let mut spec = SandboxSpec::new(id.clone());
        spec.runtime.clone_from(&profile.runtime);
        spec.env.clone_from(&profile.env);
        spec.labels.clone_from(&profile.labels);
        spec.labels
            .insert(SESSION_LABEL.to_owned(), entry.id.as_str().to_owned());
        spec.labels
            .insert(MANAGER_LABEL.to_owned(), self.mark.clone());
        if let Some(tenant) = &profile.tenant {
            spec.labels.insert(TENANT_LABEL.to_owned(), tenant.clone());
        }
        spec.workspace = workspace;
        match self.create(spec).await {
            Ok(sandbox) => Ok(Started {
                id,
                sandbox,
                permit,
                warm: false,
                moved: false,
                env: None,
            }),
            Err(error) => Err(Failed {
                remains: Some((id, permit)),
                written: true,
                ..Failed::from(error)
            }),
        }
    }

    /// Creates a sandbox. One that took too long, or is no longer wanted, may still exist.
    pub(crate) async fn create(&self, spec: SandboxSpec) -> Result<Arc<P::Sandbox>> {
        let provider = Arc::clone(&self.provider);
        let create = async move { provider.create(&spec).await };
        guarded(
            "starting the sandbox",
            self.settings.start_timeout,
            self.closed(),
            create,
        )
        .await
    }

    /// Waits for one of the slots for concurrent starts.
    pub(crate) async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.closed() => Err(crate::decide::closing()),
            turn = self.starts.acquire() => turn.map_err(|error| {
                Error::internal_from(None, "waiting for a start failed", error)
            }),
        }
    }

    /// Records which sandbox the session is about to have, and returns where its files are.
    async fn prepare(
        &self,
        entry: &Entry<P::Sandbox>,
        origin: Origin,
        profile: &Profile,
        sandbox: &SandboxId,
    ) -> Result<Option<Workspace>> {
        if !self.keeps_files() {
            return Ok(None);
        }
        let mut record = Record::new(&entry.id, profile, self.date(self.now()));
        if holds(Guard::RecordFirst) {
            record.sandbox = Some(sandbox.clone());
        }
        let (id, sandbox) = (entry.id.clone(), sandbox.clone());
        let _writing = entry.writing.lock().await;
        let workspace = self.disk(move |store| {
            if origin == Origin::Fresh {
                store.stage(&sandbox)?;
                store.commit(&sandbox, &record).inspect_err(|_| {
                    // Leftovers are cleared at the next start of the application.
                    let _ = store.unstage(&sandbox);
                })?;
            } else {
                store.save(&record)?;
            }
            store.workspace(&id)
        });
        workspace.await.map(Some)
    }

    /// Returns the sandboxes of the provider.
    pub(crate) async fn existing(&self) -> Result<Vec<SandboxId>> {
        let provider = Arc::clone(&self.provider);
        let list = async move { provider.list().await };
        guarded(
            "listing the sandboxes",
            self.settings.stop_timeout,
            std::future::pending(),
            list,
        )
        .await
    }

    /// Replaces the record of a session. A failure is reported, and is not a reason to stop.
    pub(crate) async fn save(&self, entry: &Entry<P::Sandbox>, record: Record) {
        let _writing = entry.writing.lock().await;
        self.save_held(entry, record).await;
    }

    /// Replaces the record of a session while no other task can write it.
    pub(crate) async fn save_held(&self, entry: &Entry<P::Sandbox>, record: Record) {
        match self.disk(move |store| store.save(&record)).await {
            Ok(()) => {
                lock(&self.unwritten).remove(&entry.id);
            }
            Err(error) => {
                let used = entry.lock().used;
                lock(&self.unwritten).insert(entry.id.clone(), used);
                self.tell_of(entry, EventKind::RecordFailed(error));
            }
        }
    }
}
