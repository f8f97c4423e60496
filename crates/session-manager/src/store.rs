//! The stored sessions of a manager. Everything here blocks.
//!
//! `contract` says what a store of sessions does, and `directory` is one: the workspace root. A manager uses its store through
//! [`Store`], which has the lease.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use backend_core::{Result, SandboxId, Workspace};

mod contract;
mod directory;
#[cfg(not(unix))]
mod elsewhere;
mod identity;
mod lock;
#[cfg(test)]
mod managed;
#[cfg(test)]
mod memory;
mod record;
#[cfg(unix)]
mod remove;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;
mod turns;
#[cfg(unix)]
mod unix;
mod view;
mod write;

#[cfg(not(unix))]
use elsewhere as platform;
#[cfg(unix)]
use unix as platform;

use contract::Lease;
pub(crate) use contract::SessionStore;
use directory::DirectoryStore;
pub(crate) use record::Record;
pub(crate) use view::View;
pub(crate) use write::Flush;

const RECORD: &str = "session.json";
const WORKSPACE: &str = "workspace";
const STAGING: &str = ".staging";
const TRASH: &str = ".trash";
const LOCK: &str = ".lock";
const TOKEN: &str = ".token";
const NAME: &str = ".name";
const IDENTITY: &str = ".identity";
const SEEN: &str = ".seen";

/// A store of sessions, with the lease to change it.
///
/// The lease makes this manager the only writer, and each session's records are written in turn. So nothing is expected of a
/// revision: what else has changed was changed by hand, and is replaced.
#[derive(Debug)]
pub(crate) struct Store {
    stored: Arc<dyn SessionStore>,
    lease: Lease,
    /// Whether records can be written, for tests.
    #[cfg(test)]
    pub(crate) full: std::sync::atomic::AtomicBool,
}

impl Store {
    /// Takes the lease of a store. `owner` is the mark on the manager's sandboxes, if the store has none.
    pub(crate) fn open(stored: Arc<dyn SessionStore>, owner: &str) -> Result<Self> {
        let lease = stored.lease(owner)?;
        Ok(Self {
            stored,
            lease,
            #[cfg(test)]
            full: false.into(),
        })
    }

    /// Opens a workspace root, and creates it if it does not exist.
    pub(crate) fn directory(root: &Path, flush: Flush, owner: &str) -> Result<Self> {
        Self::open(Arc::new(DirectoryStore::open(root, flush)?), owner)
    }

    /// Releases the store for another manager. From now on every change is refused.
    pub(crate) fn unlock(&self) {
        self.stored.release(&self.lease);
    }

    /// Returns the mark on the sandboxes of the store's manager.
    pub(crate) fn manager(&self) -> &str {
        &self.lease.manager
    }

    /// Returns whether the store is a copy of another one. If so, the sandboxes in its records belong to the original.
    pub(crate) fn is_copied(&self) -> bool {
        self.lease.copied
    }

    /// Returns when a manager that trusted the clock last checked the age of sessions.
    pub(crate) fn seen(&self) -> Option<SystemTime> {
        self.stored.seen()
    }

    /// Records that a manager checks the age of sessions now.
    pub(crate) fn see(&self, now: SystemTime) -> Result<()> {
        self.stored.see(&self.lease, now)
    }

    /// Returns the name of the manager: the given one, or else the last one, or else a new one.
    pub(crate) fn name(&self, given: Option<String>, fresh: String) -> Result<String> {
        self.stored.name(&self.lease, given, fresh)
    }

    /// Creates a workspace for a sandbox that has no session yet.
    pub(crate) fn stage(&self, sandbox: &SandboxId) -> Result<Workspace> {
        self.stored.stage(&self.lease, sandbox)
    }

    /// Makes a new session, with this record and the workspace that was staged for the sandbox.
    pub(crate) fn commit(&self, sandbox: &SandboxId, record: &Record) -> Result<()> {
        self.has_room_for(record)?;
        self.stored.commit(&self.lease, sandbox, record).map(drop)
    }

    /// Removes a staged workspace, if it is there.
    pub(crate) fn unstage(&self, sandbox: &SandboxId) -> Result<()> {
        self.stored.unstage(&self.lease, sandbox)
    }

    /// Returns where the files of a stored session are.
    pub(crate) fn workspace(&self, id: &SandboxId) -> Result<Workspace> {
        self.stored.workspace(id)
    }

    /// Returns the record of a session, or `None` if it is not stored.
    pub(crate) fn load(&self, id: &SandboxId) -> Result<Option<Record>> {
        Ok(self.stored.load(id)?.map(|stored| stored.record))
    }

    /// Replaces the record of a session that is stored.
    pub(crate) fn save(&self, record: &Record) -> Result<()> {
        self.has_room_for(record)?;
        self.stored.save(&self.lease, record, None).map(drop)
    }

    /// Removes a session with its files. The session is gone at once; removing its files may take longer, and may fail.
    pub(crate) fn discard(&self, id: &SandboxId) -> Result<()> {
        self.stored.remove(&self.lease, id, None)
    }

    /// Returns the ids of all stored sessions, in order.
    pub(crate) fn ids(&self) -> Result<Vec<SandboxId>> {
        let mut ids: Vec<SandboxId> = Vec::new();
        loop {
            let page = self.stored.list(ids.last(), usize::MAX)?;
            ids.extend(page.ids);
            if !page.truncated {
                return Ok(ids);
            }
        }
    }

    /// Removes workspaces staged by earlier runs.
    pub(crate) fn clear_staging(&self) -> Result<()> {
        self.stored.clear_staging(&self.lease)
    }

    /// Removes files that could not be removed before.
    pub(crate) fn empty_trash(&self) -> Result<()> {
        self.stored.empty_trash(&self.lease)
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "only tests fill it"
    )]
    const fn has_room_for(&self, _: &Record) -> Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn has_room_for(&self, record: &Record) -> Result<()> {
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            let full = std::io::ErrorKind::StorageFull;
            return Err(directory::not_written(&record.id, full.into()));
        }
        Ok(())
    }
}
