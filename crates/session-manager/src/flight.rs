//! Something that one task does, and many may wait for.

use std::sync::Arc;

use backend_core::{Error, Result};

use crate::latch::Latch;

/// Something that one task does, and many may wait for.
#[derive(Clone, Debug)]
pub(crate) struct Flight(Arc<Latch<Landed>>);

/// The end of a flight that the task has. If the task is lost, those who wait are told.
#[derive(Debug)]
pub(crate) struct Landing(Arc<Latch<Landed>>);

#[derive(Debug)]
enum Landed {
    Done(Result<()>),
    /// The task went with its runtime, or panicked. The phase stays as it is, for nobody else ends it.
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

    /// Waits until it is over, whatever came of it. Only that it was lost is an error: waiting for it again would never end.
    pub(crate) async fn over(self) -> Result<()> {
        match self.0.wait().await {
            Landed::Done(_) => Ok(()),
            Landed::Lost => Err(lost()),
        }
    }
}

impl Landing {
    /// Tells the outcome. Only the first one counts.
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
    Error::Unavailable {
        message: "the session manager ended while the session was started or stopped".to_owned(),
        source: None,
    }
}
