//! What is in a root: records and the names of sessions. Reading needs no lock, for records are replaced whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use backend_core::{Error, Result, SandboxId};

use super::{LOCK, RECORD, Record, STAGING, WORKSPACE, platform, write};

/// The largest record that is read. What is larger was not written by a manager.
pub(super) const MAX_RECORD_BYTES: u64 = 1 << 20;

/// A root that is looked at.
#[derive(Debug)]
pub(crate) struct View {
    pub(super) root: PathBuf,
}

impl View {
    /// Looks at a root that a manager has made.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let failed = |error| Error::unavailable("the workspace root cannot be opened", error);
        let root = root.canonicalize().map_err(failed)?;
        let staging = fs::symlink_metadata(root.join(STAGING));
        if !staging.is_ok_and(|meta| meta.is_dir()) {
            return Err(Error::invalid_request(
                "the directory is no workspace root of a session manager",
            ));
        }
        Ok(Self { root })
    }

    /// Returns whether somebody owns the root.
    pub(crate) fn is_owned(&self) -> Result<bool> {
        match platform::is_locked(&self.root.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            found => found.map_err(|error| {
                Error::unavailable("it is not known who owns the workspace root", error)
            }),
        }
    }

    /// Returns the directory with the files of a session.
    pub(crate) fn workspace(&self, id: &SandboxId) -> PathBuf {
        self.session(id).join(WORKSPACE)
    }

    /// Returns the record of a session; `None` if there is no such session.
    pub(crate) fn load(&self, id: &SandboxId) -> Result<Option<Record>> {
        let directory = self.session(id);
        let unreadable = |error: io::Error| {
            Error::internal(
                None,
                format!("the record of session '{id}' cannot be read"),
                error,
            )
        };
        match fs::symlink_metadata(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
            Ok(meta) if !meta.is_dir() => {
                return Err(unreadable(io::Error::other("it is no directory")));
            }
            Ok(_) => {}
        }
        let text = write::read(&directory.join(RECORD), MAX_RECORD_BYTES).map_err(unreadable)?;
        let record = Record::parse(&text, id).map_err(unreadable)?;
        Ok(Some(record))
    }

    /// Returns the ids of all sessions that are stored, in order.
    pub(crate) fn ids(&self) -> Result<Vec<SandboxId>> {
        let failed = |error| Error::unavailable("the workspace root cannot be listed", error);
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            // What is no id is not ours: nothing in the root but sessions has such a name.
            if let Some(name) = entry.map_err(failed)?.file_name().to_str()
                && let Ok(id) = SandboxId::parse(name)
            {
                ids.push(id);
            }
        }
        ids.sort();
        Ok(ids)
    }

    pub(super) fn session(&self, id: &SandboxId) -> PathBuf {
        self.root.join(id.as_str())
    }
}
