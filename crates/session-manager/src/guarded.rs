//! Calls to the provider, which may hang or panic without affecting the manager.

use std::future::Future;
use std::time::Duration;

use backend_core::{Error, Result};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::sleep;

use crate::errors::closing;

/// Aborts a task when its waiter is dropped.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a future within a time limit, unless `stop` ends first. When it returns, the future is done or dropped, whatever the
/// outcome.
///
/// # Errors
///
/// Those of the future; `timed_out`; `unavailable` if it was stopped; `internal` if it panics.
pub(crate) async fn guarded<T: Send + 'static>(
    what: &'static str,
    limit: Duration,
    stop: impl Future<Output = ()> + Send,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut task = Task(tokio::spawn(future));
    let given_up = tokio::select! {
        biased;
        outcome = &mut task.0 => return flat(what, outcome),
        () = stop => closing(),
        () = sleep(limit) => Error::TimedOut { what: what.to_owned(), after: limit },
    };
    task.0.abort();
    match (&mut task.0).await {
        Err(error) if error.is_cancelled() => Err(given_up),
        // It finished just now.
        outcome => flat(what, outcome),
    }
}

fn flat<T>(what: &str, outcome: Result<Result<T>, JoinError>) -> Result<T> {
    outcome.unwrap_or_else(|error| Err(Error::internal_from(None, format!("{what} failed"), error)))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use backend_core::ErrorKind;

    use super::guarded;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_hanging_call_times_out() {
        let hangs = guarded::<()>("it", LIMIT, pending(), pending()).await;
        assert_eq!(hangs.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_call_is_an_error() {
        let panics = guarded::<()>("it", LIMIT, pending(), async { panic!("oh") }).await;
        assert_eq!(panics.unwrap_err().kind(), ErrorKind::Internal);
        let returns = guarded("it", LIMIT, pending(), async { Ok(7) }).await;
        assert_eq!(returns.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_call_is_unavailable() {
        let stopped = guarded::<()>("it", LIMIT, async {}, pending()).await;
        assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
