//! What can go wrong with a call to a provider.

use std::time::Duration;

use backend_core::{Error, Result};
use tokio::time::sleep;

/// A call that can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProviderCall {
    /// A sandbox is made.
    Create,
    /// A sandbox is found again.
    Attach,
    /// All sandboxes are listed. The id that goes with it means nothing.
    List,
    /// A sandbox is destroyed.
    Destroy,
    /// A sandbox is suspended.
    Suspend,
    /// A sandbox is resumed.
    Resume,
    /// A sandbox is asked for its liveness, which is unknown after an error.
    Liveness,
    /// The provider is asked what it knows of a sandbox, which is nothing after an error.
    Inspect,
}

/// What goes wrong with one call: how slow it is, and whether it fails, before or after it had its effect.
#[derive(Clone, Debug, Default)]
#[must_use = "a fault does nothing until a script returns it"]
pub struct Fault {
    before: Duration,
    after: Duration,
    error: Option<Error>,
    late: bool,
}

impl Fault {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// The call fails and has no effect.
    pub fn fail(error: Error) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    /// The call has its effect, but fails, as when the answer is lost.
    pub fn lose(error: Error) -> Self {
        Self {
            error: Some(error),
            late: true,
            ..Self::default()
        }
    }

    /// The call takes this long before it has its effect or fails.
    pub fn after(mut self, delay: Duration) -> Self {
        self.before = delay;
        self
    }

    /// The call continues for this long after it had its effect.
    pub fn lingering(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    pub(super) async fn before(&self) -> Result<()> {
        wait(self.before).await;
        match &self.error {
            Some(error) if !self.late => Err(error.clone()),
            _ => Ok(()),
        }
    }

    pub(super) async fn afterwards(&self) -> Result<()> {
        wait(self.after).await;
        match &self.error {
            Some(error) if self.late => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

/// Waits, without even a yield if the delay is zero.
async fn wait(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}
