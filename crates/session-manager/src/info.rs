//! What the manager tells about its sessions.

use std::time::{Duration, SystemTime};

use backend_core::{Error, SandboxId};

/// How many sessions a listing returns unless asked otherwise.
pub(crate) const DEFAULT_LIST_LIMIT: usize = 1000;

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// Its sandbox is being started.
    Starting,
    /// Its sandbox runs.
    Live,
    /// Its sandbox is being stopped.
    Stopping,
    /// Its sandbox could not be stopped yet. It is tried again, and until then the session cannot be used.
    Stuck,
    /// It has no sandbox that runs, and gets one with the next use of its handle.
    Hibernated,
    /// Its sandbox died, and its files with it. It can only be released.
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
    /// Whom it belongs to.
    pub tenant: Option<String>,
    /// The name of its runtime; `None` is the provider's default.
    pub runtime: Option<String>,
    /// Where it is in its life.
    pub state: SessionState,
    /// Its sandbox, where it has one that runs; for a [`WorkspaceRoot`](crate::WorkspaceRoot) the one that it had last.
    pub sandbox: Option<SandboxId>,
    /// Why its sandbox cannot be stopped or reached at the moment, where that is so.
    pub trouble: Option<String>,
    /// How many operations are in flight.
    pub busy: usize,
    /// When it was made.
    pub created: SystemTime,
    /// When it was last used.
    pub used: SystemTime,
}

/// Asks for sessions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListSessions {
    /// The id after which to go on; from the first one by default.
    pub after: Option<SandboxId>,
    /// How many to return at most; 1000 by default.
    pub limit: usize,
    /// Of which tenant; of all by default.
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
    /// Asks for the first sessions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on after this id.
    #[must_use]
    pub fn after(mut self, id: SandboxId) -> Self {
        self.after = Some(id);
        self
    }

    /// Sets how many to return at most.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Asks for those of one tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }
}

/// Sessions, in order of their ids.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionInfo>,
    /// The ids whose record cannot be read, and why. Nothing is done to their files.
    pub unreadable: Vec<(SandboxId, Error)>,
    /// Whether there are more after the last one.
    pub truncated: bool,
}

/// What one pass of the cleanup did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cleaned {
    /// Sessions that sleep now, because they were unused.
    pub hibernated: Vec<SandboxId>,
    /// Sessions that are closed now, because they were unused.
    pub released: Vec<SandboxId>,
    /// Sessions whose files are gone, because they were unused for long.
    pub purged: Vec<SandboxId>,
    /// Sessions whose sandbox was found dead.
    pub died: Vec<SandboxId>,
    /// Sessions that were spared because something runs in them.
    pub busy: Vec<SandboxId>,
    /// Sessions whose sandbox could not be reached. They are left as they are.
    pub unreachable: Vec<SandboxId>,
    /// What could not be done. It is tried again.
    pub failures: Vec<(SandboxId, Error)>,
}

/// What a manager found of an earlier run when it was made.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// How many sessions are stored.
    pub stored: usize,
    /// Sessions whose running sandbox was taken over.
    pub adopted: Vec<SandboxId>,
    /// Sessions whose sandbox could not be taken over, or had no room. It is being ended; their files are kept.
    pub ended: Vec<SandboxId>,
    /// Sessions whose sandbox may run and cannot be reached, or told from gone. It is left alone, and taken over with the next use or
    /// pass of the cleanup that reaches it. Until then it takes up a place.
    pub unreachable: Vec<SandboxId>,
    /// Sessions that name the sandbox of another one, because their record was copied. They get one of their own.
    pub copies: Vec<SandboxId>,
    /// Sessions that name a sandbox together with another one, where nothing says whose it is. Neither may use it.
    pub disputed: Vec<SandboxId>,
    /// Whether the workspace root is a copy of another one. Then nothing was taken over, and nothing is destroyed.
    pub copied: bool,
    /// Sandboxes of no session that are certainly left over. They are being destroyed.
    pub orphans: Vec<SandboxId>,
    /// Sandboxes of the same name that may belong to another manager. They are left alone.
    pub foreign: Vec<SandboxId>,
    /// Sessions whose record cannot be read, and why. Nothing is done to their files.
    pub unreadable: Vec<(SandboxId, Error)>,
}

/// What a shutdown did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How many sandboxes were stopped, those of the warm pool included.
    pub stopped: usize,
    /// The sessions, or sandboxes of none, that could not be stopped, and why. They may still run; the next manager on the
    /// same root ends them.
    pub failures: Vec<(SandboxId, Error)>,
    /// How long it took.
    pub took: Duration,
}

/// Numbers for an operator, of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sandboxes that exist or are being made: those of sessions, of the warm pool, and those that could not be stopped.
    pub resident: usize,
    /// Sessions that are open, hibernated and dead ones included.
    pub open: usize,
    /// Tenants that have an open session.
    pub tenants: usize,
    /// Sessions whose sandbox is being started.
    pub starting: usize,
    /// Sessions whose sandbox runs.
    pub live: usize,
    /// Of those, the ones with an operation in flight.
    pub busy: usize,
    /// Of the live ones, those whose sandbox could not be reached when it was last asked.
    pub unresponsive: usize,
    /// Sessions that are not live, and whose sandbox may run and cannot be reached. Each takes up a place.
    pub unreachable: usize,
    /// Sessions whose sandbox is being stopped.
    pub stopping: usize,
    /// Sessions whose sandbox could not be stopped yet.
    pub stuck: usize,
    /// Sessions that sleep.
    pub hibernated: usize,
    /// Sessions whose sandbox died with their files.
    pub dead: usize,
    /// Sandboxes in the warm pool.
    pub warm: usize,
    /// Sandboxes of nobody that could not be destroyed yet.
    pub orphans: usize,
    /// Starts of sandboxes that succeeded since the manager was made.
    pub starts: u64,
    /// Of those, the ones that the warm pool had ready.
    pub warm_starts: u64,
    /// Starts that failed.
    pub failed_starts: u64,
    /// Attempts to stop a sandbox that failed.
    pub failed_stops: u64,
    /// Sandboxes that died.
    pub deaths: u64,
}
