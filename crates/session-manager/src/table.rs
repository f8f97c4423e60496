//! The table of sessions: those that are open, and ids that a caller asks about.
//!
//! Locks are taken in the order table, entry, everything else, and never held across an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use backend_core::SandboxId;

use crate::entry::{Entry, State};
use crate::lock::lock;

/// The entries by id.
pub(crate) type Entries<S> = BTreeMap<SandboxId, Arc<Entry<S>>>;

/// The table of sessions.
#[derive(Debug)]
pub(crate) struct Table<S: ?Sized> {
    /// Whether a session that is not in the table may be stored.
    stored: bool,
    entries: Mutex<Entries<S>>,
}

impl<S: ?Sized> Table<S> {
    pub(crate) fn new(stored: bool) -> Self {
        Self {
            stored,
            entries: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Entries<S>> {
        lock(&self.entries)
    }

    /// Returns all entries.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry<S>>> {
        self.lock().values().map(Arc::clone).collect()
    }

    /// Returns the entry of an id, if there is one.
    pub(crate) fn get(&self, id: &SandboxId) -> Option<Arc<Entry<S>>> {
        self.lock().get(id).map(Arc::clone)
    }

    /// Returns the entry of an id, creating it if needed. While the claim exists, all callers get the same entry.
    pub(crate) fn claim(self: &Arc<Self>, id: &SandboxId) -> Claim<S> {
        let mut entries = self.lock();
        let entry = entries
            .entry(id.clone())
            .or_insert_with(|| Arc::new(Entry::new(id.clone(), self.stored)));
        self.claim_locked(entry, &mut entry.lock())
    }

    /// Claims an entry that the caller has locked and claimed.
    pub(crate) fn claim_locked(
        self: &Arc<Self>,
        entry: &Arc<Entry<S>>,
        state: &mut State<S>,
    ) -> Claim<S> {
        state.claims += 1;
        Claim {
            entry: Arc::clone(entry),
            table: Arc::clone(self),
        }
    }
}

/// Removes an entry from the table if no caller holds it and it has no state to keep.
pub(crate) fn retire<S: ?Sized>(entries: &mut Entries<S>, entry: &Arc<Entry<S>>, state: &State<S>) {
    if state.is_needless() {
        forget(entries, entry);
    }
}

/// Removes a closed session from the table.
pub(crate) fn forget<S: ?Sized>(entries: &mut Entries<S>, entry: &Arc<Entry<S>>) {
    if entries
        .get(&entry.id)
        .is_some_and(|held| Arc::ptr_eq(held, entry))
    {
        entries.remove(&entry.id);
    }
}

/// A caller's interest in an id.
#[derive(Debug)]
pub(crate) struct Claim<S: ?Sized> {
    pub(crate) entry: Arc<Entry<S>>,
    table: Arc<Table<S>>,
}

impl<S: ?Sized> Drop for Claim<S> {
    fn drop(&mut self) {
        let mut entries = self.table.lock();
        let unused = {
            let mut state = self.entry.lock();
            state.claims -= 1;
            state.is_needless()
        };
        if unused {
            forget(&mut entries, &self.entry);
        }
    }
}
