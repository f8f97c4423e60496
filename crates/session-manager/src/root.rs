//! A workspace root as somebody sees it who does not own it.

use std::fmt;
use std::path::PathBuf;

use backend_core::{Error, Result};

use crate::info::{ListSessions, SessionInfo, SessionPage, SessionState};
use crate::store::{Record, View};

/// What is stored below a workspace root, read beside the manager that may own it.
///
/// Nothing is changed, and no manager is held up. Everything here blocks on the disk.
///
/// # Examples
///
/// ```
/// # let root = tempfile::tempdir().unwrap();
/// # std::fs::create_dir(root.path().join(".staging")).unwrap();
/// use session_manager::{ListSessions, WorkspaceRoot};
///
/// let stored = WorkspaceRoot::open(root.path())?;
/// for session in stored.list(&ListSessions::new())?.sessions {
///     println!("{} was last used {:?}", session.id, session.used);
/// }
/// # Ok::<_, backend_core::Error>(())
/// ```
pub struct WorkspaceRoot {
    view: View,
}

impl WorkspaceRoot {
    /// Looks at a root that a manager made.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a directory that is no root; `unavailable` if it is not there or cannot be read.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self {
            view: View::open(&root.into())?,
        })
    }

    /// Returns whether a manager owns the root at the moment.
    ///
    /// # Errors
    ///
    /// `unavailable` if that cannot be found out; `unsupported` where there are no roots.
    pub fn is_owned(&self) -> Result<bool> {
        self.view.is_owned()
    }

    /// Returns the sessions in order of their ids, as their records say. Each is [stored](SessionState::Stored), whatever its
    /// manager makes of it; the sandbox is the one that it had last, or has, and whether that exists is the provider's to say.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a limit of 0; `unavailable` if the root cannot be read.
    pub fn list(&self, request: &ListSessions) -> Result<SessionPage> {
        if request.limit == 0 {
            return Err(Error::invalid_request("the limit must be at least 1"));
        }
        let mut page = SessionPage::default();
        for id in self.view.ids()? {
            if Some(&id) <= request.after.as_ref() {
                continue;
            }
            if page.sessions.len() == request.limit {
                page.truncated = true;
                break;
            }
            match self.view.load(&id) {
                Ok(Some(record)) => {
                    let info = info(&record);
                    if request.tenant.is_none() || request.tenant == info.tenant {
                        page.sessions.push(info);
                    }
                }
                // It was purged just now.
                Ok(None) => {}
                // Whose it is, nobody knows.
                Err(error) if request.tenant.is_none() => page.unreadable.push((id, error)),
                Err(_) => {}
            }
        }
        Ok(page)
    }

    /// Returns the directory with the files of a session.
    ///
    /// # Security
    ///
    /// A sandbox may be changing what is in it, links included.
    pub fn workspace(&self, id: &backend_core::SandboxId) -> PathBuf {
        self.view.workspace(id)
    }
}

/// Returns what a record says.
pub(crate) fn info(record: &Record) -> SessionInfo {
    SessionInfo {
        id: record.id.clone(),
        tenant: record.tenant.clone(),
        runtime: record.runtime_name().map(str::to_owned),
        state: SessionState::Stored,
        sandbox: record.sandbox.clone(),
        trouble: record
            .copied
            .then(|| "its record was copied, and names no sandbox of its own".to_owned()),
        busy: 0,
        created: record.profile().created,
        used: record.used(),
    }
}

impl fmt::Debug for WorkspaceRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkspaceRoot").finish_non_exhaustive()
    }
}
