//! Stats each entry that a glob has found, on several threads, with the same result as on one.
//!
//! The calling thread walks, and hands out found entries in batches, in path order. The results are added up in that order
//! too. A glob that finds few entries is done before a second thread starts.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::Instant;

use super::cancel::Stop;
use super::partial::{MAX_HOLD_BACK, PartialGlob, lock};
use super::tree::{Child, Tree};
use super::walk::{Dir, Plan, Visit, walk};
use crate::{Entry, EntryKind, Page, Result, Skipped, Truncation};

/// How many entries a thread stats before it reports them.
const BATCH_ENTRIES: usize = 128;

/// The maximum number of directories of a batch's entries: they are kept open.
const MAX_BATCH_DIRS: usize = 16;

/// The maximum number of waiting batches per thread.
const MAX_WAITING_BATCHES: usize = 2;

/// The maximum number of threads, whatever is requested. They contend for the same kernel locks.
const MAX_THREADS: usize = 8;

/// Entries in path order, up to a limit.
#[derive(Debug, Default)]
pub(super) struct GlobResults {
    items: Vec<Entry>,
    skipped: Skipped,
    is_truncated: bool,
    limit: usize,
}

impl GlobResults {
    /// Makes the result.
    pub(super) fn page(self, stopped: bool) -> Page<Entry> {
        let truncated = if self.is_truncated {
            Some(Truncation::Limit)
        } else if stopped {
            Some(Truncation::Time)
        } else if self.skipped.unreadable > 0 {
            Some(Truncation::Unreadable)
        } else {
            None
        };
        Page::new(self.items, truncated, self.skipped)
    }

    pub(super) fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Adds an entry, with what was skipped before it. It breaks where the limit is reached.
    pub(super) fn pass(&mut self, skipped_before: &Skipped) -> ControlFlow<()> {
        self.skipped.add(skipped_before);
        if self.items.len() >= self.limit {
            self.is_truncated = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    pub(super) fn add(&mut self, outcome: StatOutcome) {
        match outcome {
            StatOutcome::Entry(entry) => self.items.push(entry),
            StatOutcome::Changed | StatOutcome::Closed => {}
            StatOutcome::Unnameable => self.skipped.unnameable += 1,
            StatOutcome::Unreadable => self.skipped.unreadable += 1,
        }
    }
}

/// Walks a directory, and stats the found entries on up to `threads` threads, including the calling one. Results are in
/// `partial` as soon as they are known.
pub(super) fn stat_entries<T: Tree>(
    tree: &T,
    base: T::Dir,
    plan: &Plan<'_>,
    stop: &Stop<'_>,
    partial: &PartialGlob,
    limit: usize,
    threads: usize,
) -> Result<Page<Entry>> {
    partial.lock().found = Some(GlobResults {
        limit,
        ..GlobResults::default()
    });
    let pool = Pool {
        tree,
        stop,
        partial,
        limit,
        shared: Mutex::new(Shared {
            waiting: VecDeque::new(),
            is_closed: false,
        }),
        ready: Condvar::new(),
        progress: Condvar::new(),
    };
    let mut skipped_before = Skipped::default();
    thread::scope(|scope| -> Result<()> {
        // Also if the walk panics: otherwise the others would wait forever.
        let _closing = CloseOnDrop(&pool);
        let mut feeder = Feeder {
            scope,
            pool: &pool,
            threads: threads.clamp(1, MAX_THREADS),
            batch: Vec::new(),
            dirs: 0,
            handed_out: 0,
            started: Instant::now(),
            flushed: Instant::now(),
        };
        walk(tree, base, plan, stop, &mut skipped_before, &mut feeder)?;
        feeder.finish();
        Ok(())
    })?;
    // If the partial result was taken, nothing waits for this one.
    let mut found = partial.lock().found.take().unwrap_or_default();
    if !found.is_truncated {
        found.skipped.add(&skipped_before);
    }
    Ok(found.page(stop.has_stopped()))
}

/// What the walk has found, with what it skipped before.
struct FoundEntry<D> {
    dir: Arc<Dir<D>>,
    child: Child,
    is_closed: bool,
    skipped_before: Skipped,
}

/// The stat result of an entry, with what was skipped before it.
pub(super) type StatRecord = (Skipped, StatOutcome);

#[derive(Debug)]
pub(super) enum StatOutcome {
    Entry(Entry),
    /// Its kind has changed since, and the pattern does not match it.
    Changed,
    Unnameable,
    Unreadable,
    /// It cannot be read, which was counted when it could not be opened.
    Closed,
}

impl<D> FoundEntry<D> {
    fn stat<T: Tree<Dir = D>>(&self, tree: &T) -> StatOutcome {
        let Self { dir, child, .. } = self;
        match dir.path.child(&child.name) {
            Err(_) => StatOutcome::Unnameable,
            Ok(path) => match tree.entry(&dir.handle, &child.name, path) {
                Err(_) if self.is_closed => StatOutcome::Closed,
                Err(_) => StatOutcome::Unreadable,
                Ok(entry) => {
                    let is_meant = entry.kind != EntryKind::Other
                        && entry.is_directory() == (child.kind == EntryKind::Directory);
                    if is_meant {
                        StatOutcome::Entry(entry)
                    } else {
                        StatOutcome::Changed
                    }
                }
            },
        }
    }
}

/// The state that the threads change. Batches are numbered in path order.
struct Shared<D> {
    waiting: VecDeque<(u64, Vec<FoundEntry<D>>)>,
    is_closed: bool,
}

/// The state shared by all threads.
struct Pool<'a, T: Tree> {
    tree: &'a T,
    stop: &'a Stop<'a>,
    /// The finished batches. It is locked last, and never during a stat.
    partial: &'a PartialGlob,
    limit: usize,
    shared: Mutex<Shared<T::Dir>>,
    /// A batch waits, or no more batches come.
    ready: Condvar,
    /// A batch is finished.
    progress: Condvar,
}

impl<T: Tree> Pool<'_, T> {
    fn lock(&self) -> MutexGuard<'_, Shared<T::Dir>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stats the waiting entries until no more come.
    fn work(&self) {
        let mut shared = self.lock();
        loop {
            if let Some((number, batch)) = shared.waiting.pop_front() {
                drop(shared);
                self.stat_batch(number, batch);
                shared = self.lock();
            } else if shared.is_closed {
                return;
            } else {
                let woken = self.ready.wait(shared);
                shared = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn stat_batch(&self, number: u64, batch: Vec<FoundEntry<T::Dir>>) {
        let stats = Arc::new(Mutex::new(Vec::with_capacity(batch.len())));
        let mut partial = self.partial.lock();
        partial.in_progress.insert(number, Arc::clone(&stats));
        drop(partial);
        let report = ReportOnDrop { pool: self, number };
        for entry in batch {
            let outcome = entry.stat(self.tree);
            lock(&stats).push((entry.skipped_before, outcome));
        }
        drop(report);
    }
}

/// Returns a finished batch, even if a stat panics: otherwise others would wait forever.
struct ReportOnDrop<'a, 'b, T: Tree> {
    pool: &'b Pool<'a, T>,
    number: u64,
}

impl<T: Tree> Drop for ReportOnDrop<'_, '_, T> {
    fn drop(&mut self) {
        // Waiters check for it under this lock.
        let shared = self.pool.lock();
        let mut partial = self.pool.partial.lock();
        if let Some(stats) = partial.in_progress.remove(&self.number) {
            let stats = std::mem::take(&mut *lock(&stats));
            partial.done.insert(self.number, stats);
        }
        drop((partial, shared));
        self.pool.progress.notify_one();
    }
}

/// Records that no more batches come, and discards the waiting ones.
struct CloseOnDrop<'a, 'b, T: Tree>(&'b Pool<'a, T>);

impl<T: Tree> Drop for CloseOnDrop<'_, '_, T> {
    fn drop(&mut self) {
        let mut shared = self.0.lock();
        shared.is_closed = true;
        shared.waiting.clear();
        drop(shared);
        self.0.ready.notify_all();
    }
}

/// Hands out the entries that the walk finds, and adds up the results.
struct Feeder<'scope, 'env, 'a, T: Tree> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool<'a, T>,
    threads: usize,
    batch: Vec<FoundEntry<T::Dir>>,
    /// The number of directories of the batch.
    dirs: usize,
    /// The number of batches handed out to all threads.
    handed_out: u64,
    started: Instant,
    /// When the found entries were last processed, in case the walk blocks.
    flushed: Instant,
}

impl<'scope, 'a: 'scope, T: Tree> Feeder<'scope, '_, 'a, T> {
    /// Processes the entries found since the last time: this thread alone does, until there is enough work for several.
    fn dispatch(&mut self) -> ControlFlow<()> {
        let batch = std::mem::take(&mut self.batch);
        self.dirs = 0;
        if self.threads == 1 {
            return self.stat_inline(batch);
        }
        if self.handed_out == 0 {
            self.start_threads();
        }
        let number = self.handed_out;
        self.handed_out += 1;
        self.pool.lock().waiting.push_back((number, batch));
        self.pool.ready.notify_one();
        // The entries handed out may already reach the limit: the walk stops until that is known.
        let partial = self.pool.partial.lock();
        let in_progress = usize::try_from(self.handed_out - partial.added).unwrap_or(usize::MAX);
        let found = partial.found.as_ref().map_or(0, |found| found.items.len());
        drop(partial);
        let enough = found + in_progress.saturating_mul(BATCH_ENTRIES) > self.pool.limit;
        self.collect(if enough {
            0
        } else {
            MAX_WAITING_BATCHES * self.threads
        })
    }

    fn stat_inline(&mut self, batch: Vec<FoundEntry<T::Dir>>) -> ControlFlow<()> {
        let tree = self.pool.tree;
        for entry in batch {
            self.pool.partial.lock().pass(&entry.skipped_before)?;
            let outcome = entry.stat(tree);
            self.pool.partial.lock().add(outcome);
        }
        ControlFlow::Continue(())
    }

    /// Adds up the finished batches, and helps or waits until at most `left` are unfinished.
    fn collect(&mut self, left: usize) -> ControlFlow<()> {
        let mut shared = self.pool.lock();
        loop {
            let mut partial = self.pool.partial.lock();
            // The partial result was taken, including batches in progress: nothing comes back.
            if partial.found.is_none() {
                return ControlFlow::Break(());
            }
            let next = partial.added;
            if let Some(stats) = partial.done.remove(&next) {
                partial.added += 1;
                for (skipped_before, outcome) in stats {
                    partial.pass(&skipped_before)?;
                    partial.add(outcome);
                }
                continue;
            }
            drop(partial);
            if self.handed_out - next <= left as u64 {
                return ControlFlow::Continue(());
            } else if let Some((number, batch)) = shared.waiting.pop_front() {
                drop(shared);
                self.pool.stat_batch(number, batch);
                shared = self.pool.lock();
            } else {
                let woken = self.pool.progress.wait(shared);
                shared = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Starts the other threads. If none can be started, this one does their work.
    fn start_threads(&self) {
        for _ in 1..self.threads {
            let pool = self.pool;
            let spawned = thread::Builder::new()
                .name("glob".to_owned())
                .spawn_scoped(self.scope, move || pool.work());
            if spawned.is_err() {
                return;
            }
        }
    }

    fn finish(mut self) {
        if self.pool.partial.lock().is_truncated() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        // Batches handed out come first. Either may be cut by the limit, which is recorded.
        let _ = match self.collect(0) {
            ControlFlow::Continue(()) => self.stat_inline(batch),
            truncated => truncated,
        };
    }
}

impl<'scope, 'a: 'scope, T: Tree> Visit<T::Dir> for Feeder<'scope, '_, 'a, T> {
    fn before_descent(&mut self) -> ControlFlow<()> {
        if self.batch.is_empty() || !self.pool.stop.has_deadline() {
            return ControlFlow::Continue(());
        }
        let now = Instant::now();
        if now - self.started >= MAX_HOLD_BACK && now - self.flushed <= MAX_HOLD_BACK {
            return ControlFlow::Continue(());
        }
        self.flushed = now;
        if self.handed_out > 0 {
            self.dispatch()?;
            return self.collect(0);
        }
        self.dirs = 0;
        let batch = std::mem::take(&mut self.batch);
        self.stat_inline(batch)
    }

    fn visit(
        &mut self,
        dir: &Arc<Dir<T::Dir>>,
        child: Child,
        is_closed: bool,
        skipped_before: &mut Skipped,
    ) -> ControlFlow<()> {
        let last = self.batch.last();
        self.dirs += usize::from(last.is_none_or(|last| !Arc::ptr_eq(&last.dir, dir)));
        self.batch.push(FoundEntry {
            dir: Arc::clone(dir),
            child,
            is_closed,
            skipped_before: std::mem::take(skipped_before),
        });
        // No more than the limit is needed, so a small limit is detected early.
        let most = match self.threads {
            1 => 1,
            _ => BATCH_ENTRIES.min(self.pool.limit.saturating_add(1)),
        };
        if self.batch.len() < most && self.dirs < MAX_BATCH_DIRS {
            return ControlFlow::Continue(());
        }
        self.dispatch()
    }
}
