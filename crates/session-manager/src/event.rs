//! What happens to sessions, for whoever watches.

use std::time::Duration;

use backend_core::{Error, SandboxId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The session, unless it is about a sandbox of none.
    pub session: Option<SandboxId>,
    /// Whom the session belongs to.
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
        /// Whether the sandbox was there already, in the warm pool.
        warm: bool,
        /// How long it took.
        took: Duration,
    },
    /// A session that had no sandbox has one again.
    Woken {
        /// Whether the sandbox was there already, in the warm pool, or had been laid to rest.
        warm: bool,
        /// How long it took.
        took: Duration,
    },
    /// A sandbox that an earlier run of the application left was taken over.
    Adopted,
    /// The sandbox of a session was stopped or laid to rest. Its files are kept, and its handles work on.
    Hibernated(Cause),
    /// A session was closed; its handles are of no use any more.
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
        /// Whether its files outlive it, so that the session goes on with a new sandbox.
        files_kept: bool,
    },
    /// A sandbox could not be started.
    StartFailed(Error),
    /// A sandbox could not be stopped. It is tried again.
    StopFailed {
        /// How often it was tried.
        attempt: u32,
        /// Why.
        error: Error,
    },
    /// Nothing can be learned from a live sandbox. It is kept as it is. It is told once for each outage.
    Unresponsive {
        /// Why.
        reason: String,
    },
    /// The workspace root is a copy of another one. The sandboxes that its records named are the original's, and were left alone.
    RootCopied,
    /// The record of a session was copied from another directory, or names a sandbox of another session. It gets a sandbox of its own.
    RecordCopied,
    /// Two sessions name one sandbox, and nothing says whose it is. Neither uses it.
    SandboxDisputed,
    /// The calendar went on by more than is likely while no manager ran. Nothing is closed or purged for its age for a day.
    ClockDistrusted {
        /// By how much.
        ahead: Duration,
    },
    /// A sandbox of nobody, left by an earlier run or by a start that failed, was destroyed.
    OrphanDestroyed,
    /// A sandbox for the warm pool could not be made.
    WarmFailed(Error),
    /// What is stored about a session cannot be read. Its files are left as they are.
    RecordUnreadable(Error),
    /// What is stored about a session could not be written.
    RecordFailed(Error),
    /// Files of a session that was purged could not all be removed. It is tried again.
    RemovalFailed(Error),
    /// The watcher was too slow, and this many events are lost to it.
    Missed(u64),
}

/// Why a session was hibernated, released or purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Somebody asked for it.
    Asked,
    /// It was unused for too long.
    Idle,
    /// Its room was needed for another one.
    Evicted,
    /// Its sandbox died.
    Died,
    /// Its sandbox was stopped by somebody else, or by a restart of the engine, and rests now.
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

/// Events from the moment on at which it was made by [`subscribe`](crate::SessionManager::subscribe).
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
    /// No event is lost by dropping the future.
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

    /// Returns the next event that has happened already, if there is one.
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

    /// A scoped watcher sees the sessions of its tenant alone.
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
