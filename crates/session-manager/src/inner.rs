//! What all handles of a manager share: the table of sessions, the ceilings, the store, the running tasks.
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
use crate::capacity::{Capacity, Permit};
use crate::entry::{Entry, State};
use crate::event::{Event, EventKind};
use crate::guard::{Guard, holds};
use crate::latch::Latch;
use crate::settings::Settings;
use crate::store::Store;
use crate::warm::Pool;

/// Number of characters in a sandbox's id after the name of the manager.
const UNIQUE_CHARS: usize = 24;

/// The table of sessions: open ones, and ids that a caller asks about.
pub(crate) type Table<S> = BTreeMap<SandboxId, Arc<Entry<S>>>;

/// Orphaned sandboxes: each holds its permit until destroyed; without a permit, the remains of one that is gone.
pub(crate) type Orphans = BTreeMap<SandboxId, Option<Permit>>;

/// A manager, as its handles share it.
pub(crate) struct Inner<P: SandboxProvider> {
    pub(crate) provider: Arc<P>,
    pub(crate) features: ProviderFeatures,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) starts: Semaphore,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) pool: Mutex<Pool<P::Sandbox>>,
    pub(crate) orphans: Mutex<Orphans>,
    /// Triggers the next attempt to destroy orphaned sandboxes.
    pub(crate) hurry: Notify,
    /// Sandboxes that more than one record names, with the sessions of those. Only its label can show the owner of one.
    pub(crate) disputed: Mutex<BTreeMap<SandboxId, BTreeSet<SandboxId>>>,
    pub(crate) counters: Counters,
    /// The mark on sandboxes, so that only this manager destroys its leftovers.
    pub(crate) mark: String,
    /// The clock and the wall-clock time when the manager was built.
    pub(crate) began: (Duration, SystemTime),
    /// The sessions whose record could not be written, and when each was last used: the time in the record is too old.
    pub(crate) unwritten: Mutex<BTreeMap<SandboxId, Duration>>,
    /// Until when the wall clock is not trusted: it advanced implausibly far while no manager ran.
    pub(crate) distrust: Mutex<Option<Duration>>,
    /// Whether the manager is being shut down.
    pub(crate) closing: Latch<()>,
    pub(crate) cleaner: Mutex<Option<tokio::task::JoinHandle<()>>>,
    /// When the age of stored sessions was last checked.
    pub(crate) swept: Mutex<Option<Duration>>,
    table: Mutex<Table<P::Sandbox>>,
    tasks: Mutex<JoinSet<()>>,
    running: watch::Sender<usize>,
    names: Names,
}

/// Counts since the manager was built.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) starts: AtomicU64,
    pub(crate) warm_starts: AtomicU64,
    pub(crate) failed_starts: AtomicU64,
    pub(crate) failed_stops: AtomicU64,
    pub(crate) deaths: AtomicU64,
}

/// Names sandboxes: the name of the manager, then a unique suffix.
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
        let capacity = Capacity::new(
            settings.max_resident,
            settings.max_open,
            settings.max_per_tenant,
        );
        Self {
            features: provider.features(),
            provider: Arc::new(provider),
            capacity,
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

    /// Returns whether a session's files outlive its sandbox.
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

    /// Returns the date of a moment of the clock, as it is stored. A wall clock that was set back does not make anything look
    /// older.
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
        // Having no subscribers is not an error.
        let _ = self.events.send(event);
    }

    pub(crate) fn tell_of(&self, entry: &Entry<P::Sandbox>, kind: EventKind) {
        let event = {
            let state = entry.lock();
            let sandbox = state.running().map(|running| running.id.clone());
            Event::of(&entry.id, state.tenant(), kind).sandbox(sandbox.as_ref())
        };
        self.tell(event);
    }

    /// Uses the store on a thread that may block.
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
            Err(Error::internal_from(
                None,
                "the store could not be used",
                error,
            ))
        })
    }

    /// Spawns a background task that a shutdown waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(&self.running);
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task.await;
            drop(counted);
        });
    }

    /// Waits until no task runs, including tasks started meanwhile.
    pub(crate) async fn settled(&self) {
        // The sender exists as long as this manager.
        let _ = self.running.subscribe().wait_for(|&count| count == 0).await;
    }

    /// Stops everything abruptly, as the end of the process would.
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

    /// Returns whether a sandbox was named by this manager or an earlier one of the same name.
    pub(crate) fn is_ours(&self, id: &SandboxId) -> bool {
        let rest = id.as_str().strip_prefix(&self.names.prefix);
        rest.and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| {
                rest.len() == UNIQUE_CHARS && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    }

    /// Returns the entry of an id, creating it if needed. While the claim exists, all callers get the same entry.
    pub(crate) fn claim(self: &Arc<Self>, id: &SandboxId) -> Claim<P> {
        let mut table = self.table();
        let entry = table.entry(id.clone()).or_insert_with(|| {
            let stored = self.store.is_some();
            Arc::new(Entry::new(id.clone(), stored))
        });
        entry.lock().claims += 1;
        Claim {
            entry: Arc::clone(entry),
            inner: Arc::clone(self),
        }
    }

    /// Returns whether more than one record names a sandbox.
    pub(crate) fn is_disputed(&self, sandbox: &SandboxId) -> bool {
        lock(&self.disputed).contains_key(sandbox)
    }

    /// Records that the record of a session no longer names a sandbox.
    pub(crate) fn give_up(&self, sandbox: &SandboxId, session: &SandboxId) {
        let mut disputed = lock(&self.disputed);
        if let Some(sessions) = disputed.get_mut(sandbox) {
            sessions.remove(session);
            if sessions.len() < 2 {
                disputed.remove(sandbox);
            }
        }
    }

    /// Returns today's date as far as it can be trusted: setting the wall clock forward while the manager runs does not count as
    /// elapsed time.
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

    /// Removes an entry from the table if no caller holds it and it has no state to keep.
    pub(crate) fn retire(
        &self,
        table: &mut Table<P::Sandbox>,
        entry: &Arc<Entry<P::Sandbox>>,
        state: &State<P::Sandbox>,
    ) {
        if state.is_needless() {
            self.forget(table, entry);
        }
    }

    /// Removes a closed session from the table.
    pub(crate) fn forget(&self, table: &mut Table<P::Sandbox>, entry: &Arc<Entry<P::Sandbox>>) {
        if table
            .get(&entry.id)
            .is_some_and(|held| Arc::ptr_eq(held, entry))
        {
            table.remove(&entry.id);
        }
    }
}

/// Counts a task until dropped.
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

/// A caller's interest in an id.
pub(crate) struct Claim<P: SandboxProvider> {
    pub(crate) entry: Arc<Entry<P::Sandbox>>,
    inner: Arc<Inner<P>>,
}

impl<P: SandboxProvider> Claim<P> {
    /// Adds a claim to an entry that the caller has locked and claimed.
    pub(crate) fn within(
        inner: &Arc<Inner<P>>,
        entry: &Arc<Entry<P::Sandbox>>,
        state: &mut State<P::Sandbox>,
    ) -> Self {
        state.claims += 1;
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
            let mut state = self.entry.lock();
            state.claims -= 1;
            state.is_needless()
        };
        if unused {
            self.inner.forget(&mut table, &self.entry);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a number unique to this process. The keys of the standard library's hash maps come from the system's random source;
/// the number need not be secret.
pub(crate) fn random() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
