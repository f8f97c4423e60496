//! Runs each operation on the blocking pool, once.
//!
//! One task is a whole search, edit or batch, never one call per file. A disk that does not answer blocks the threads that
//! wait for it, so each backend gets a limited share of them.

use std::future::poll_fn;
use std::num::NonZero;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::Duration;

use backend_core::search::Cancel;
use backend_core::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::watchdog::{Alarm, Progress};

/// More threads than this did not speed up searches on any machine we measured.
const MAX_THREADS: usize = 12;

/// How many threads one search uses. Computed once: reading the cgroup files takes a while.
static THREADS: LazyLock<usize> = LazyLock::new(|| {
    available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAX_THREADS)
});

/// How many operations of one backend run at once, not counting searches. By default a tokio runtime has 512 blocking
/// threads.
const MAX_OPERATIONS: usize = 64;

/// How many searches of one backend run at once, including those that wait for a disk.
const MAX_SEARCHES: usize = 16;

/// How much longer than its time limit to wait for a search. One that makes progress ends on its own by then, with a
/// fuller outcome than can be taken from a stuck one.
const SEARCH_GRACE: Duration = Duration::from_millis(200);

/// Bounds the searches of this process that make progress. Each of them uses every core, so more at once would only take
/// blocking threads from short operations.
static SEARCHES: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new((*THREADS * 2).max(4))));

/// The share that one backend has of the common threads. A clone is the same share.
#[derive(Clone, Debug)]
pub(crate) struct PoolShare {
    operations: Arc<Semaphore>,
    searches: Arc<Semaphore>,
}

impl PoolShare {
    pub(crate) fn new() -> Self {
        Self {
            operations: Arc::new(Semaphore::new(MAX_OPERATIONS)),
            searches: Arc::new(Semaphore::new(MAX_SEARCHES)),
        }
    }
}

/// A running search.
#[derive(Debug)]
pub(crate) struct SearchTask {
    pub(crate) cancel: Cancel,
    pub(crate) progress: Arc<Progress>,
    pub(crate) threads: usize,
}

/// Returns whether this thread belongs to a runtime, which has blocking threads.
pub(crate) fn has_runtime() -> bool {
    Handle::try_current().is_ok()
}

/// Runs an operation on a blocking thread. It runs to its end even if the caller is gone.
pub(crate) async fn spawn_blocking<T, W>(share: &PoolShare, work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T> + Send + 'static,
{
    let runtime = runtime()?;
    let permit = acquire(&share.operations).await.map_err(closed)?;
    run(runtime, move || {
        // Returned when the thread is free again, which may be after the caller is gone.
        let _permit = permit;
        work()
    })
    .await
}

/// Runs a search on a blocking thread, and stops it soon after this future is dropped.
///
/// If it is past its time limit and does not end, because the disk does not answer, the outcome is the result of
/// `partial`, and its thread is abandoned.
pub(crate) async fn spawn_search<T, P, W>(
    share: &PoolShare,
    timeout: Option<Duration>,
    partial: P,
    work: W,
) -> Result<T>
where
    T: Send + 'static,
    P: FnOnce() -> T + Send,
    W: FnOnce(&SearchTask) -> Result<T> + Send + 'static,
{
    let runtime = runtime()?;
    let time = timeout.map(|timeout| timeout.saturating_add(SEARCH_GRACE));
    let mut alarm = time.and_then(Alarm::after);
    let permits = async {
        let own = acquire(&share.searches).await?;
        Ok((own, acquire(&SEARCHES).await?))
    };
    let Some(permits) = until_alarm(&mut alarm, permits).await else {
        return Ok(partial());
    };
    let (own, permit) = permits.map_err(closed)?;
    let stop = CancelOnDrop(Cancel::new());
    let task = SearchTask {
        cancel: stop.0.clone(),
        progress: Progress::watch(permit),
        threads: *THREADS,
    };
    let running = run(runtime, move || {
        let _own = own;
        work(&task)
    });
    match until_alarm(&mut alarm, running).await {
        Some(outcome) => outcome,
        None => Ok(partial()),
    }
}

fn runtime() -> Result<Handle> {
    Handle::try_current()
        .map_err(|_| Error::unsupported("a file operation outside of a tokio runtime"))
}

async fn acquire(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, AcquireError> {
    Arc::clone(permits).acquire_owned().await
}

fn closed(error: AcquireError) -> Error {
    Error::unavailable_from("file operations are closed", error)
}

async fn run<T: Send + 'static>(
    runtime: Handle,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match runtime.spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_cancelled() => Err(Error::unavailable_from(
            "the runtime is shutting down",
            error,
        )),
        Err(error) => Err(Error::internal_from(None, "the operation panicked", error)),
    }
}

/// Waits for a future, but no longer than until the alarm rings.
async fn until_alarm<F: Future + Send>(alarm: &mut Option<Alarm>, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(outcome));
        }
        match alarm {
            Some(alarm) => Pin::new(alarm).poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
