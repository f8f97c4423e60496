//! Starting a sandbox for a session: from the warm pool, resumed, or new.
//!
//! The record names the sandbox before it is created, so every sandbox that runs after a crash is tracked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{Result, SandboxId, SandboxProvider, SandboxSpec, Workspace};

use crate::admission::Admission;
use crate::calendar::Calendar;
use crate::entry::{Descriptor, Entry, Profile, Resting, State};
use crate::event::EventKind;
use crate::guard::{Guard, holds};
use crate::labels;
use crate::launch::{Failed, Origin, Started};
use crate::orphans::Orphans;
use crate::phase::{Begun, Goal, Live, Transition};
use crate::provisioner::Provisioner;
use crate::records::Records;
use crate::reporter::Reporter;
use crate::running::Running;
use crate::single_flight::{Completion, SingleFlight};
use crate::stop::{Stopper, Teardown};
use crate::store::Record;
use crate::table::{Table, retire};
use crate::tasks::Tasks;
use crate::warm::WarmPool;

/// Gives sessions a sandbox.
pub(crate) struct Starter<P: SandboxProvider> {
    pub(crate) admission: Arc<Admission<P>>,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) orphans: Arc<Orphans<P>>,
    pub(crate) provisioner: Arc<Provisioner<P>>,
    pub(crate) records: Arc<Records>,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) stopper: Arc<Stopper<P>>,
    pub(crate) table: Arc<Table<P::Sandbox>>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) warm: Arc<WarmPool<P>>,
}

impl<P: SandboxProvider> Starter<P> {
    /// Starts a sandbox in a task.
    pub(crate) fn begin_start(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        state: &mut State<P::Sandbox>,
        origin: Origin,
    ) -> Result<SingleFlight> {
        let Begun {
            completion, flight, ..
        } = state.begin(Transition::Start)?;
        // Requesting a session counts as a use, whether it starts or not.
        state.used = state.used.max(self.calendar.now());
        let (starter, entry) = (Arc::clone(self), Arc::clone(entry));
        self.tasks
            .spawn(async move { starter.run_start(entry, origin, completion).await });
        Ok(flight)
    }

    async fn run_start(
        self: Arc<Self>,
        entry: Arc<Entry<P::Sandbox>>,
        origin: Origin,
        completion: Completion,
    ) {
        let began = self.calendar.now();
        match self.start(&entry, origin).await {
            Ok(started) => {
                let warm = started.warm;
                self.settle_start(&entry, started);
                let took = self.calendar.now().saturating_sub(began);
                self.reporter
                    .counters
                    .starts
                    .fetch_add(1, Ordering::Relaxed);
                if warm {
                    self.reporter
                        .counters
                        .warm_starts
                        .fetch_add(1, Ordering::Relaxed);
                }
                self.reporter.session(
                    &entry,
                    match origin {
                        Origin::Fresh => EventKind::Created { warm, took },
                        _ => EventKind::Woken { warm, took },
                    },
                );
                completion.complete(Ok(()));
            }
            Err(failed) => {
                self.reporter
                    .counters
                    .failed_starts
                    .fetch_add(1, Ordering::Relaxed);
                self.reporter
                    .session(&entry, EventKind::StartFailed(failed.error.clone()));
                self.clear_up(entry, origin, completion, failed).await;
            }
        }
    }

    fn settle_start(&self, entry: &Arc<Entry<P::Sandbox>>, started: Started<P::Sandbox>) {
        entry
            .descriptor
            .get_or_init(|| Descriptor::of(&*started.sandbox));
        let now = self.calendar.now();
        let mut state = entry.lock();
        state.resting = None;
        state.used = now;
        let profile = state.profile.clone();
        let live = Live {
            running: Arc::new(Running::new(
                started.id,
                started.sandbox,
                now,
                started.moved,
                started.env,
                profile.as_ref().map(|profile| &profile.env),
            )),
            permit: started.permit,
        };
        let _ = state.apply(Transition::Started(live));
    }

    /// Restores a session to its state before a failed start.
    async fn clear_up(
        self: &Arc<Self>,
        entry: Arc<Entry<P::Sandbox>>,
        origin: Origin,
        completion: Completion,
        failed: Failed,
    ) {
        if let Some(kept) = failed.kept {
            self.keep(&entry, origin, *kept);
            completion.complete(Err(failed.error));
            return;
        }
        let goal = {
            let mut state = entry.lock();
            state.resting = None;
            let goal = match origin {
                _ if failed.lost && !self.records.keeps_files() => Goal::MarkDead,
                Origin::Fresh => Goal::Purge,
                Origin::Stored => Goal::Close,
                Origin::Asleep => Goal::Hibernate,
            };
            let _ = state.apply(Transition::StartFailed { goal });
            goal
        };
        if failed.lost && goal == Goal::MarkDead {
            self.reporter.death(&entry, self.records.keeps_files());
        }
        let (exists, permit) = failed.remains.unzip();
        let teardown = Teardown {
            exists,
            permit,
            answer: Some(failed.error),
            write: failed.written,
            ..Teardown::new(goal, completion)
        };
        self.stopper.stop(entry, teardown).await;
    }

    /// Leaves a session with its previous sandbox, and as open as it was.
    fn keep(&self, entry: &Arc<Entry<P::Sandbox>>, origin: Origin, kept: Resting) {
        let mut table = self.table.lock();
        let mut state = entry.lock();
        state.resting = Some(kept);
        let open = origin == Origin::Asleep;
        let _ = state.apply(Transition::StartKept { open });
        if !open {
            state.open = None;
            retire(&mut table, entry, &state);
        }
    }

    async fn start(
        self: &Arc<Self>,
        entry: &Arc<Entry<P::Sandbox>>,
        origin: Origin,
    ) -> Result<Started<P::Sandbox>, Failed> {
        let (profile, resting) = {
            let mut state = entry.lock();
            (state.profile.clone(), state.resting.take())
        };
        let profile = profile.ok_or_else(|| crate::errors::unknown(&entry.id))?;
        if let Some(resting) = resting
            && let Some(started) = self.bring_back(entry, &profile, resting).await?
        {
            return Ok(started);
        }
        if let Some(started) = self.warm.start_warm(entry, origin, &profile).await? {
            return Ok(started);
        }
        let permit = self.admission.acquire_permit().await?;
        let _turn = self.provisioner.turn().await?;
        let id = self.provisioner.new_id()?;
        let workspace = self.prepare(entry, origin, &profile, &id).await;
        let workspace = workspace.map_err(Failed::half_written)?;
        let mut spec = SandboxSpec::new(id.clone());
        spec.runtime.clone_from(&profile.runtime);
        spec.env.clone_from(&profile.env);
        spec.labels.clone_from(&profile.labels);
        spec.labels
            .insert(labels::SESSION.to_owned(), entry.id.as_str().to_owned());
        spec.labels.insert(
            labels::MANAGER.to_owned(),
            self.provisioner.mark().to_owned(),
        );
        if let Some(tenant) = &profile.tenant {
            spec.labels
                .insert(labels::TENANT.to_owned(), tenant.clone());
        }
        spec.workspace = workspace;
        match self.provisioner.create(spec).await {
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

    /// Records which sandbox the session is about to have, and returns where its files are.
    async fn prepare(
        &self,
        entry: &Entry<P::Sandbox>,
        origin: Origin,
        profile: &Profile,
        sandbox: &SandboxId,
    ) -> Result<Option<Workspace>> {
        if !self.records.keeps_files() {
            return Ok(None);
        }
        let mut record = Record::new(&entry.id, profile, self.calendar.date(self.calendar.now()));
        if holds(Guard::RecordFirst) {
            record.sandbox = Some(sandbox.clone());
        }
        let (id, sandbox) = (entry.id.clone(), sandbox.clone());
        let _writing = entry.writing.lock().await;
        let workspace = self.records.disk(move |store| {
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
}
