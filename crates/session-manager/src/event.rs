//! Events about sessions, for subscribers.

use std::time::Duration;

use backend_core::{Error, SandboxId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// An event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The session, unless the event is about a sandbox without one.
    pub session: Option<SandboxId>,
    /// The tenant of the session.
    pub tenant: Option<String>,
    /// The sandbox, where there is one.
    pub sandbox: Option<SandboxId>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A new session has its first sandbox.
    Created {
        /// Whether the sandbox came from the warm pool.
        warm: bool,
        /// How long it took.
        took: Duration,
    },
    /// A session without a running sandbox has one again.
    Woken {
        /// Whether the sandbox existed already: from the warm pool, or suspended.
        warm: bool,
        /// How long it took.
        took: Duration,
    },
    /// A sandbox left by an earlier run of the application was taken over.
    Adopted,
    /// The sandbox of a session was stopped or suspended. Its files are kept, and its handles stay valid.
    Hibernated(Cause),
    /// A session was closed; its handles no longer work.
    Released {
        /// Why.
        cause: Cause,
        /// Whether its files are kept.
        files_kept: bool,
    },
    /// A session was closed and its files are gone.
    Purged(Cause),
    /// The sandbox of a session died.
    Died {
        /// Whether its files outlive it, so that the session continues with a new sandbox.
        files_kept: bool,
    },
    /// A sandbox could not be started.
    StartFailed(Error),
    /// A sandbox could not be stopped. The stop is retried.
    StopFailed {
        /// The number of attempts so far.
        attempt: u32,
        /// Why.
        error: Error,
    },
    /// The state of a live session's sandbox cannot be determined. It is kept as it is. Sent once per outage.
    Unresponsive {
        /// Why.
        reason: String,
    },
    /// The workspace root is a copy of another one. The sandboxes named in its records belong to the original, and were left
    /// alone.
    RootCopied,
    /// The record of a session was copied from another directory, or names a sandbox of another session. It gets its own sandbox.
    RecordCopied,
    /// Two sessions name one sandbox, and its owner cannot be determined. Neither uses it.
    SandboxDisputed,
    /// The wall clock advanced implausibly far while no manager ran. Nothing is closed or purged for its age until a manager has
    /// run for a day; one that is started before then distrusts the clock again.
    ClockDistrusted {
        /// By how much.
        ahead: Duration,
    },
    /// An orphaned sandbox, left by an earlier run or by a failed start, was destroyed.
    OrphanDestroyed,
    /// A sandbox for the warm pool could not be created.
    WarmFailed(Error),
    /// The record of a session cannot be read, or, without a session, the workspace root cannot be listed. The files are left as
    /// they are.
    RecordUnreadable(Error),
    /// The record of a session could not be written.
    RecordFailed(Error),
    /// Some files of a purged session could not be removed. The removal is retried.
    RemovalFailed(Error),
    /// The subscriber was too slow and missed this many events.
    Missed(u64),
}

/// Why a session was hibernated, released or purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It was requested.
    Asked,
    /// It was unused for too long.
    Idle,
    /// Its slot was needed for another session.
    Evicted,
    /// Its sandbox died.
    Died,
    /// Its sandbox was stopped from outside, or by a restart of the engine, and can be resumed.
    Stopped,
    /// The manager was shut down.
    Shutdown,
    /// The manager recovered from a crash, and could not take its sandbox over.
    Recovery,
}

impl Event {
    pub(crate) fn of(session: &SandboxId, tenant: Option<&str>, kind: EventKind) -> Self {
        Self {
            session: Some(session.clone()),
            tenant: tenant.map(str::to_owned),
            sandbox: None,
            kind,
        }
    }

    pub(crate) fn about(sandbox: &SandboxId, kind: EventKind) -> Self {
        Self {
            session: None,
            tenant: None,
            sandbox: Some(sandbox.clone()),
            kind,
        }
    }

    pub(crate) fn sandbox(mut self, sandbox: Option<&SandboxId>) -> Self {
        self.sandbox = sandbox.cloned();
        self
    }
}

/// The events since the call to [`subscribe`](crate::SessionManager::subscribe).
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
    scope: Option<String>,
}

impl Events {
    pub(crate) fn new(receiver: broadcast::Receiver<Event>, scope: Option<String>) -> Self {
        Self { receiver, scope }
    }

    /// Waits for the next event; `None` once the manager is gone.
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not lose an event.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.recv().await {
                Ok(event) if self.shows(&event) => return Some(event),
                Ok(_) => {}
                Err(RecvError::Lagged(count)) => return Some(missed(count)),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Returns the next event that is already available, if any.
    pub fn try_next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.try_recv() {
                Ok(event) if self.shows(&event) => return Some(event),
                Ok(_) => {}
                Err(broadcast::error::TryRecvError::Lagged(count)) => return Some(missed(count)),
                Err(_) => return None,
            }
        }
    }

    /// A scoped subscriber sees only the sessions of its tenant.
    fn shows(&self, event: &Event) -> bool {
        self.scope.is_none() || (event.session.is_some() && self.scope == event.tenant)
    }
}

fn missed(count: u64) -> Event {
    Event {
        session: None,
        tenant: None,
        sandbox: None,
        kind: EventKind::Missed(count),
    }
}
