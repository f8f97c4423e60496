//! The warm pool: sandboxes created in advance; and orphaned sandboxes, which must be destroyed.
//!
//! The id, environment, labels and mounts of a sandbox are fixed when it is created. So a pooled one suits only a new session
//! without variables or labels; and where files are kept, its workspace is created under another name and renamed when the
//! session gets it, which not every provider supports.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{
    Error, Liveness, Result, RuntimeConfig, Sandbox, SandboxId, SandboxProvider, SandboxSpec,
};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::entry::{Entry, Profile};
use crate::event::{Event, EventKind};
use crate::inner::{Inner, lock};
use crate::rooms::Permit;
use crate::start::{Failed, MANAGER_LABEL, Origin, SESSION_LABEL, Started};
use crate::store::Record;

/// The label of a pooled sandbox. It stays when a session gets the sandbox.
const WARM_LABEL: &str = "session-manager.warm";

/// How long to wait for the answer of a pooled sandbox before trying another one.
const GREETING: Duration = Duration::from_secs(2);

/// The sandboxes that are ready, by runtime.
#[derive(Debug)]
pub(crate) struct Pool<S: ?Sized> {
    shelves: Vec<Shelf<S>>,
    /// Waiters for the permit of a sandbox that is being created.
    pub(crate) heirs: Vec<oneshot::Sender<Permit>>,
}

#[derive(Debug)]
struct Shelf<S: ?Sized> {
    runtime: Option<RuntimeConfig>,
    target: usize,
    ready: VecDeque<Warm<S>>,
    making: usize,
}

/// A sandbox that is not assigned yet.
#[derive(Debug)]
pub(crate) struct Warm<S: ?Sized> {
    pub(crate) id: SandboxId,
    pub(crate) permit: Permit,
    sandbox: Arc<S>,
}

impl<S: ?Sized> Pool<S> {
    pub(crate) fn new(targets: &[(Option<RuntimeConfig>, usize)]) -> Self {
        let shelf = |(runtime, target): &(Option<RuntimeConfig>, usize)| Shelf {
            runtime: runtime.clone(),
            target: *target,
            ready: VecDeque::new(),
            making: 0,
        };
        Self {
            shelves: targets.iter().map(shelf).collect(),
            heirs: Vec::new(),
        }
    }

    /// Takes one out, of any runtime.
    pub(crate) fn spare(&mut self) -> Option<Warm<S>> {
        let fullest = self
            .shelves
            .iter_mut()
            .max_by_key(|shelf| shelf.ready.len());
        fullest.and_then(|shelf| shelf.ready.pop_front())
    }

    pub(crate) fn is_making(&self) -> bool {
        self.shelves.iter().any(|shelf| shelf.making > 0)
    }

    #[cfg(test)]
    pub(crate) fn making(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.making).sum()
    }

    pub(crate) fn ready(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.ready.len()).sum()
    }

    #[cfg(test)]
    pub(crate) fn ids(&self) -> impl Iterator<Item = SandboxId> + '_ {
        let ready = self.shelves.iter().flat_map(|shelf| &shelf.ready);
        ready.map(|warm| warm.id.clone())
    }

    fn take(&mut self, runtime: Option<&RuntimeConfig>) -> Option<Warm<S>> {
        let mut shelves = self.shelves.iter_mut();
        let shelf = shelves.find(|shelf| shelf.runtime.as_ref() == runtime)?;
        shelf.ready.pop_front()
    }
}

impl<P: SandboxProvider> Inner<P> {
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
            let warm = lock(&self.pool).take(profile.runtime.as_ref());
            let Some(warm) = warm else {
                return Ok(None);
            };
            if timeout(GREETING, warm.sandbox.liveness()).await != Ok(Liveness::Alive) {
                // Whatever is wrong with it, it has no files of a session.
                self.begin_orphan(warm.id, Some(warm.permit), None);
                continue;
            }
            let moved = self.keeps_files();
            if moved && let Err(error) = self.move_in(entry, profile, &warm.id).await {
                self.begin_orphan(warm.id, Some(warm.permit), None);
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
        let mut record = Record::new(&entry.id, profile, self.date(self.now()));
        record.sandbox = Some(sandbox.clone());
        record.moved = true;
        let sandbox = sandbox.clone();
        let _writing = entry.writing.lock().await;
        self.disk(move |store| store.commit(&sandbox, &record))
            .await
    }

    /// Starts creating the sandboxes that the pool lacks, as far as slots are free.
    pub(crate) fn refill(self: &Arc<Self>) {
        if self.is_closing() {
            return;
        }
        let mut pool = lock(&self.pool);
        for (number, shelf) in pool.shelves.iter_mut().enumerate() {
            while shelf.ready.len() + shelf.making < shelf.target {
                let Some(permit) = self.rooms.resident() else {
                    return;
                };
                shelf.making += 1;
                let (inner, runtime) = (Arc::clone(self), shelf.runtime.clone());
                self.spawn(async move { inner.make_warm(number, runtime, permit).await });
            }
        }
    }

    async fn make_warm(
        self: Arc<Self>,
        shelf: usize,
        runtime: Option<RuntimeConfig>,
        permit: Permit,
    ) {
        let id = match self.new_sandbox_id() {
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
        let _turn = self.turn().await?;
        let mut spec = SandboxSpec::new(id.clone());
        spec.runtime = runtime;
        spec.labels.insert(WARM_LABEL.to_owned(), "true".to_owned());
        spec.labels
            .insert(MANAGER_LABEL.to_owned(), self.mark.clone());
        // An image made of a sandbox may still have the label of its session, which would be taken for this one's.
        spec.labels.insert(SESSION_LABEL.to_owned(), String::new());
        if self.keeps_files() {
            let id = id.clone();
            spec.workspace = Some(self.disk(move |store| store.stage(&id)).await?);
        }
        self.create(spec).await
    }

    /// Puts a new sandbox into the pool, or hands its permit to a waiter.
    fn shelve(
        self: &Arc<Self>,
        shelf: usize,
        made: Result<Warm<P::Sandbox>, (Error, Option<SandboxId>, Permit)>,
    ) {
        let (id, permit, heir) = {
            let mut pool = lock(&self.pool);
            let heir = pool.heirs.pop();
            let Some(shelf) = pool.shelves.get_mut(shelf) else {
                return;
            };
            shelf.making -= 1;
            match made {
                Ok(warm) if heir.is_none() && !self.is_closing() => {
                    shelf.ready.push_back(warm);
                    return;
                }
                Ok(warm) => (Some(warm.id), warm.permit, heir),
                Err((error, id, permit)) => {
                    let about = Event {
                        session: None,
                        tenant: None,
                        sandbox: id.clone(),
                        kind: EventKind::WarmFailed(error),
                    };
                    self.tell(about);
                    (id, permit, heir)
                }
            }
        };
        match (id, heir) {
            (Some(id), heir) => self.begin_orphan(id, Some(permit), heir),
            (None, Some(heir)) => drop(heir.send(permit)),
            (None, None) => {}
        }
    }

    /// Starts destroying an orphaned sandbox. Its permit goes to the waiter, if any.
    pub(crate) fn begin_orphan(
        self: &Arc<Self>,
        id: SandboxId,
        permit: Option<Permit>,
        heir: Option<oneshot::Sender<Permit>>,
    ) {
        lock(&self.orphans).insert(id.clone(), permit);
        let inner = Arc::clone(self);
        self.spawn(async move { inner.end_orphan(id, heir).await });
    }

    /// Removes the remains of a sandbox that is gone, unless that is being done.
    pub(crate) fn begin_remains(self: &Arc<Self>, id: SandboxId) {
        if lock(&self.orphans).contains_key(&id) {
            return;
        }
        self.begin_orphan(id, None, None);
    }

    async fn end_orphan(self: Arc<Self>, id: SandboxId, mut heir: Option<oneshot::Sender<Permit>>) {
        let mut attempt: u32 = 0;
        while let Err(error) = self.end(&id, false).await {
            if self.inspect(&id).await.liveness.is_gone() {
                // It holds no permit any more; the remains are gone if it is no longer listed, otherwise the removal is retried.
                self.inherit(
                    lock(&self.orphans).get_mut(&id).and_then(Option::take),
                    heir.take(),
                );
                if self.existing().await.is_ok_and(|ids| !ids.contains(&id)) {
                    break;
                }
            }
            attempt = attempt.saturating_add(1);
            let failed = EventKind::StopFailed { attempt, error };
            self.tell(Event::about(&id, failed));
            if attempt >= self.settings.stop_attempts {
                heir = None;
                if self.is_closing() {
                    return;
                }
            }
            self.wait_to_retry(attempt, self.hurry.notified()).await;
        }
        self.inherit(lock(&self.orphans).remove(&id).flatten(), heir);
        if self.keeps_files() {
            let staged = id.clone();
            if let Err(error) = self.disk(move |store| store.unstage(&staged)).await {
                self.tell(Event::about(&id, EventKind::RemovalFailed(error)));
            }
        }
        self.tell(Event::about(&id, EventKind::OrphanDestroyed));
    }

    /// Hands a permit to its waiter.
    fn inherit(&self, permit: Option<Permit>, heir: Option<oneshot::Sender<Permit>>) {
        if let (Some(heir), Some(permit)) = (heir, permit) {
            // If the waiter is gone, the permit is released.
            let _ = heir.send(permit);
        }
    }
}
