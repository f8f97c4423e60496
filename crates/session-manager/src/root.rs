//! A read-only view of a workspace root, for a process that does not own it.

use std::fmt;
use std::path::PathBuf;

use backend_core::{Error, Result};

use crate::info::{ListSessions, SessionInfo, SessionPage, SessionState};
use crate::store::{Record, View};

/// The sessions stored below a workspace root, read alongside the manager that may own it.
///
/// It does not change anything or hold up a manager. Everything here blocks on the disk.
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
    /// Opens a root that a manager created.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a directory that is not a root; `unavailable` if it does not exist or cannot be read.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self {
            view: View::open(&root.into())?,
        })
    }

    /// Returns whether a manager currently owns the root.
    ///
    /// # Errors
    ///
    /// `unavailable` if that cannot be determined; `unsupported` where roots are not supported.
    pub fn is_owned(&self) -> Result<bool> {
        self.view.is_owned()
    }

    /// Returns the sessions in order of their ids, as their records say. Each is [stored](SessionState::Stored), whatever its
    /// state in its manager; the sandbox is its current or last one, and only the provider knows whether it exists.
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
                // It has just been purged.
                Ok(None) => {}
                // Its tenant is unknown.
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
    /// A sandbox may be changing its contents, including links.
    pub fn workspace(&self, id: &backend_core::SandboxId) -> PathBuf {
        self.view.workspace(id)
    }
}

/// Returns the description in a record.
pub(crate) fn info(record: &Record) -> SessionInfo {
    SessionInfo {
        id: record.id.clone(),
        tenant: record.tenant.clone(),
        runtime: record.runtime_name().map(str::to_owned),
        state: SessionState::Stored,
        sandbox: record.sandbox.clone(),
        trouble: record
            .copied
            .then(|| "its record was copied, and does not name its own sandbox".to_owned()),
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
