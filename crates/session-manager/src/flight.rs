//! Work that one task does and many may wait for.

use std::sync::Arc;

use backend_core::{Error, Result};

use crate::latch::Latch;

/// Work that one task does and many may wait for.
#[derive(Clone, Debug)]
pub(crate) struct Flight(Arc<Latch<Landed>>);

/// The task's side of a flight. If the task is lost, the waiters get an error.
#[derive(Debug)]
pub(crate) struct Landing(Arc<Latch<Landed>>);

#[derive(Debug)]
enum Landed {
    Done(Result<()>),
    /// The task was dropped with its runtime, or panicked. The phase stays as it is, because no other task ends it.
    Lost,
}

impl Flight {
    pub(crate) fn begin() -> (Landing, Self) {
        let latch = Arc::default();
        (Landing(Arc::clone(&latch)), Self(latch))
    }

    /// Waits for the outcome.
    pub(crate) async fn outcome(self) -> Result<()> {
        match self.0.wait().await {
            Landed::Done(outcome) => outcome.clone(),
            Landed::Lost => Err(lost()),
        }
    }

    /// Waits until it is over, whatever the outcome. Only a lost task is an error: waiting for it again would never end.
    pub(crate) async fn over(self) -> Result<()> {
        match self.0.wait().await {
            Landed::Done(_) => Ok(()),
            Landed::Lost => Err(lost()),
        }
    }
}

impl Landing {
    /// Sets the outcome. Only the first one counts.
    pub(crate) fn land(&self, outcome: Result<()>) {
        self.0.set(Landed::Done(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // Only the first one counts.
        self.0.set(Landed::Lost);
    }
}

fn lost() -> Error {
    Error::unavailable("the session manager ended while the session was started or stopped")
}
