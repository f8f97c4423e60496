//! Work that one task does and many may wait for.

use std::sync::Arc;

use backend_core::{Error, Result};

use crate::latch::Latch;

/// Work that one task does and many may wait for.
#[derive(Clone, Debug)]
pub(crate) struct SingleFlight(Arc<Latch<Completed>>);

/// The task's side of a flight. If the task is lost, the waiters get an error.
#[derive(Debug)]
pub(crate) struct Completion(Arc<Latch<Completed>>);

#[derive(Debug)]
enum Completed {
    Done(Result<()>),
    /// The task was dropped with its runtime, or panicked. The phase stays as it is, because no other task ends it.
    Lost,
}

impl SingleFlight {
    pub(crate) fn begin() -> (Completion, Self) {
        let latch = Arc::default();
        (Completion(Arc::clone(&latch)), Self(latch))
    }

    /// Waits for the outcome.
    pub(crate) async fn outcome(self) -> Result<()> {
        match self.0.wait().await {
            Completed::Done(outcome) => outcome.clone(),
            Completed::Lost => Err(lost()),
        }
    }

    /// Waits until it is over, whatever the outcome. Only a lost task is an error: waiting for it again would never end.
    pub(crate) async fn over(self) -> Result<()> {
        match self.0.wait().await {
            Completed::Done(_) => Ok(()),
            Completed::Lost => Err(lost()),
        }
    }
}

impl Completion {
    /// Sets the outcome. Only the first one counts.
    pub(crate) fn complete(&self, outcome: Result<()>) {
        self.0.set(Completed::Done(outcome));
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        // Only the first one counts.
        self.0.set(Completed::Lost);
    }
}

fn lost() -> Error {
    Error::unavailable("the session manager ended while the session was started or stopped")
}
