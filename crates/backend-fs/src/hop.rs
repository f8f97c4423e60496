//! From async to blocking and back: one hop an operation.
//!
//! What hops is whole: a search, an edit, a batch. Nothing in this crate hops once per file. A disk that does not answer
//! holds the threads of those who ask it, so that each backend has a share of them, and no more.

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

use crate::watch::{Alarm, Progress};

/// More threads than this make no search faster, on any machine that we know.
const MAX_THREADS: usize = 12;

/// How many threads one search uses. Looked up once: the answer is read from cgroup files, which takes a while.
static THREADS: LazyLock<usize> = LazyLock::new(|| {
    available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAX_THREADS)
});

/// How many operations of one backend are at work at once, searches aside. A runtime of tokio has 512 blocking threads,
/// unless it was told otherwise.
const MAX_OPERATIONS: usize = 64;

/// How many searches of one backend there are at once, those included that wait for a disk.
const MAX_SEARCHES: usize = 16;

/// How much longer than its time a search is waited for. One that gets on ends by itself then, and has more to tell than
/// what can be taken from one that does not.
const GRACE: Duration = Duration::from_millis(200);

/// Bounds the searches of this process that get on. Each of them uses every core, so that more of them at once only take
/// the blocking threads that short operations wait for.
static SEARCHES: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new((*THREADS * 2).max(4))));

/// What one backend has of the threads that all share. A clone is the same share.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    operations: Arc<Semaphore>,
    searches: Arc<Semaphore>,
}

impl Share {
    pub(crate) fn new() -> Self {
        Self {
            operations: Arc::new(Semaphore::new(MAX_OPERATIONS)),
            searches: Arc::new(Semaphore::new(MAX_SEARCHES)),
        }
    }
}

/// A search that is at work.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) cancel: Cancel,
    pub(crate) progress: Arc<Progress>,
    pub(crate) threads: usize,
}

/// Returns whether this thread belongs to a runtime, so that there are blocking threads to hop to.
pub(crate) fn has_runtime() -> bool {
    Handle::try_current().is_ok()
}

/// Runs an operation on a blocking thread. It runs to its end even if nobody waits for it any more.
pub(crate) async fn hop<T, W>(share: &Share, work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T> + Send + 'static,
{
    let runtime = runtime()?;
    let permit = acquire(&share.operations).await.map_err(closed)?;
    run(runtime, move || {
        // It goes back when the thread is free again, which may be after the caller has left.
        let _permit = permit;
        work()
    })
    .await
}

/// Runs a search on a blocking thread, and stops it soon when this future is dropped.
///
/// If its time is over and it does not end, because the disk does not answer, the outcome is what `partial` takes from it,
/// and its thread is left behind.
pub(crate) async fn search<T, P, W>(
    share: &Share,
    timeout: Option<Duration>,
    partial: P,
    work: W,
) -> Result<T>
where
    T: Send + 'static,
    P: FnOnce() -> T + Send,
    W: FnOnce(&Task) -> Result<T> + Send + 'static,
{
    let runtime = runtime()?;
    let time = timeout.map(|timeout| timeout.saturating_add(GRACE));
    let mut alarm = time.and_then(Alarm::after);
    let permits = async {
        let own = acquire(&share.searches).await?;
        Ok((own, acquire(&SEARCHES).await?))
    };
    let Some(permits) = before(&mut alarm, permits).await else {
        return Ok(partial());
    };
    let (own, permit) = permits.map_err(closed)?;
    let stop = CancelOnDrop(Cancel::new());
    let task = Task {
        cancel: stop.0.clone(),
        progress: Progress::watch(permit),
        threads: *THREADS,
    };
    let running = run(runtime, move || {
        let _own = own;
        work(&task)
    });
    match before(&mut alarm, running).await {
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
    Error::unavailable("file operations are closed", error)
}

async fn run<T: Send + 'static>(
    runtime: Handle,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match runtime.spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_cancelled() => {
            Err(Error::unavailable("the runtime shuts down", error))
        }
        Err(error) => Err(Error::internal(None, "the operation panicked", error)),
    }
}

/// Waits for a future, and no longer than until the alarm rings.
async fn before<F: Future + Send>(alarm: &mut Option<Alarm>, work: F) -> Option<F::Output> {
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
