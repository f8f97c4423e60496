//! The records of sessions on disk, and what is known beyond them: uses that could not be written, and sandboxes named twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend_core::{Error, Result, SandboxId};

use crate::entry::Entry;
use crate::event::EventKind;
use crate::lock::lock;
use crate::reporter::Reporter;
use crate::store::{Record, Store};

/// The store of a manager, if it has a workspace root.
#[derive(Debug)]
pub(crate) struct Records {
    store: Option<Arc<Store>>,
    /// Whether the disk is used on the caller's thread.
    inline: bool,
    reporter: Arc<Reporter>,
    /// The sessions whose record could not be written, and when each was last used: the time in the record is too old.
    unwritten: Mutex<BTreeMap<SandboxId, Duration>>,
    /// Sandboxes that more than one record names, with the sessions of those. Only its label can show the owner of one.
    disputed: Mutex<BTreeMap<SandboxId, BTreeSet<SandboxId>>>,
}

impl Records {
    pub(crate) fn new(store: Option<Store>, inline: bool, reporter: Arc<Reporter>) -> Self {
        Self {
            store: store.map(Arc::new),
            inline,
            reporter,
            unwritten: Mutex::default(),
            disputed: Mutex::default(),
        }
    }

    /// Returns whether a session's files outlive its sandbox.
    pub(crate) fn keeps_files(&self) -> bool {
        self.store.is_some()
    }

    #[cfg(test)]
    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.as_deref()
    }

    /// Uses the store on a thread that may block.
    pub(crate) async fn disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(store) = &self.store else {
            return Err(Error::unsupported(
                "stored sessions, without a workspace root",
            ));
        };
        if self.inline {
            return work(store);
        }
        let store = Arc::clone(store);
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.unwrap_or_else(|error| {
            Err(Error::internal_from(
                None,
                "the store could not be used",
                error,
            ))
        })
    }

    /// Releases the root for another manager.
    pub(crate) fn unlock(&self) {
        if let Some(store) = &self.store {
            store.unlock();
        }
    }

    /// Replaces the record of a session. A failure is reported, and is not a reason to stop.
    pub(crate) async fn save<S: ?Sized + Send + Sync>(&self, entry: &Entry<S>, record: Record) {
        let _writing = entry.writing.lock().await;
        self.save_held(entry, record).await;
    }

    /// Replaces the record of a session while no other task can write it.
    pub(crate) async fn save_held<S: ?Sized + Send + Sync>(
        &self,
        entry: &Entry<S>,
        record: Record,
    ) {
        match self.disk(move |store| store.save(&record)).await {
            Ok(()) => self.set_written(&entry.id),
            Err(error) => {
                let used = entry.lock().used;
                lock(&self.unwritten).insert(entry.id.clone(), used);
                self.reporter.session(entry, EventKind::RecordFailed(error));
            }
        }
    }

    /// Removes a session with its files. A failure is reported.
    pub(crate) async fn discard<S: ?Sized + Send + Sync>(&self, entry: &Entry<S>) -> Result<()> {
        let _writing = entry.writing.lock().await;
        let id = entry.id.clone();
        let removed = self.disk(move |store| store.discard(&id)).await;
        match &removed {
            Ok(()) => self.set_written(&entry.id),
            Err(error) => self
                .reporter
                .session(entry, EventKind::RemovalFailed(error.clone())),
        }
        removed
    }

    /// Returns when a session was last used, if its record does not say so because it could not be written.
    pub(crate) fn unwritten_use(&self, session: &SandboxId) -> Option<Duration> {
        lock(&self.unwritten).get(session).copied()
    }

    fn set_written(&self, session: &SandboxId) {
        lock(&self.unwritten).remove(session);
    }

    /// Records that several sessions name a sandbox.
    pub(crate) fn dispute(&self, sandbox: &SandboxId, sessions: BTreeSet<SandboxId>) {
        lock(&self.disputed).insert(sandbox.clone(), sessions);
    }

    /// Returns whether more than one record names a sandbox.
    pub(crate) fn is_disputed(&self, sandbox: &SandboxId) -> bool {
        lock(&self.disputed).contains_key(sandbox)
    }

    /// Records that the record of a session no longer names a sandbox.
    pub(crate) fn give_up(&self, sandbox: &SandboxId, session: &SandboxId) {
        let mut disputed = lock(&self.disputed);
        if let Some(sessions) = disputed.get_mut(sandbox) {
            sessions.remove(session);
            if sessions.len() < 2 {
                disputed.remove(sandbox);
            }
        }
    }
}
