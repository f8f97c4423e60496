//! Why a search stops before its end: nobody waits, the time is over, or what is left cannot matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Tells a running search that nobody waits for it any more.
///
/// A search that was cancelled returns what it has, marked as cut by time.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Makes a mark that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the search soon: within a file.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the search should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What every part of a search asks before it goes on.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    cancel: &'a Cancel,
    deadline: Option<Instant>,
    /// Set once one part has seen the end, so that the others need not look at the clock to agree.
    over: AtomicBool,
    /// The last file that can still matter: a later one has the limit's matches before it.
    last: AtomicU64,
}

impl<'a> Stop<'a> {
    pub(super) fn new(cancel: &'a Cancel, timeout: Option<Duration>) -> Self {
        Self {
            cancel,
            // A time that is too long to be added is no bound.
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            over: AtomicBool::new(false),
            last: AtomicU64::new(u64::MAX),
        }
    }

    /// Returns whether the search was cancelled or its time is over.
    pub(super) fn is_over(&self) -> bool {
        if self.was_over() || self.cancel.is_cancelled() {
            self.over.store(true, Ordering::Relaxed);
            return true;
        }
        let late = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        if late {
            self.over.store(true, Ordering::Relaxed);
        }
        late
    }

    /// Returns whether there is a time at which the search must end.
    pub(super) fn has_deadline(&self) -> bool {
        self.deadline.is_some()
    }

    /// Returns whether some part has seen the end.
    pub(super) fn was_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Says that no file after this one can matter.
    pub(super) fn set_last(&self, file: u64) {
        self.last.fetch_min(file, Ordering::Relaxed);
    }

    /// Returns whether this file cannot matter.
    pub(super) fn is_beyond(&self, file: u64) -> bool {
        file > self.last.load(Ordering::Relaxed)
    }
}
