//! One change at a time for each session, so that comparing a revision and writing the record are one step.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

use backend_core::SandboxId;

#[derive(Debug, Default)]
pub(super) struct Turns {
    busy: Mutex<BTreeSet<SandboxId>>,
    freed: Condvar,
}

/// The turn of one session, until it is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    id: &'a SandboxId,
}

impl Turns {
    /// Waits until no other change of the session is in progress.
    pub(super) fn take<'a>(&'a self, id: &'a SandboxId) -> Turn<'a> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while !busy.insert(id.clone()) {
            busy = self
                .freed
                .wait(busy)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Turn { turns: self, id }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let turns = self.turns;
        let mut busy = turns.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(self.id);
        drop(busy);
        turns.freed.notify_all();
    }
}
