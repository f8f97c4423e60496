//! From async to blocking and back: one hop an operation.
//!
//! What hops is whole: a search, an edit, a batch. Nothing in this crate hops once per file.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use backend_core::search::Cancel;
use backend_core::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// More threads than this make no search faster, on any machine that we know.
const MAX_THREADS: usize = 12;

/// How many threads one search uses. Looked up once: the answer is read from cgroup files, which takes a while.
static THREADS: LazyLock<usize> = LazyLock::new(|| {
    available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAX_THREADS)
});

/// Bounds the searches of this process. Each of them uses every core, so that more of them at once only take
/// the blocking threads that short operations wait for.
static SEARCHES: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new((*THREADS * 2).max(4))));

/// Returns whether this thread belongs to a runtime, so that there are blocking threads to hop to.
pub(crate) fn has_runtime() -> bool {
    Handle::try_current().is_ok()
}

/// Runs an operation on a blocking thread. It runs to its end even if nobody waits for it any more.
pub(crate) async fn hop<T, W>(work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T> + Send + 'static,
{
    let Ok(runtime) = Handle::try_current() else {
        return Err(Error::unsupported(
            "a file operation outside of a tokio runtime",
        ));
    };
    match runtime.spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_cancelled() => {
            Err(Error::unavailable("the runtime shuts down", error))
        }
        Err(error) => Err(Error::internal(None, "the operation panicked", error)),
    }
}

/// Runs a search on a blocking thread, and stops it soon when this future is dropped.
pub(crate) async fn search<T, W>(work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce(&Cancel, usize) -> Result<T> + Send + 'static,
{
    let permit = Arc::clone(&SEARCHES)
        .acquire_owned()
        .await
        .map_err(|error| Error::unavailable("searches are closed", error))?;
    let stop = CancelOnDrop(Cancel::new());
    let cancel = stop.0.clone();
    hop(move || {
        // The permit goes back when the thread is free again, which may be after the caller has left.
        let _permit = permit;
        work(&cancel, *THREADS)
    })
    .await
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
