//! The workspace root on disk: a directory for each session, with its workspace and its record.
//!
//! ```text
//! root/.lock                      held by the manager that owns the root
//! root/.name                      how the names of its sandboxes begin
//! root/{session}/session.json     the record, replaced atomically
//! root/{session}/workspace/       the files
//! root/.staging/{sandbox}/        a session directory that has no name yet
//! root/.trash/{number}            what is being removed
//! ```
//!
//! A session appears and disappears by one rename, so that a crash leaves no half of one. Everything here blocks, and
//! every path is made of names that were checked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{SystemTime, UNIX_EPOCH};

use backend_core::{Error, Result, SandboxId};

#[cfg(not(unix))]
mod elsewhere;
mod record;
#[cfg(unix)]
mod remove;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;
mod write;

#[cfg(not(unix))]
use elsewhere as platform;
#[cfg(unix)]
use unix as platform;

pub(crate) use record::Record;

const RECORD: &str = "session.json";
const WORKSPACE: &str = "workspace";
const STAGING: &str = ".staging";
const TRASH: &str = ".trash";
const LOCK: &str = ".lock";
const NAME: &str = ".name";

/// The largest record that is read. What is larger was not written by a manager.
const MAX_RECORD_BYTES: u64 = 1 << 20;

/// A root that this manager owns.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    fsync: bool,
    /// Held for reading while something is written, so that nothing is written once the lock is given up.
    lock: RwLock<Option<fs::File>>,
    removals: Mutex<u64>,
    /// Held for reading while something is removed, so that the trash is not emptied under its feet.
    removing: RwLock<()>,
}

impl Store {
    /// Opens a root, and makes it if it is not there.
    pub(crate) fn open(root: &Path, fsync: bool) -> Result<Self> {
        let failed = |error| Error::unavailable("the workspace root cannot be opened", error);
        fs::create_dir_all(root).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let lock = platform::lock(&root.join(LOCK))
            .map_err(failed)?
            .ok_or_else(|| Error::Unavailable {
                message: "another manager owns the workspace root".to_owned(),
                source: None,
            })?;
        for name in [STAGING, TRASH] {
            platform::private_dir(&root.join(name)).map_err(failed)?;
        }
        Ok(Self {
            root,
            fsync,
            lock: RwLock::new(Some(lock)),
            removals: Mutex::new(0),
            removing: RwLock::new(()),
        })
    }

    /// Lets another manager have the root. From now on whatever would write is refused.
    pub(crate) fn unlock(&self) {
        let mut lock = self.lock.write().unwrap_or_else(PoisonError::into_inner);
        drop(lock.take());
    }

    /// Makes sure that the root is ours, for as long as what is returned is held.
    fn owned(&self) -> Result<RwLockReadGuard<'_, Option<fs::File>>> {
        let lock = self.lock.read().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            Ok(lock)
        } else {
            Err(crate::decide::closing())
        }
    }

    /// Returns the name of the manager that owns the root: the one that was given when it was made, if none is given.
    pub(crate) fn name(&self, make: impl FnOnce() -> String) -> Result<String> {
        let failed = |error| Error::unavailable("the name of the manager cannot be stored", error);
        match write::read(&self.root.join(NAME), MAX_RECORD_BYTES) {
            Ok(name) => String::from_utf8(name).map_err(|error| failed(io::Error::other(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = make();
                write::replace(&self.root, NAME, name.as_bytes(), self.fsync).map_err(failed)?;
                Ok(name)
            }
            Err(error) => Err(failed(error)),
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

    /// Makes a directory for a session that has no name yet, and returns its workspace.
    pub(crate) fn stage(&self, sandbox: &SandboxId) -> Result<PathBuf> {
        let _ours = self.owned()?;
        let directory = self.staging(sandbox);
        let made = platform::private_dir(&directory)
            .and_then(|()| platform::open_dir(&directory.join(WORKSPACE)));
        made.map_err(|error| Error::unavailable("a workspace cannot be made", error))?;
        Ok(directory.join(WORKSPACE))
    }

    /// Gives a staged directory to a session, with its record.
    pub(crate) fn commit(&self, sandbox: &SandboxId, record: &Record) -> Result<()> {
        let _ours = self.owned()?;
        let directory = self.staging(sandbox);
        self.write(&directory, record)?;
        platform::rename_new(&directory, &self.session(&record.id))
            .and_then(|()| self.sync(&self.root))
            .map_err(|error| Error::unavailable("a workspace cannot be given its name", error))
    }

    /// Removes a staged directory, if it is there.
    pub(crate) fn unstage(&self, sandbox: &SandboxId) -> Result<()> {
        self.remove(&self.staging(sandbox))
    }

    /// Replaces the record of a session that is stored.
    pub(crate) fn save(&self, record: &Record) -> Result<()> {
        let _ours = self.owned()?;
        self.write(&self.session(&record.id), record)
    }

    /// Removes a session with its files. It is gone at once; removing what it had may take longer, and may fail.
    pub(crate) fn discard(&self, id: &SandboxId) -> Result<()> {
        self.remove(&self.session(id))
    }

    /// Removes what earlier runs staged.
    pub(crate) fn clear_staging(&self) -> Result<()> {
        let failed = |error| Error::unavailable("what was staged cannot be listed", error);
        for entry in fs::read_dir(self.root.join(STAGING)).map_err(failed)? {
            self.remove(&entry.map_err(failed)?.path())?;
        }
        Ok(())
    }

    /// Removes what could not be removed before.
    pub(crate) fn empty_trash(&self) -> Result<()> {
        let _ours = self.owned()?;
        let _alone = match self.removing.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        platform::empty(&self.root.join(TRASH))
            .map_err(|error| Error::internal(None, "removed files are still there", error))
    }

    fn remove(&self, directory: &Path) -> Result<()> {
        let _ours = self.owned()?;
        let _removing = self.removing.read().unwrap_or_else(PoisonError::into_inner);
        let number = {
            let mut removals = self.removals.lock().unwrap_or_else(PoisonError::into_inner);
            *removals += 1;
            *removals
        };
        // The number alone could be that of an earlier run's.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let name = format!("{}-{number}", now.unwrap_or_default().as_nanos());
        let target = self.root.join(TRASH).join(name);
        match platform::rename_new(directory, &target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(Error::internal(
                    None,
                    "a workspace cannot be removed",
                    error,
                ));
            }
        }
        self.sync(&self.root)
            .and_then(|()| platform::remove_tree(&self.root.join(TRASH), &target))
            .map_err(|error| Error::internal(None, "files of a removed workspace are left", error))
    }

    fn write(&self, directory: &Path, record: &Record) -> Result<()> {
        write::replace(directory, RECORD, &record.to_json()?, self.fsync).map_err(|error| {
            Error::unavailable(
                format!("the record of session '{}' cannot be written", record.id),
                error,
            )
        })
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        if self.fsync {
            fs::File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    fn session(&self, id: &SandboxId) -> PathBuf {
        self.root.join(id.as_str())
    }

    fn staging(&self, sandbox: &SandboxId) -> PathBuf {
        self.root.join(STAGING).join(sandbox.as_str())
    }
}
