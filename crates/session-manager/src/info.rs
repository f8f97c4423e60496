//! What the manager reports about its sessions.

use std::time::{Duration, SystemTime};

use backend_core::{Error, SandboxId};

/// Default number of sessions in a listing.
pub(crate) const DEFAULT_LIST_LIMIT: usize = 1000;

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// Its sandbox is being started.
    Starting,
    /// Its sandbox runs.
    Live,
    /// Its sandbox is being stopped.
    Stopping,
    /// Its sandbox could not be stopped yet. The stop is retried, and until it succeeds the session cannot be used.
    Stuck,
    /// It has no running sandbox, and gets one with the next use of its handle.
    Hibernated,
    /// Its sandbox died, and its files are lost. It can only be released.
    Dead,
    /// It is closed. Its files are kept, and `get_or_create` opens it again.
    Stored,
}

/// A session, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its id.
    pub id: SandboxId,
    /// The tenant it belongs to.
    pub tenant: Option<String>,
    /// The name of its runtime; `None` means the provider's default.
    pub runtime: Option<String>,
    /// Its state.
    pub state: SessionState,
    /// Its running sandbox, if any; for a [`WorkspaceRoot`](crate::WorkspaceRoot) the one it had last.
    pub sandbox: Option<SandboxId>,
    /// Why its sandbox cannot currently be stopped or reached, if that is the case.
    pub trouble: Option<String>,
    /// How many operations are in flight.
    pub busy: usize,
    /// When it was created.
    pub created: SystemTime,
    /// When it was last used.
    pub used: SystemTime,
}

/// A request to list sessions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListSessions {
    /// The id to continue after; from the first one by default.
    pub after: Option<SandboxId>,
    /// Maximum number to return; 1000 by default.
    pub limit: usize,
    /// Only sessions of this tenant; all by default.
    pub tenant: Option<String>,
}

impl Default for ListSessions {
    fn default() -> Self {
        Self {
            after: None,
            limit: DEFAULT_LIST_LIMIT,
            tenant: None,
        }
    }
}

impl ListSessions {
    /// Requests the first sessions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Continues after this id.
    #[must_use]
    pub fn after(mut self, id: SandboxId) -> Self {
        self.after = Some(id);
        self
    }

    /// Sets the maximum number to return.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Requests only those of one tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }
}

/// A page of sessions, in order of their ids.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionInfo>,
    /// The ids whose record cannot be read, and why. Their files are left alone.
    pub unreadable: Vec<(SandboxId, Error)>,
    /// Whether there are more after the last one.
    pub truncated: bool,
}

/// What one pass of the cleanup did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cleaned {
    /// Sessions that were hibernated because they were unused.
    pub hibernated: Vec<SandboxId>,
    /// Sessions that were closed because they were unused.
    pub released: Vec<SandboxId>,
    /// Sessions whose files were removed because they were unused for too long.
    pub purged: Vec<SandboxId>,
    /// Sessions whose sandbox was found dead.
    pub died: Vec<SandboxId>,
    /// Sessions that were spared because something runs in them.
    pub busy: Vec<SandboxId>,
    /// Sessions whose sandbox could not be reached. They are left as they are.
    pub unreachable: Vec<SandboxId>,
    /// Failures. They are retried.
    pub failures: Vec<(SandboxId, Error)>,
}

/// What a manager found of an earlier run when it was built.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// How many sessions are stored.
    pub stored: usize,
    /// Sessions whose running sandbox was taken over.
    pub adopted: Vec<SandboxId>,
    /// Sessions whose sandbox could not be taken over, or had no free slot. It is being stopped; their files are kept.
    pub ended: Vec<SandboxId>,
    /// Sessions whose sandbox may run, but cannot be reached or confirmed gone. It is left alone, and taken over by the next use
    /// or cleanup pass that reaches it. Until then it holds a slot.
    pub unreachable: Vec<SandboxId>,
    /// Sessions that name the sandbox of another session, because their record was copied. They get their own sandbox.
    pub copies: Vec<SandboxId>,
    /// Sessions that name the same sandbox as another session, where the owner cannot be determined. Neither may use it.
    pub disputed: Vec<SandboxId>,
    /// Whether the workspace root is a copy of another one. If so, no sandbox was taken over or is destroyed.
    pub copied: bool,
    /// Sandboxes without a session that are certainly left over. They are being destroyed.
    pub orphans: Vec<SandboxId>,
    /// Sandboxes of the same name that may belong to another manager. They are left alone.
    pub foreign: Vec<SandboxId>,
    /// Sessions whose record cannot be read, and why. Their files are left alone.
    pub unreadable: Vec<(SandboxId, Error)>,
}

/// What a shutdown did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How many sandboxes were stopped, including those of the warm pool.
    pub stopped: usize,
    /// The sessions, or sandboxes without one, that could not be stopped, and why. They may still run; the next manager on the
    /// same root stops them.
    pub failures: Vec<(SandboxId, Error)>,
    /// How long it took.
    pub took: Duration,
}

/// Numbers for an operator, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sandboxes that exist or are being created: those of sessions, of the warm pool, and those that could not be stopped.
    pub resident: usize,
    /// Open sessions, including hibernated and dead ones.
    pub open: usize,
    /// Tenants that have an open session.
    pub tenants: usize,
    /// Sessions whose sandbox is being started.
    pub starting: usize,
    /// Sessions whose sandbox runs.
    pub live: usize,
    /// Live sessions with an operation in flight.
    pub busy: usize,
    /// Live sessions whose sandbox could not be reached at the last check.
    pub unresponsive: usize,
    /// Sessions that are not live, but whose sandbox may run and cannot be reached. Each holds a slot.
    pub unreachable: usize,
    /// Sessions whose sandbox is being stopped.
    pub stopping: usize,
    /// Sessions whose sandbox could not be stopped yet.
    pub stuck: usize,
    /// Hibernated sessions.
    pub hibernated: usize,
    /// Sessions whose sandbox died and whose files are lost.
    pub dead: usize,
    /// Sandboxes in the warm pool.
    pub warm: usize,
    /// Orphaned sandboxes that could not be destroyed yet.
    pub orphans: usize,
    /// Successful sandbox starts since the manager was built.
    pub starts: u64,
    /// Starts served from the warm pool or by resuming a sandbox.
    pub warm_starts: u64,
    /// Starts that failed.
    pub failed_starts: u64,
    /// Attempts to stop a sandbox that failed.
    pub failed_stops: u64,
    /// Sandboxes that died.
    pub deaths: u64,
}
