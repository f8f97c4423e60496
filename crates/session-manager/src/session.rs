//! The handle of a session, which is itself a sandbox.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{ErrorKind, Result, SandboxId, SandboxProvider};

use crate::SessionInfo;
use crate::entry::Entry;
use crate::inner::Inner;
use crate::phase::Phase;
use crate::running::Running;

mod commands;
mod files;

/// A session. It is a [`Sandbox`](backend_core::Sandbox) that forwards every operation to the session's sandbox.
///
/// - Every operation counts as use of the session from its start to its end: while one is in flight, the session is not idle.
/// - If the session is hibernated, the next operation resumes it first. Its files are as they were; spawned processes are gone.
/// - If its sandbox dies, operations in flight fail. Where the files outlive it, the next operation gets a new sandbox; otherwise
///   everything answers `unavailable`.
/// - After a release everything answers `unavailable`, even if the id is in use again.
///
/// A clone is the same session. Dropping it has no effect.
pub struct Session<P: SandboxProvider> {
    inner: Arc<Inner<P>>,
    entry: Arc<Entry<P::Sandbox>>,
}

impl<P: SandboxProvider> Session<P> {
    pub(crate) fn new(inner: &Arc<Inner<P>>, entry: &Arc<Entry<P::Sandbox>>) -> Self {
        Self {
            inner: Arc::clone(inner),
            entry: Arc::clone(entry),
        }
    }

    /// Returns the id of the session.
    pub fn session_id(&self) -> &SandboxId {
        &self.entry.id
    }

    /// Returns the id of the session's current sandbox; `None` if none runs.
    pub fn sandbox_id(&self) -> Option<SandboxId> {
        self.entry
            .lock()
            .running()
            .map(|running| running.id.clone())
    }

    /// Returns the description of the session; `None` after it was released.
    pub fn info(&self) -> Option<SessionInfo> {
        self.inner.info(&self.entry)
    }

    /// Counts as a use, and returns whether the session is open. It does not resume a hibernated session.
    pub fn touch(&self) -> bool {
        let now = self.inner.now();
        let mut state = self.entry.lock();
        let open = !matches!(state.phase(), Phase::Closed);
        if open {
            state.used = now;
        }
        open
    }

    async fn begin_op(&self) -> Result<Pass<P>> {
        self.inner.begin_op(&self.entry).await
    }

    /// Checks the sandbox if an operation found it unavailable, and returns the outcome of the operation.
    async fn checked<T>(&self, pass: Pass<P>, outcome: Result<T>) -> Result<T> {
        match &outcome {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                self.inner
                    .prober
                    .check_after_error(&self.entry, &pass.running)
                    .await;
            }
            // Any other answer shows that it is alive.
            _ => pass.running.saw(self.inner.now()),
        }
        outcome
    }
}

impl<P: SandboxProvider> Clone for Session<P> {
    fn clone(&self) -> Self {
        Self::new(&self.inner, &self.entry)
    }
}

impl<P: SandboxProvider> fmt::Debug for Session<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.entry.id)
            .finish_non_exhaustive()
    }
}

/// An operation in flight. The session is busy until it is dropped.
pub(crate) struct Pass<P: SandboxProvider> {
    inner: Arc<Inner<P>>,
    entry: Arc<Entry<P::Sandbox>>,
    pub(crate) running: Arc<Running<P::Sandbox>>,
}

impl<P: SandboxProvider> Pass<P> {
    /// Takes over a count that was incremented with the entry's lock held.
    pub(crate) fn new(
        inner: &Arc<Inner<P>>,
        entry: &Arc<Entry<P::Sandbox>>,
        running: Arc<Running<P::Sandbox>>,
    ) -> Self {
        Self {
            inner: Arc::clone(inner),
            entry: Arc::clone(entry),
            running,
        }
    }
}

impl<P: SandboxProvider> Drop for Pass<P> {
    fn drop(&mut self) {
        let now = self.inner.now();
        let mut state = self.entry.lock();
        state.used = state.used.max(now);
        self.running.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
