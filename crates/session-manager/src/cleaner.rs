//! When the cleanup runs: the task that does a pass at every interval, and when stored sessions were last swept.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::lock::lock;

/// The shortest time between two passes.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// The schedule of the cleanup.
#[derive(Debug, Default)]
pub(crate) struct Cleaner {
    task: Mutex<Option<JoinHandle<()>>>,
    /// When the age of stored sessions was last checked.
    swept: Mutex<Option<Duration>>,
}

impl Cleaner {
    /// Does a pass at every interval, as long as `pass` returns one, unless that is already being done. `is_closing` is asked
    /// with the lock held that [`stop`](Self::stop) takes.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
        &self,
        every: Duration,
        is_closing: impl FnOnce() -> bool,
        pass: impl Fn() -> Option<F> + Send + 'static,
    ) {
        // Back-to-back passes would leave no time for anything else.
        let every = every.max(MIN_INTERVAL);
        let Some(first) = Instant::now().checked_add(every) else {
            return;
        };
        let mut running = lock(&self.task);
        if is_closing() || running.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        *running = Some(tokio::spawn(async move {
            let mut ticks = interval_at(first, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(pass) = pass() else { return };
                // In its own task, so that a panic does not end the loop. Failures have been reported as events.
                let _ = tokio::spawn(pass).await;
            }
        }));
    }

    /// Ends the task. A pass that it has begun is still completed.
    pub(crate) fn stop(&self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }

    /// Returns whether the last sweep was at least this long ago, and if so, counts the current one.
    pub(crate) fn begin_sweep(&self, now: Duration, interval: Duration) -> bool {
        let mut last = lock(&self.swept);
        if last.is_some_and(|last| now.saturating_sub(last) < interval) {
            return false;
        }
        *last = Some(now);
        true
    }
}
