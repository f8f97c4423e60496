//! The contents of a root: records and the names of sessions. Reading needs no lock, because records are replaced atomically.

use std::fs;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};

use backend_core::{Error, Result, SandboxId};

use super::contract::{Revision, Stored};
use super::identity::Place;
use super::record::MAX_RECORD_BYTES;
use super::{LOCK, RECORD, Record, STAGING, WORKSPACE, platform, write};
use crate::guard::{Guard, holds};

/// A read-only view of a root.
#[derive(Debug)]
pub(crate) struct View {
    pub(super) root: PathBuf,
}

impl View {
    /// Opens a root that a manager created.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let failed = |error| Error::unavailable_from("the workspace root cannot be opened", error);
        let root = root.canonicalize().map_err(failed)?;
        let staging = fs::symlink_metadata(root.join(STAGING));
        if !staging.is_ok_and(|meta| meta.is_dir()) {
            return Err(Error::invalid_request(
                "the directory is not a workspace root of a session manager",
            ));
        }
        Ok(Self { root })
    }

    /// Returns whether a manager owns the root. Removing or replacing the lock file does not hide the owner: the root itself is
    /// locked too.
    pub(crate) fn is_owned(&self) -> Result<bool> {
        let failed = |error| {
            Error::unavailable_from(
                "the owner of the workspace root cannot be determined",
                error,
            )
        };
        if platform::is_dir_locked(&self.root).map_err(failed)? {
            return Ok(true);
        }
        match platform::is_locked(&self.root.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            found => found.map_err(failed),
        }
    }

    /// Returns the directory with the files of a session.
    pub(crate) fn workspace(&self, id: &SandboxId) -> PathBuf {
        self.session(id).join(WORKSPACE)
    }

    /// Returns the record of a session, or `None` if it is not stored. A record copied from another directory does not name a
    /// sandbox: that one belongs to the original.
    pub(crate) fn load(&self, id: &SandboxId) -> Result<Option<Record>> {
        Ok(self.load_stored(id)?.map(|stored| stored.record))
    }

    /// Returns the record of a session, as [`load`](Self::load) does, and its revision.
    pub(super) fn load_stored(&self, id: &SandboxId) -> Result<Option<Stored>> {
        let directory = self.session(id);
        let unreadable = |reason: &str, error: io::Error| {
            Error::internal_from(
                None,
                format!("the record of session '{id}' cannot be read: {reason}"),
                error,
            )
        };
        let failed = |error: io::Error| {
            // The kind of the store's own errors says nothing.
            let reason = match error.raw_os_error() {
                Some(_) => error.kind().to_string(),
                None => error.to_string(),
            };
            unreadable(&reason, error)
        };
        match fs::symlink_metadata(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(meta) if !meta.is_dir() => {
                let what = "it is not a directory";
                return Err(unreadable(what, io::Error::other(what)));
            }
            Ok(_) => {}
        }
        let text = write::read(&directory.join(RECORD), MAX_RECORD_BYTES).map_err(failed)?;
        let mut record = Record::parse(&text, id).map_err(|why| {
            let reason = why.reason();
            unreadable(&reason, io::Error::other(reason.clone()))
        })?;
        if let Some(written_for) = &record.directory
            && holds(Guard::RecordIdentity)
            && !written_for.is(&Place::of(&directory).map_err(failed)?)
        {
            record.copied = record.sandbox.is_some();
            record.disown();
        }
        let revision = revision_of(&text);
        Ok(Some(Stored { record, revision }))
    }

    /// Returns the ids of all stored sessions, in order.
    pub(crate) fn ids(&self) -> Result<Vec<SandboxId>> {
        let failed = |error| Error::unavailable_from("the workspace root cannot be listed", error);
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            // Skip names that are not ids: only sessions have such names in the root.
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

/// Returns the revision of a record on disk: a digest of its text, which is compared only within one process.
pub(super) fn revision_of(text: &[u8]) -> Revision {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(text);
    Revision::new(format!("{:016x}", hasher.finish()))
}
