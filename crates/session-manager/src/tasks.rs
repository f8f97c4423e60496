//! The background tasks of a manager, which a shutdown waits for.

use std::future::Future;
use std::sync::Mutex;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::lock::lock;

/// The tasks that run.
#[derive(Debug)]
pub(crate) struct Tasks {
    tasks: Mutex<JoinSet<()>>,
    running: watch::Sender<usize>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            tasks: Mutex::default(),
            running: watch::Sender::new(0),
        }
    }
}

impl Tasks {
    /// Spawns a background task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(&self.running);
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task.await;
            drop(counted);
        });
    }

    /// Waits until no task runs, including tasks started meanwhile.
    pub(crate) async fn settled(&self) {
        // The sender exists as long as this.
        let _ = self.running.subscribe().wait_for(|&count| count == 0).await;
    }

    /// Stops all tasks abruptly, as the end of the process would.
    #[cfg(test)]
    pub(crate) fn abort(&self) {
        lock(&self.tasks).abort_all();
    }
}

/// Counts a task until dropped.
struct Counted(watch::Sender<usize>);

impl Counted {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
