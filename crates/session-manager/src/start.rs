//! Starting a sandbox for a session: from the warm pool, from its rest, or anew.
//!
//! The record names the sandbox before the sandbox is made. So whatever is running after a crash, somebody knows of.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use backend_core::{Error, Result, SandboxId, SandboxProvider, SandboxSpec};

use crate::Cause;
use crate::entry::{Body, Entry, Face, Flight, Goal, Landing, Leaving, Live, Phase, Profile, Slot};
use crate::event::EventKind;
use crate::guarded::guarded;
use crate::inner::Inner;
use crate::leave::Departure;
use crate::rooms::Permit;
use crate::store::Record;

/// The label that names the session, on every sandbox that was made for one.
const SESSION_LABEL: &str = "session-manager.session";

/// The label that names the tenant.
const TENANT_LABEL: &str = "session-manager.tenant";

/// What a session was before it is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There was none.
    Fresh,
    /// It was stored.
    Stored,
    /// It slept, or its sandbox died.
    Asleep,
}

/// A sandbox that was started.
pub(crate) struct Started<S: ?Sized> {
    pub(crate) id: SandboxId,
    pub(crate) sandbox: Arc<S>,
    pub(crate) permit: Permit,
    pub(crate) warm: bool,
    pub(crate) moved: bool,
}

/// A start that failed, and what it may have left.
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) remains: Option<(SandboxId, Permit)>,
    /// Whether the remains may be laid to rest again.
    pub(crate) rest: bool,
    /// Whether what was laid to rest is gone.
    pub(crate) lost: bool,
    /// Whether anything about the session was stored.
    pub(crate) written: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            remains: None,
            rest: false,
            lost: false,
            written: false,
        }
    }
}

impl Failed {
    /// A record that could not be written, or not as durably as it should be: what is there of it is not to be relied on.
    pub(crate) fn half_written(error: Error) -> Self {
        Self {
            written: true,
            ..Self::from(error)
        }
    }
}

impl<P: SandboxProvider> Inner<P> {
    /// Begins to start a sandbox.
    pub(crate) fn begin_start(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        slot: &mut Slot<P::Sandbox>,
        origin: Origin,
    ) -> Flight {
        let (landing, flight) = Flight::begin();
        slot.phase = Phase::Starting(flight.clone());
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
        slot.phase = Phase::Live(Live {
            body: Arc::new(Body {
                id: started.id,
                busy: AtomicUsize::new(0),
                seen: Mutex::new(now),
                moved: started.moved,
                sandbox: started.sandbox,
            }),
            permit: started.permit,
        });
    }

    /// Brings a session back to what it was before a start that failed.
    async fn clear_up(
        self: &Arc<Self>,
        entry: Arc<Entry<P::Sandbox>>,
        origin: Origin,
        landing: Landing,
        flight: Flight,
        failed: Failed,
    ) {
        let goal = {
            let mut slot = entry.lock();
            if failed.lost {
                slot.resting = None;
            }
            let goal = match origin {
                _ if failed.lost && !self.keeps_files() => Goal::Bury,
                Origin::Fresh => Goal::Purge,
                // What was laid to rest is not thrown away because it did not start this time.
                Origin::Stored if slot.resting.is_none() => Goal::Close,
                Origin::Stored | Origin::Asleep => Goal::Hibernate,
            };
            slot.phase = Phase::Leaving(Leaving {
                goal,
                cause: Cause::Asked,
                flight,
                heir: None,
                stuck: false,
            });
            goal
        };
        let rests = failed.remains.is_none() && !failed.lost;
        let resting = entry.lock().resting.clone().filter(|_| rests);
        let (exists, permit) = match failed.remains {
            Some((id, permit)) => (Some(id), Some(permit)),
            None => (resting, None),
        };
        let departure = Departure {
            rests: rests && exists.is_some(),
            rest: failed.rest || (rests && exists.is_some()),
            exists,
            permit,
            body: None,
            landing,
            answer: Some(failed.error),
            first_goal: goal,
            write: failed.written,
        };
        self.depart(entry, departure).await;
    }

    async fn start(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        origin: Origin,
    ) -> Result<Started<P::Sandbox>, Failed> {
        let (profile, resting) = {
            let slot = entry.lock();
            (slot.profile.clone(), slot.resting.clone())
        };
        let profile = profile.ok_or_else(|| crate::decide::unknown(&entry.id))?;
        if let Some(resting) = resting
            && let Some(started) = self.resume(entry, &profile, resting).await?
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
            }),
            Err(error) => Err(Failed {
                remains: Some((id, permit)),
                written: true,
                ..Failed::from(error)
            }),
        }
    }

    /// Makes a sandbox. One that took too long, or is not wanted any more, may be there all the same.
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

    /// Waits until not too many others are being started.
    pub(crate) async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.closed() => Err(crate::decide::closing()),
            turn = self.starts.acquire() => turn.map_err(|error| {
                Error::internal(None, "waiting for a start failed", error)
            }),
        }
    }

    /// Writes down which sandbox the session is about to have, and returns the directory of its files.
    async fn prepare(
        &self,
        entry: &Entry<P::Sandbox>,
        origin: Origin,
        profile: &Profile,
        sandbox: &SandboxId,
    ) -> Result<Option<std::path::PathBuf>> {
        if !self.keeps_files() {
            return Ok(None);
        }
        let mut record = Record::new(&entry.id, profile, self.clock.now());
        record.sandbox = Some(sandbox.clone());
        let (id, sandbox) = (entry.id.clone(), sandbox.clone());
        let _writing = entry.writing.lock().await;
        let workspace = self.disk(move |store| {
            if origin == Origin::Fresh {
                store.stage(&sandbox)?;
                store.commit(&sandbox, &record).inspect_err(|_| {
                    // What is left is cleared with the next start of the application.
                    let _ = store.unstage(&sandbox);
                })?;
            } else {
                store.save(&record)?;
            }
            Ok(store.workspace(&id))
        });
        workspace.await.map(Some)
    }

    /// Starts what was laid to rest. `None` if it is gone, and a new sandbox may take its place.
    async fn resume(
        self: &Arc<Self>,
        entry: &Entry<P::Sandbox>,
        profile: &Profile,
        id: SandboxId,
    ) -> Result<Option<Started<P::Sandbox>>, Failed> {
        let permit = self.room().await?;
        let turn = self.turn().await?;
        let (provider, resting) = (Arc::clone(&self.provider), id.clone());
        let resumed = guarded(
            "waking the sandbox",
            self.settings.start_timeout,
            self.closed(),
            async move { provider.resume(&resting).await },
        )
        .await;
        drop(turn);
        let error = match resumed {
            Ok(sandbox) => {
                if self.keeps_files() {
                    let mut record = Record::new(&entry.id, profile, self.clock.now());
                    record.sandbox = Some(id.clone());
                    // A record that says that it rests is as good: it is attached to all the same.
                    self.save(entry, record).await;
                }
                return Ok(Some(Started {
                    id,
                    sandbox,
                    permit,
                    warm: true,
                    moved: false,
                }));
            }
            Err(error) => error,
        };
        let gone = self
            .existing()
            .await
            .is_ok_and(|existing| !existing.contains(&id));
        if gone && self.keeps_files() {
            entry.lock().resting = None;
            return Ok(None);
        }
        Err(Failed {
            error,
            remains: (!gone).then_some((id, permit)),
            rest: !gone,
            lost: gone,
            written: true,
        })
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

    /// Replaces the record of a session. A failure is told, and is no reason to stop.
    pub(crate) async fn save(&self, entry: &Entry<P::Sandbox>, record: Record) {
        let _writing = entry.writing.lock().await;
        if let Err(error) = self.disk(move |store| store.save(&record)).await {
            self.tell_of(entry, EventKind::RecordFailed(error));
        }
    }
}
