//! A grep on several threads, with the same result as on one.
//!
//! The calling thread walks, and hands out the files in path order with their number. Each finished file's record is stored
//! under its number, and records are added up in that order. As soon as the records received exceed the limit, no later
//! file matters, whatever the files between them contain.

mod records;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use grep_regex::RegexMatcher;
pub(super) use records::Records;

use super::cancel::Stop;
use super::engine::{Engine, Outcome};
use super::partial::{Batch, MAX_HOLD_BACK, PartialGrep, lock};
use super::tally::Record;
use super::tree::{Child, Tree};
use super::walk::{Dir, Plan, Visit, walk};
use crate::{GrepRequest, Grepped, Result, Skipped};

/// How many files there must be before a thread is worth starting.
const MIN_FILES: usize = 24;

/// How long a search of fewer files runs before a thread is worth starting anyway: the files are large.
const MIN_TIME: Duration = Duration::from_millis(1);

/// The maximum number of threads, whatever is requested.
const MAX_THREADS: usize = 64;

/// The maximum number of files that a thread takes at once.
const MAX_TAKEN_FILES: usize = 16;

/// The maximum number of waiting files per thread. Each keeps a directory open.
const MAX_WAITING_FILES: usize = 64;

/// A file to search.
pub(super) struct Job<D> {
    pub(super) number: u64,
    pub(super) dir: Arc<Dir<D>>,
    pub(super) name: Arc<str>,
    pub(super) skipped_before: Skipped,
}

impl<D> Job<D> {
    /// Searches the file.
    pub(super) fn run<T: Tree<Dir = D>>(
        self,
        tree: &T,
        engine: &mut Engine<'_>,
        request: &GrepRequest,
        stop: &Stop<'_>,
    ) -> Record {
        let outcome = match tree.open_file(&self.dir.handle, &self.name) {
            Ok(opened) => engine.search(opened, self.number, stop),
            Err(_) => Outcome::Unreadable,
        };
        Record::new(self.skipped_before, outcome, request.output, || {
            self.dir.path.child(&self.name)
        })
    }
}

/// A search of a directory.
pub(super) struct Search<'a, T> {
    pub(super) tree: &'a T,
    pub(super) plan: &'a Plan<'a>,
    pub(super) request: &'a GrepRequest,
    pub(super) matcher: &'a RegexMatcher,
    pub(super) stop: &'a Stop<'a>,
    pub(super) partial: &'a PartialGrep,
}

/// Greps a directory on up to `threads` threads, including the calling one.
pub(super) fn grep<T: Tree>(
    search: &Search<'_, T>,
    base: T::Dir,
    threads: usize,
) -> Result<Grepped> {
    let &Search {
        tree,
        plan,
        request,
        matcher,
        stop,
        partial,
    } = search;
    let pool = Pool {
        tree,
        request,
        matcher,
        stop,
        partial,
        threads: threads.min(MAX_THREADS),
        idle: AtomicUsize::new(0),
        shared: Mutex::new(Shared {
            waiting: VecDeque::new(),
            is_closed: false,
        }),
        ready: Condvar::new(),
    };
    let mut skipped_before = Skipped::default();
    thread::scope(|scope| {
        // Also if the walk panics: otherwise the others would wait forever.
        let closing = CloseOnDrop(&pool);
        let mut feeder = Feeder {
            scope,
            pool: &pool,
            engine: Engine::new(request, matcher.clone()),
            gathered: Vec::new(),
            number: 0,
            is_shared: false,
            started: Instant::now(),
            handed_out: Instant::now(),
            batch: partial.batch(),
        };
        let walked = walk(tree, base, plan, stop, &mut skipped_before, &mut feeder);
        feeder.dispatch();
        drop(closing);
        feeder.help(0);
        walked
    })?;
    let last = Record {
        skipped_before,
        ..Record::default()
    };
    Ok(partial.finish(last, stop))
}

/// The state that the threads change.
struct Shared<D> {
    waiting: VecDeque<Job<D>>,
    is_closed: bool,
}

/// The state shared by all threads.
struct Pool<'a, T: Tree> {
    tree: &'a T,
    request: &'a GrepRequest,
    matcher: &'a RegexMatcher,
    stop: &'a Stop<'a>,
    partial: &'a PartialGrep,
    threads: usize,
    /// How many threads wait for a file.
    idle: AtomicUsize,
    shared: Mutex<Shared<T::Dir>>,
    ready: Condvar,
}

impl<T: Tree> Pool<'_, T> {
    fn lock(&self) -> MutexGuard<'_, Shared<T::Dir>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Searches the waiting files until no more come.
    fn work(&self) {
        let mut engine = Engine::new(self.request, self.matcher.clone());
        let batch = self.partial.batch();
        let mut taken = Vec::new();
        let mut shared = self.lock();
        loop {
            self.take(&mut shared, &mut taken);
            if !taken.is_empty() {
                drop(shared);
                self.search(&mut engine, &mut taken, &batch);
                shared = self.lock();
                continue;
            }
            if shared.is_closed {
                return;
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
            shared = self
                .ready
                .wait(shared)
                .unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Takes a share of the waiting files: fewer when there are fewer, so that all threads finish together.
    fn take(&self, shared: &mut Shared<T::Dir>, taken: &mut Vec<Job<T::Dir>>) {
        let waiting = shared.waiting.len();
        let share = (waiting / (2 * self.threads))
            .clamp(1, MAX_TAKEN_FILES)
            .min(waiting);
        taken.extend(shared.waiting.drain(..share));
    }

    fn search(&self, engine: &mut Engine<'_>, taken: &mut Vec<Job<T::Dir>>, batch: &Batch) {
        for job in taken.drain(..) {
            if self.stop.should_stop() || self.stop.is_past_last(job.number) {
                continue;
            }
            let number = job.number;
            let record = job.run(self.tree, engine, self.request, self.stop);
            lock(batch).push((number, record));
        }
        self.partial.put(batch, self.stop);
    }
}

/// Records that no more files come.
struct CloseOnDrop<'a, 'b, T: Tree>(&'b Pool<'a, T>);

impl<T: Tree> Drop for CloseOnDrop<'_, '_, T> {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.ready.notify_all();
    }
}

/// Hands out the files that the walk finds, and also searches when enough of them wait.
struct Feeder<'scope, 'env, 'a, T: Tree> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool<'a, T>,
    engine: Engine<'a>,
    gathered: Vec<Job<T::Dir>>,
    number: u64,
    is_shared: bool,
    started: Instant,
    /// When files were last handed out.
    handed_out: Instant,
    batch: Batch,
}

impl<'scope, 'a: 'scope, T: Tree> Feeder<'scope, '_, 'a, T> {
    fn dispatch(&mut self) {
        let count = self.gathered.len();
        let waiting = {
            let mut shared = self.pool.lock();
            shared.waiting.extend(self.gathered.drain(..));
            shared.waiting.len()
        };
        if !self.is_shared {
            return;
        }
        if count > 1 {
            self.pool.ready.notify_all();
        } else {
            self.pool.ready.notify_one();
        }
        let most = MAX_WAITING_FILES * self.pool.threads;
        if waiting >= most {
            self.help(most / 2);
        }
    }

    /// Searches until at most `left` files wait.
    fn help(&mut self, left: usize) {
        let mut taken = Vec::new();
        loop {
            let mut shared = self.pool.lock();
            if shared.waiting.len() <= left {
                return;
            }
            self.pool.take(&mut shared, &mut taken);
            let is_more = !shared.waiting.is_empty();
            drop(shared);
            if is_more && !self.is_shared && self.started.elapsed() >= MIN_TIME {
                self.start_threads();
            }
            self.pool.search(&mut self.engine, &mut taken, &self.batch);
        }
    }

    /// Starts the other threads. If none can be started, this one does their work.
    fn start_threads(&mut self) {
        self.is_shared = true;
        for _ in 1..self.pool.threads {
            let pool = self.pool;
            let spawned = thread::Builder::new()
                .name("grep".to_owned())
                .spawn_scoped(self.scope, move || pool.work());
            if spawned.is_err() {
                return;
            }
        }
    }
}

impl<'scope, 'a: 'scope, T: Tree> Visit<T::Dir> for Feeder<'scope, '_, 'a, T> {
    fn before_descent(&mut self) -> ControlFlow<()> {
        if self.gathered.is_empty() || !self.pool.stop.has_deadline() {
            return ControlFlow::Continue(());
        }
        let now = Instant::now();
        if now - self.started < MAX_HOLD_BACK || now - self.handed_out > MAX_HOLD_BACK {
            self.handed_out = now;
            self.dispatch();
            self.help(0);
        }
        ControlFlow::Continue(())
    }

    fn visit(
        &mut self,
        dir: &Arc<Dir<T::Dir>>,
        child: Child,
        _is_closed: bool,
        skipped_before: &mut Skipped,
    ) -> ControlFlow<()> {
        if self.pool.stop.is_past_last(self.number) {
            return ControlFlow::Break(());
        }
        self.gathered.push(Job {
            number: self.number,
            dir: Arc::clone(dir),
            name: child.name,
            skipped_before: std::mem::take(skipped_before),
        });
        self.number += 1;
        let gathered = self.gathered.len();
        if !self.is_shared {
            if gathered < MIN_FILES {
                return ControlFlow::Continue(());
            }
            self.start_threads();
        }
        if gathered >= MAX_TAKEN_FILES || self.pool.idle.load(Ordering::Relaxed) > 0 {
            self.dispatch();
        }
        ControlFlow::Continue(())
    }
}
