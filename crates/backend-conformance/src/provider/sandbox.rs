//! The sandbox that a [`FakeProvider`] makes: whether it runs, and what it is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use backend_core::{Backend, Error, ProcessInfo, Result, SandboxId};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{FakeProvider, Fault, ProviderCall, gone};

/// A backend with simulated commands.
///
/// It knows `true`, `false`, `echo TEXT`, `printenv NAME`, `exit CODE` and `sleep SECONDS`, as a line of shell or as an
/// argv, and nothing more: no quotes, pipes or lists. Everything else ends with code 127. `sleep` waits on tokio's clock,
/// so it ends at once where that is paused. A process that is spawned runs as long as its command would take.
pub struct FakeSandbox<B> {
    pub(super) provider: FakeProvider<B>,
    pub(super) id: SandboxId,
    pub(super) files: Arc<B>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) processes: Mutex<Vec<Pretended>>,
    /// The same after it was resumed, and another one for a new sandbox of its id.
    identity: Arc<()>,
    alive: watch::Sender<bool>,
    commands: Arc<()>,
}

/// A process, and when it ends on its own.
#[derive(Debug)]
pub(super) struct Pretended {
    pub(super) info: ProcessInfo,
    pub(super) ends: Option<Instant>,
}

impl<B> FakeSandbox<B> {
    pub(super) fn new(
        provider: FakeProvider<B>,
        id: SandboxId,
        files: Arc<B>,
        env: BTreeMap<String, String>,
    ) -> Self {
        Self {
            provider,
            id,
            files,
            env,
            processes: Mutex::default(),
            identity: Arc::default(),
            alive: watch::Sender::new(true),
            commands: Arc::default(),
        }
    }

    /// Makes a sandbox with the same files, as a suspended one is after it was resumed.
    pub(super) fn again(&self) -> Self {
        Self {
            provider: self.provider.clone(),
            id: self.id.clone(),
            files: Arc::clone(&self.files),
            env: self.env.clone(),
            processes: Mutex::default(),
            identity: Arc::clone(&self.identity),
            alive: watch::Sender::new(true),
            commands: Arc::default(),
        }
    }

    /// Returns whether both are the same sandbox, perhaps in different runs.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity)
    }

    /// Returns the backend that has the files, whether or not the sandbox runs.
    pub fn files(&self) -> &B {
        &self.files
    }

    pub(super) fn runs(&self) -> bool {
        *self.alive.borrow()
    }

    /// Ends it, and returns whether it ran.
    pub(super) fn end(&self) -> bool {
        self.alive.send_replace(false)
    }

    /// Counts a command until it is dropped.
    pub(super) fn command(&self) -> Arc<()> {
        Arc::clone(&self.commands)
    }

    pub(super) fn is_busy(&self) -> bool {
        Arc::strong_count(&self.commands) > 1
    }

    pub(super) fn check(&self) -> Result<()> {
        let state = self.provider.state();
        if state.away {
            Err(gone("the engine does not answer"))
        } else if !self.runs() {
            Err(gone("the sandbox is gone"))
        } else if state
            .sandboxes
            .get(&self.id)
            .is_some_and(super::Made::is_paused)
        {
            Err(gone("the sandbox is paused"))
        } else {
            Ok(())
        }
    }

    /// Fails if nothing more can be written.
    pub(super) fn check_room(&self) -> Result<()> {
        self.check()?;
        if self.provider.state().full {
            return Err(Error::QuotaExceeded {
                what: "bytes on the disk".to_owned(),
                limit: 0,
            });
        }
        Ok(())
    }
}

impl<B: Backend> FakeSandbox<B> {
    pub(super) fn fault(&self) -> Fault {
        self.provider.fault(ProviderCall::Liveness, &self.id)
    }

    /// Waits until the sandbox is gone.
    pub(super) async fn ended(&self) {
        // `self` owns the sender.
        let _ = self.alive.subscribe().wait_for(|alive| !alive).await;
    }

    /// Waits until the connection to the engine breaks.
    pub(super) async fn cut(&self) {
        self.provider.engine.breaks.notified().await;
    }
}

impl<B> fmt::Debug for FakeSandbox<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSandbox")
            .field("id", &self.id)
            .field("alive", &self.runs())
            .finish_non_exhaustive()
    }
}
