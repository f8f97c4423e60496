//! The handle of a session, which is a sandbox itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{ErrorKind, Result, SandboxId, SandboxProvider};

use crate::SessionInfo;
use crate::entry::{Body, Entry, Phase};
use crate::inner::Inner;

mod commands;
mod files;

/// A session. It is a [`Sandbox`](backend_core::Sandbox): what is asked of it is asked of the sandbox that the session has.
///
/// - Every operation is a use of the session, from its start to its end: while one is in flight, the session is not idle.
/// - If the session sleeps, the next operation wakes it up first. Its files are as they were; processes that were spawned are
///   gone.
/// - If its sandbox dies, what is in flight fails. Where the files outlive it, the next operation gets a new sandbox;
///   otherwise everything answers `unavailable`.
/// - After a release everything answers `unavailable`, whoever has the id by then.
///
/// A clone is the same session. Dropping it does nothing.
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

    /// Returns the id of the sandbox that the session has now; `None` if none runs.
    pub fn sandbox_id(&self) -> Option<SandboxId> {
        self.entry.lock().body().map(|body| body.id.clone())
    }

    /// Returns what is known of the session; `None` after it was released.
    pub fn info(&self) -> Option<SessionInfo> {
        self.inner.info(&self.entry)
    }

    /// Counts as a use, and returns whether the session is open. A session that sleeps is not woken up.
    pub fn touch(&self) -> bool {
        let now = self.inner.now();
        let mut slot = self.entry.lock();
        let open = !matches!(slot.phase, Phase::Closed);
        if open {
            slot.used = now;
        }
        open
    }

    async fn enter(&self) -> Result<Pass<P>> {
        self.inner.enter(&self.entry).await
    }

    /// Looks after the sandbox if an operation found it to be gone, and returns what the operation returned.
    async fn checked<T>(&self, pass: Pass<P>, outcome: Result<T>) -> Result<T> {
        match &outcome {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                self.inner.suspect(&self.entry, &pass.body).await;
            }
            // Whatever else it answers, it answers.
            _ => pass.body.saw(self.inner.now()),
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
    pub(crate) body: Arc<Body<P::Sandbox>>,
}

impl<P: SandboxProvider> Pass<P> {
    /// Takes over a count that was added with the entry's lock held.
    pub(crate) fn new(
        inner: &Arc<Inner<P>>,
        entry: &Arc<Entry<P::Sandbox>>,
        body: Arc<Body<P::Sandbox>>,
    ) -> Self {
        Self {
            inner: Arc::clone(inner),
            entry: Arc::clone(entry),
            body,
        }
    }
}

impl<P: SandboxProvider> Drop for Pass<P> {
    fn drop(&mut self) {
        let now = self.inner.now();
        let mut slot = self.entry.lock();
        slot.used = slot.used.max(now);
        self.body.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
