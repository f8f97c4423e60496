//! What a store of sessions does: records with revisions, workspaces, and one writer at a time.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use backend_core::{Error, Result, SandboxId, VirtualPath, Workspace};

use super::Record;

/// Stores the sessions of one manager: the record of each, and where its files are. Everything here may block.
///
/// - **One writer.** Whoever changes the store has its [lease](Self::lease). Each lease has a token that is larger than those
///   of all leases before it, over restarts and crashes too. Once another lease was granted, changes with the earlier one are
///   refused as `unavailable`, whether or not its holder has noticed. Reading needs no lease.
/// - **Revisions.** A record with other contents has another revision. A change that expects a revision is made only if the
///   record still has it, in one step; otherwise it is a `conflict` and nothing is changed. A change that expects none is
///   always made.
/// - **One step.** A session appears with its record and its files, and disappears with them. A crash, or a loss of power if the
///   store is durable, never leaves a part of a session or of a record.
/// - **Nothing is guessed.** A record that cannot be read is an `internal` error, and stays as it is until it is replaced or
///   removed.
pub(crate) trait SessionStore: fmt::Debug + Send + Sync {
    /// Makes the caller the writer, with this mark on its sandboxes unless the store has one already.
    ///
    /// How long a lease lasts is up to the store: that of a directory ends when it is [released](Self::release), or with the
    /// process.
    ///
    /// # Errors
    ///
    /// `unavailable` if another writer has it, or the store cannot be used.
    fn lease(&self, owner: &str) -> Result<Lease>;

    /// Lets another writer in. From now on, changes with this lease are refused.
    fn release(&self, lease: &Lease);

    /// Returns the record of a session, or `None` if it is not stored.
    fn load(&self, id: &SandboxId) -> Result<Option<Stored>>;

    /// Returns the ids of sessions in order, after this one: at most `limit`, and at least 1 unless there are none.
    fn list(&self, after: Option<&SandboxId>, limit: usize) -> Result<Ids>;

    /// Replaces the record of a session that is stored.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a record of more than 1 MiB; `conflict`; `unavailable`.
    fn save(&self, lease: &Lease, record: &Record, expected: Option<&Revision>)
    -> Result<Revision>;

    /// Removes a session with its files, if it is there. It is gone at once; removing its files may take longer, and may fail.
    fn remove(&self, lease: &Lease, id: &SandboxId, expected: Option<&Revision>) -> Result<()>;

    /// Creates a workspace for a sandbox that has no session yet.
    fn stage(&self, lease: &Lease, sandbox: &SandboxId) -> Result<Workspace>;

    /// Makes a new session: it gets this record, and the workspace that was staged for the sandbox.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save); `unavailable` if the session exists.
    fn commit(&self, lease: &Lease, sandbox: &SandboxId, record: &Record) -> Result<Revision>;

    /// Removes a staged workspace, if it is there.
    fn unstage(&self, lease: &Lease, sandbox: &SandboxId) -> Result<()>;

    /// Returns where the files of a stored session are.
    fn workspace(&self, id: &SandboxId) -> Result<Workspace>;

    /// Removes the workspaces that earlier writers staged.
    fn clear_staging(&self, lease: &Lease) -> Result<()>;

    /// Removes files that could not be removed before.
    fn empty_trash(&self, lease: &Lease) -> Result<()>;

    /// Returns and stores the name of the manager: the given one, or else the last one, or else a new one. In a copy of another
    /// store, the records no longer name the original's sandboxes before this returns.
    fn name(&self, lease: &Lease, given: Option<String>, fresh: String) -> Result<String>;

    /// Returns when a manager that trusted the clock last checked the age of sessions.
    fn seen(&self) -> Option<SystemTime>;

    /// Stores that a manager checks the age of sessions now.
    fn see(&self, lease: &Lease, now: SystemTime) -> Result<()>;
}

/// The right to change a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Larger than the tokens of all leases before it.
    pub(crate) token: u64,
    /// The mark on the sandboxes of the store's manager.
    pub(crate) manager: String,
    /// Whether the store is a copy of another one. If so, the sandboxes in its records belong to the original.
    pub(crate) copied: bool,
}

/// The state of a record. Equal revisions of one record mean equal contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision(Arc<str>);

impl Revision {
    pub(super) fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
}

/// A record with its revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) record: Record,
    pub(crate) revision: Revision,
}

/// A page of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) ids: Vec<SandboxId>,
    /// Whether there are more after them.
    pub(crate) truncated: bool,
}

/// Returns the error for a change of a record that does not have the expected revision.
pub(super) fn changed(id: &SandboxId) -> Error {
    match VirtualPath::root().child(id.as_str()) {
        Ok(path) => Error::conflict(
            &path,
            "the record of the session was changed meanwhile",
            None,
        ),
        Err(error) => error.into(),
    }
}

/// Returns the error for a change with a lease that another one has replaced.
pub(super) fn replaced() -> Error {
    Error::unavailable("another manager has taken over the stored sessions")
}
