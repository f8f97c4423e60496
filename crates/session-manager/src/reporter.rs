//! Reports to subscribers and operators: events are sent, and counted where an operator needs numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use backend_core::SandboxId;
use tokio::sync::broadcast;

use crate::entry::Entry;
use crate::event::{Event, EventKind};

/// Sends events, and has the counts since the manager was built.
#[derive(Debug)]
pub(crate) struct Reporter {
    events: broadcast::Sender<Event>,
    pub(crate) counters: Counters,
}

/// Counts since the manager was built.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) starts: AtomicU64,
    pub(crate) warm_starts: AtomicU64,
    pub(crate) failed_starts: AtomicU64,
    pub(crate) failed_stops: AtomicU64,
    pub(crate) deaths: AtomicU64,
}

impl Reporter {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            events: broadcast::Sender::new(capacity),
            counters: Counters::default(),
        }
    }

    /// Returns the events from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Sends an event.
    pub(crate) fn send(&self, event: Event) {
        // Having no subscribers is not an error.
        let _ = self.events.send(event);
    }

    /// Reports something about a session.
    pub(crate) fn session<S: ?Sized>(&self, entry: &Entry<S>, kind: EventKind) {
        let event = {
            let state = entry.lock();
            let sandbox = state.running().map(|running| running.id.clone());
            Event::of(&entry.id, state.tenant(), kind).sandbox(sandbox.as_ref())
        };
        self.send(event);
    }

    /// Reports something about a sandbox without a session.
    pub(crate) fn sandbox(&self, sandbox: &SandboxId, kind: EventKind) {
        self.send(Event::about(sandbox, kind));
    }

    /// Reports something about the root rather than about one session.
    pub(crate) fn root(&self, kind: EventKind) {
        self.send(Event {
            session: None,
            tenant: None,
            sandbox: None,
            kind,
        });
    }

    /// Reports that the sandbox of a session died.
    pub(crate) fn death<S: ?Sized>(&self, entry: &Entry<S>, files_kept: bool) {
        self.counters.deaths.fetch_add(1, Ordering::Relaxed);
        self.session(entry, EventKind::Died { files_kept });
    }
}
