//! Why a search stops early: it was cancelled, it timed out, or the rest cannot matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Tells a running search to stop, because its result is no longer needed.
///
/// A cancelled search returns its results so far, marked as cut by time.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Makes a flag that is not set.
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

/// The stop conditions that every part of a search checks.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    cancel: &'a Cancel,
    deadline: Option<Instant>,
    /// Set once one part has seen the end, so that the others agree without checking the clock.
    over: AtomicBool,
    /// The last file that can still matter: the limit is reached before any later one.
    last: AtomicU64,
}

impl<'a> Stop<'a> {
    pub(super) fn new(cancel: &'a Cancel, timeout: Option<Duration>) -> Self {
        Self {
            cancel,
            // A time that is too long to be added is unlimited.
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            over: AtomicBool::new(false),
            last: AtomicU64::new(u64::MAX),
        }
    }

    /// Returns whether the search was cancelled or timed out.
    pub(super) fn should_stop(&self) -> bool {
        if self.has_stopped() || self.cancel.is_cancelled() {
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

    /// Returns whether the search has a time limit.
    pub(super) fn has_deadline(&self) -> bool {
        self.deadline.is_some()
    }

    /// Returns whether some part has seen the end.
    pub(super) fn has_stopped(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Records that no file after this one can matter.
    pub(super) fn set_last(&self, file: u64) {
        self.last.fetch_min(file, Ordering::Relaxed);
    }

    /// Returns whether this file cannot matter.
    pub(super) fn is_past_last(&self, file: u64) -> bool {
        file > self.last.load(Ordering::Relaxed)
    }
}
