//! The results of a search so far, for callers that cannot wait for its end: a read from a disk that does not answer cannot
//! be stopped, and must not withhold results from elsewhere.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cancel::Stop;
use super::parallel::Records;
use super::stat_pool::{GlobResults, StatOutcome, StatRecord};
use super::tally::Record;
use crate::{Entry, GrepRequest, Grepped, Page, Skipped, Truncation};

/// In a search with a time limit, how long the walk may hold back found entries before it enters the next directory, which
/// may not answer. For the same time at the start, it holds nothing back: a small tree is searched within it.
pub(super) const MAX_HOLD_BACK: std::time::Duration = std::time::Duration::from_millis(20);

/// The results of a grep so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct PartialGrep(Arc<Mutex<GrepState>>);

#[derive(Debug, Default)]
struct GrepState {
    /// `None` before the search starts, and after the result was taken.
    records: Option<Records>,
    batches: Vec<Batch>,
}

/// The records of a thread that it has not submitted yet.
pub(super) type Batch = Arc<Mutex<Vec<(u64, Record)>>>;

impl PartialGrep {
    /// Makes one for a search.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the results so far, as cut by time. Later results of the search are lost.
    pub fn take(&self) -> Grepped {
        let mut state = lock(&self.0);
        let Some(mut records) = state.records.take() else {
            return Grepped {
                truncated: Some(Truncation::Time),
                ..Grepped::default()
            };
        };
        for batch in &state.batches {
            for (number, record) in lock(batch).drain(..) {
                records.put(number, record, None);
            }
        }
        records.finish(Record::default(), true)
    }

    pub(super) fn start(&self, request: &GrepRequest) {
        lock(&self.0).records = Some(Records::new(request));
    }

    /// Returns where a thread keeps the records that it has not submitted yet.
    pub(super) fn batch(&self) -> Batch {
        let batch = Batch::default();
        lock(&self.0).batches.push(Arc::clone(&batch));
        batch
    }

    /// Submits records. Returns whether more are useful.
    pub(super) fn put(&self, batch: &Batch, stop: &Stop<'_>) -> bool {
        let mut state = lock(&self.0);
        let done = std::mem::take(&mut *lock(batch));
        let Some(records) = &mut state.records else {
            return false;
        };
        for (number, record) in done {
            records.put(number, record, Some(stop));
        }
        !records.is_truncated()
    }

    pub(super) fn finish(&self, last: Record, stop: &Stop<'_>) -> Grepped {
        match lock(&self.0).records.take() {
            Some(records) => records.finish(last, stop.has_stopped()),
            // The result was taken, so this one is not needed.
            None => Grepped::default(),
        }
    }
}

/// The results of a glob so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct PartialGlob(pub(super) Arc<Mutex<GlobState>>);

#[derive(Debug, Default)]
pub(super) struct GlobState {
    /// `None` before the search starts, and after the result was taken.
    pub(super) found: Option<GlobResults>,
    /// How many batches were added up.
    pub(super) added: u64,
    /// The finished batches that were not added up, by their number.
    pub(super) done: BTreeMap<u64, Vec<StatRecord>>,
    /// The batches that a thread is processing.
    pub(super) in_progress: BTreeMap<u64, Arc<Mutex<Vec<StatRecord>>>>,
}

impl PartialGlob {
    /// Makes one for a search.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the results so far, as cut by time. Later results of the search are lost.
    pub fn take(&self) -> Page<Entry> {
        let mut state = lock(&self.0);
        let mut found = state.found.take().unwrap_or_default();
        let in_progress = std::mem::take(&mut state.in_progress).into_iter();
        let in_progress =
            in_progress.map(|(number, stats)| (number, std::mem::take(&mut *lock(&stats))));
        let mut done = std::mem::take(&mut state.done);
        done.extend(in_progress);
        for (skipped_before, outcome) in done.into_values().flatten() {
            if found.pass(&skipped_before).is_break() {
                break;
            }
            found.add(outcome);
        }
        found.page(true)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, GlobState> {
        lock(&self.0)
    }
}

impl GlobState {
    /// Adds an entry. It breaks if no more are useful.
    pub(super) fn pass(&mut self, skipped_before: &Skipped) -> ControlFlow<()> {
        match &mut self.found {
            Some(found) => found.pass(skipped_before),
            None => ControlFlow::Break(()),
        }
    }

    pub(super) fn add(&mut self, outcome: StatOutcome) {
        if let Some(found) = &mut self.found {
            found.add(outcome);
        }
    }

    /// Whether no more entries are useful.
    pub(super) fn is_truncated(&self) -> bool {
        self.found.as_ref().is_none_or(GlobResults::is_truncated)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
