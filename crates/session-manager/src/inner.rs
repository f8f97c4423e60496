//! What all handles of a manager share: the table of sessions, the ceilings, the store, the tasks that run.
//!
//! Locks are taken in the order table, entry, everything else, and never held across an await.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use backend_core::{Error, ProviderFeatures, Result, SandboxId, SandboxProvider};
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::task::JoinSet;

use crate::Clock;
use crate::entry::{Entry, Phase, Slot};
use crate::event::{Event, EventKind};
use crate::guard::{Guard, holds};
use crate::latch::Latch;
use crate::rooms::{Permit, Rooms};
use crate::settings::Settings;
use crate::store::Store;
use crate::warm::Pool;

/// How many letters of a sandbox's id come after the name of the manager.
const UNIQUE: usize = 24;

/// The table of sessions: those that are open, and those that somebody asks about.
pub(crate) type Table<S> = BTreeMap<SandboxId, Arc<Entry<S>>>;

/// A sandbox of nobody, that has to be destroyed and takes up a place until then; without a place, what is left of one that is gone.
pub(crate) type Orphans = BTreeMap<SandboxId, Option<Permit>>;

/// A manager, as its handles share it.
pub(crate) struct Inner<P: SandboxProvider> {
    pub(crate) provider: Arc<P>,
    pub(crate) features: ProviderFeatures,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) starts: Semaphore,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) pool: Mutex<Pool<P::Sandbox>>,
    pub(crate) orphans: Mutex<Orphans>,
    /// Wakes the next attempt to destroy sandboxes of nobody.
    pub(crate) hurry: Notify,
    /// Sandboxes that more than one record names. Whose each is, its label says, or nobody.
    pub(crate) disputed: Mutex<BTreeSet<SandboxId>>,
    pub(crate) counters: Counters,
    /// What sandboxes are marked with, so that this manager, and no other one, ends those that are left over.
    pub(crate) mark: String,
    /// The time of the clock, and of the calendar, when the manager was made.
    pub(crate) began: (Duration, SystemTime),
    /// The sessions whose record could not be written, and when each was last used: what the record says of that is too old.
    pub(crate) unwritten: Mutex<BTreeMap<SandboxId, Duration>>,
    /// Until when the calendar is not believed: it went on by more than is likely while no manager ran.
    pub(crate) distrust: Mutex<Option<Duration>>,
    /// Whether the manager is being shut down.
    pub(crate) closing: Latch<()>,
    pub(crate) cleaner: Mutex<Option<tokio::task::JoinHandle<()>>>,
    /// When stored sessions were last looked at for their age.
    pub(crate) swept: Mutex<Option<Duration>>,
    table: Mutex<Table<P::Sandbox>>,
    tasks: Mutex<JoinSet<()>>,
    running: watch::Sender<usize>,
    names: Names,
}

/// What happened since the manager was made.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) starts: AtomicU64,
    pub(crate) warm_starts: AtomicU64,
    pub(crate) failed_starts: AtomicU64,
    pub(crate) failed_stops: AtomicU64,
    pub(crate) deaths: AtomicU64,
}

/// Gives names to sandboxes: that of the manager, then what no other sandbox has.
#[derive(Debug)]
struct Names {
    prefix: String,
    boot: u64,
    last: AtomicU64,
}

impl<P: SandboxProvider> Inner<P> {
    pub(crate) fn new(
        provider: P,
        settings: Settings,
        clock: Arc<dyn Clock>,
        store: Option<Store>,
        name: String,
    ) -> Self {
        let rooms = Rooms::new(
            settings.max_resident,
            settings.max_open,
            settings.max_per_tenant,
        );
        Self {
            features: provider.features(),
            provider: Arc::new(provider),
            rooms,
            starts: Semaphore::new(settings.start_concurrency),
            events: broadcast::Sender::new(settings.events),
            pool: Mutex::new(Pool::new(&settings.warm)),
            orphans: Mutex::default(),
            hurry: Notify::new(),
            disputed: Mutex::default(),
            mark: store.as_ref().map_or_else(
                || format!("run-{:016x}", random()),
                |store| store.manager().to_owned(),
            ),
            began: (clock.elapsed(), clock.now()),
            distrust: Mutex::default(),
            unwritten: Mutex::default(),
            counters: Counters::default(),
            closing: Latch::default(),
            cleaner: Mutex::default(),
            swept: Mutex::default(),
            table: Mutex::default(),
            tasks: Mutex::default(),
            running: watch::Sender::new(0),
            names: Names {
                prefix: name,
                boot: settings.inline.unwrap_or_else(random),
                last: AtomicU64::new(0),
            },
            settings,
            clock,
            store: store.map(Arc::new),
        }
    }

    /// Returns whether what a session writes is there after its sandbox is destroyed.
    pub(crate) fn keeps_files(&self) -> bool {
        self.store.is_some()
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table<P::Sandbox>> {
        lock(&self.table)
    }

    pub(crate) fn entries(&self) -> Vec<Arc<Entry<P::Sandbox>>> {
        self.table().values().map(Arc::clone).collect()
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Returns the date of a moment of the clock, as it is stored. A calendar that was set back makes nothing look older than it is.
    pub(crate) fn date(&self, moment: Duration) -> SystemTime {
        let ago = self.clock.elapsed().saturating_sub(moment);
        let told = self.clock.now().checked_sub(ago);
        let (elapsed, date) = self.began;
        let counted = moment
            .checked_sub(elapsed)
            .and_then(|ran| date.checked_add(ran));
        told.max(counted).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get().is_some()
    }

    /// Waits until the manager is being shut down.
    pub(crate) async fn closed(&self) {
        self.closing.wait().await;
    }

    pub(crate) fn tell(&self, event: Event) {
        // That nobody watches is no error.
        let _ = self.events.send(event);
    }

    pub(crate) fn tell_of(&self, entry: &Entry<P::Sandbox>, kind: EventKind) {
        let event = {
            let slot = entry.lock();
            let sandbox = slot.body().map(|body| body.id.clone());
            Event::of(&entry.id, slot.tenant(), kind).sandbox(sandbox.as_ref())
        };
        self.tell(event);
    }

    /// Does something with the store, on a thread on which it may block.
    pub(crate) async fn disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(store) = &self.store else {
            return Err(Error::unsupported(
                "stored sessions, without a workspace root",
            ));
        };
        if self.settings.inline.is_some() {
            return work(store);
        }
        let store = Arc::clone(store);
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.unwrap_or_else(|error| {
            Err(Error::internal(None, "the store could not be used", error))
        })
    }

    /// Runs a task that nobody waits for, and that a shutdown waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(&self.running);
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task.await;
            drop(counted);
        });
    }

    /// Waits until no task runs, those included that are started meanwhile.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as this.
        let _ = self.running.subscribe().wait_for(|&count| count == 0).await;
    }

    /// Stops everything at once, as the end of the process would.
    #[cfg(test)]
    pub(crate) fn crash(&self) {
        self.closing.set(());
        if let Some(cleaner) = lock(&self.cleaner).take() {
            cleaner.abort();
        }
        lock(&self.tasks).abort_all();
        if let Some(store) = &self.store {
            store.unlock();
        }
    }

    /// Returns a name for a new sandbox.
    pub(crate) fn new_sandbox_id(&self) -> Result<SandboxId> {
        let Names { prefix, boot, last } = &self.names;
        let number = last.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff;
        SandboxId::parse(format!("{prefix}-{boot:016x}{number:08x}"))
    }

    /// Returns whether a sandbox has a name that this manager, or an earlier one of this name, gave.
    pub(crate) fn is_ours(&self, id: &SandboxId) -> bool {
        let rest = id.as_str().strip_prefix(&self.names.prefix);
        rest.and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| {
                rest.len() == UNIQUE && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    }

    /// Looks an id up, or starts to look at it. As long as the claim lives, everybody else gets the same entry.
    pub(crate) fn claim(self: &Arc<Self>, id: &SandboxId) -> Claim<P> {
        let mut table = self.table();
        let entry = table.entry(id.clone()).or_insert_with(|| {
            let phase = if self.store.is_some() {
                Phase::Unloaded
            } else {
                Phase::Known
            };
            Arc::new(Entry::new(id.clone(), phase))
        });
        entry.lock().claims += 1;
        Claim {
            entry: Arc::clone(entry),
            inner: Arc::clone(self),
        }
    }

    /// Returns whether more than one record names a sandbox.
    pub(crate) fn is_disputed(&self, sandbox: &SandboxId) -> bool {
        lock(&self.disputed).contains(sandbox)
    }

    /// Returns today's date as far as it can be relied on: the calendar may be set forward while the manager runs, and that is no time
    /// that passed.
    pub(crate) fn today(&self) -> SystemTime {
        let now = self.clock.now();
        if !holds(Guard::ClockJump) {
            return now;
        }
        let (elapsed, date) = self.began;
        let ran = self.clock.elapsed().saturating_sub(elapsed);
        date.checked_add(ran)
            .map_or(now, |counted| counted.min(now))
    }

    /// Takes an entry out of the table that nobody asks about, and that nothing has to be known of.
    pub(crate) fn retire(
        &self,
        table: &mut Table<P::Sandbox>,
        entry: &Arc<Entry<P::Sandbox>>,
        slot: &Slot<P::Sandbox>,
    ) {
        if slot.is_needless() {
            self.forget(table, entry);
        }
    }

    /// Takes a closed session out of the table.
    pub(crate) fn forget(&self, table: &mut Table<P::Sandbox>, entry: &Arc<Entry<P::Sandbox>>) {
        if table
            .get(&entry.id)
            .is_some_and(|held| Arc::ptr_eq(held, entry))
        {
            table.remove(&entry.id);
        }
    }
}

/// Counts a task until it is dropped.
struct Counted(watch::Sender<usize>);

impl Counted {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Somebody's interest in an id.
pub(crate) struct Claim<P: SandboxProvider> {
    pub(crate) entry: Arc<Entry<P::Sandbox>>,
    inner: Arc<Inner<P>>,
}

impl<P: SandboxProvider> Claim<P> {
    /// Adds a claim to an entry that the caller has locked, and claimed.
    pub(crate) fn within(
        inner: &Arc<Inner<P>>,
        entry: &Arc<Entry<P::Sandbox>>,
        slot: &mut Slot<P::Sandbox>,
    ) -> Self {
        slot.claims += 1;
        Self {
            entry: Arc::clone(entry),
            inner: Arc::clone(inner),
        }
    }
}

impl<P: SandboxProvider> Drop for Claim<P> {
    fn drop(&mut self) {
        let mut table = self.inner.table();
        let unused = {
            let mut slot = self.entry.lock();
            slot.claims -= 1;
            slot.is_needless()
        };
        if unused {
            self.inner.forget(&mut table, &self.entry);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a number that no other process gets. The keys of the standard library's hash maps come from the system's source
/// of randomness; nothing here has to be a secret.
pub(crate) fn random() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
