//! Filling the warm pool with sandboxes created in advance, and giving them to sessions.
//!
//! The id, environment, labels and mounts of a sandbox are fixed when it is created. So a pooled one suits only a new session
//! without variables or labels; and where files are kept, its workspace is created under another name and renamed when the
//! session gets it, which not every provider supports.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use backend_core::{
    Error, Liveness, Result, RuntimeConfig, Sandbox, SandboxId, SandboxProvider, SandboxSpec,
};
use tokio::time::timeout;

use crate::calendar::Calendar;
use crate::capacity::{Capacity, Permit};
use crate::entry::{Entry, Profile};
use crate::event::{Event, EventKind};
use crate::labels;
use crate::launch::{Failed, Origin, Started};
use crate::lock::lock;
use crate::orphans::{Orphans, hand_over};
use crate::phase::Waiter;
use crate::pool::{Pool, Warm};
use crate::provisioner::Provisioner;
use crate::records::Records;
use crate::reporter::Reporter;
use crate::store::Record;
use crate::tasks::Tasks;

/// How long to wait for the answer of a pooled sandbox before trying another one.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The warm pool: fills it, and gives its sandboxes to sessions.
pub(crate) struct WarmPool<P: SandboxProvider> {
    pub(crate) pool: Mutex<Pool<P::Sandbox>>,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) orphans: Arc<Orphans<P>>,
    pub(crate) provisioner: Arc<Provisioner<P>>,
    pub(crate) records: Arc<Records>,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) tasks: Arc<Tasks>,
}

impl<P: SandboxProvider> WarmPool<P> {
    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool<P::Sandbox>> {
        lock(&self.pool)
    }

    /// Hands the permit of a pooled sandbox to the waiter. Returns the waiter if the pool has none.
    pub(crate) fn take_warm(self: &Arc<Self>, waiter: Waiter) -> Option<Waiter> {
        let mut pool = self.pool();
        if let Some(warm) = pool.take_any() {
            drop(pool);
            self.orphans
                .destroy(warm.id, Some(warm.permit), Some(waiter));
            return None;
        }
        pool.wait(waiter)
    }

    /// Gives a new session a pooled sandbox, if there is a suitable one.
    pub(crate) async fn start_warm(
        self: &Arc<Self>,
        entry: &Entry<P::Sandbox>,
        origin: Origin,
        profile: &Profile,
    ) -> Result<Option<Started<P::Sandbox>>, Failed> {
        if origin != Origin::Fresh || !profile.env.is_empty() || !profile.labels.is_empty() {
            return Ok(None);
        }
        loop {
            let warm = self.pool().take(profile.runtime.as_ref());
            let Some(warm) = warm else {
                return Ok(None);
            };
            if timeout(PROBE_TIMEOUT, warm.sandbox.liveness()).await != Ok(Liveness::Alive) {
                // Whatever is wrong with it, it has no files of a session.
                self.orphans.destroy(warm.id, Some(warm.permit), None);
                continue;
            }
            let moved = self.records.keeps_files();
            if moved && let Err(error) = self.move_in(entry, profile, &warm.id).await {
                self.orphans.destroy(warm.id, Some(warm.permit), None);
                return Err(Failed::half_written(error));
            }
            self.refill();
            return Ok(Some(Started {
                id: warm.id,
                sandbox: warm.sandbox,
                permit: warm.permit,
                warm: true,
                moved,
                env: None,
            }));
        }
    }

    /// Moves the workspace of a sandbox to a session.
    async fn move_in(
        &self,
        entry: &Entry<P::Sandbox>,
        profile: &Profile,
        sandbox: &SandboxId,
    ) -> Result<()> {
        let mut record = Record::new(&entry.id, profile, self.calendar.date(self.calendar.now()));
        record.sandbox = Some(sandbox.clone());
        record.moved = true;
        let sandbox = sandbox.clone();
        let _writing = entry.writing.lock().await;
        self.records
            .disk(move |store| store.commit(&sandbox, &record))
            .await
    }

    /// Starts creating the sandboxes that the pool lacks, as far as slots are free.
    pub(crate) fn refill(self: &Arc<Self>) {
        if self.provisioner.is_closing() {
            return;
        }
        let mut pool = self.pool();
        while let Some((shelf, runtime)) = pool.lacks() {
            let Some(permit) = self.capacity.resident() else {
                return;
            };
            pool.begin(shelf);
            let warm = Arc::clone(self);
            self.tasks
                .spawn(async move { warm.make_warm(shelf, runtime, permit).await });
        }
    }

    async fn make_warm(
        self: Arc<Self>,
        shelf: usize,
        runtime: Option<RuntimeConfig>,
        permit: Permit,
    ) {
        let id = match self.provisioner.new_id() {
            Ok(id) => id,
            Err(error) => return self.shelve(shelf, Err((error, None, permit))),
        };
        let made = self.try_warm(&id, runtime).await;
        self.shelve(
            shelf,
            match made {
                Ok(sandbox) => Ok(Warm {
                    id,
                    permit,
                    sandbox,
                }),
                Err(error) => Err((error, Some(id), permit)),
            },
        );
    }

    async fn try_warm(
        &self,
        id: &SandboxId,
        runtime: Option<RuntimeConfig>,
    ) -> Result<Arc<P::Sandbox>> {
        let _turn = self.provisioner.turn().await?;
        let mut spec = SandboxSpec::new(id.clone());
        spec.runtime = runtime;
        spec.labels
            .insert(labels::WARM.to_owned(), "true".to_owned());
        spec.labels.insert(
            labels::MANAGER.to_owned(),
            self.provisioner.mark().to_owned(),
        );
        // An image made of a sandbox may still have the label of its session, which would be taken for this one's.
        spec.labels
            .insert(labels::SESSION.to_owned(), String::new());
        if self.records.keeps_files() {
            let id = id.clone();
            spec.workspace = Some(self.records.disk(move |store| store.stage(&id)).await?);
        }
        self.provisioner.create(spec).await
    }

    /// Puts a new sandbox into the pool, or hands its permit to a waiter.
    fn shelve(
        self: &Arc<Self>,
        shelf: usize,
        made: Result<Warm<P::Sandbox>, (Error, Option<SandboxId>, Permit)>,
    ) {
        let (id, permit, waiter) = {
            let mut pool = self.pool();
            let waiter = pool.finish(shelf);
            match made {
                Ok(warm) if waiter.is_none() && !self.provisioner.is_closing() => {
                    pool.put(shelf, warm);
                    return;
                }
                Ok(warm) => (Some(warm.id), warm.permit, waiter),
                Err((error, id, permit)) => {
                    let about = Event {
                        session: None,
                        tenant: None,
                        sandbox: id.clone(),
                        kind: EventKind::WarmFailed(error),
                    };
                    self.reporter.send(about);
                    (id, permit, waiter)
                }
            }
        };
        match (id, waiter) {
            (Some(id), waiter) => self.orphans.destroy(id, Some(permit), waiter),
            (None, waiter) => hand_over(Some(permit), waiter),
        }
    }
}
