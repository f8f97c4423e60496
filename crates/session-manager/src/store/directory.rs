//! The workspace root on disk: a directory for each session, with its workspace and its record.
//!
//! ```text
//! root/                           locked by the manager that owns it, as is root/.lock
//! root/.token                     the token of its last lease
//! root/.name                      the prefix of its sandboxes' names
//! root/.identity                  which directory the root is, so that a copy is recognized
//! root/.seen                      when a manager that trusted the clock last checked the age of sessions
//! root/{session}/session.json     the record, replaced atomically
//! root/{session}/workspace/       the files
//! root/.staging/{sandbox}/        a session directory that has no name yet
//! root/.trash/{number}            a directory being removed
//! ```
//!
//! A session appears and disappears by one rename, so a crash never leaves half of one. Every path is made of validated names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::{Error, Result, SandboxId, Workspace};

use super::contract::{Ids, Lease, Revision, SessionStore, Stored, changed, replaced};
use super::identity::{Identity, Place};
use super::lock::Lock;
use super::record::MAX_RECORD_BYTES;
use super::turns::Turns;
use super::view::{View, revision_of};
use super::{
    Flush, IDENTITY, NAME, RECORD, Record, SEEN, STAGING, TRASH, WORKSPACE, platform, write,
};

/// A root that this manager owns while it has the lease.
#[derive(Debug)]
pub(crate) struct DirectoryStore {
    view: View,
    flush: Flush,
    /// Held for reading during a write, so that nothing is written after the lock is released.
    lock: RwLock<Option<Lock>>,
    turns: Turns,
    removals: Mutex<u64>,
    /// Held for reading during a removal, so that the trash is not emptied concurrently.
    removing: RwLock<()>,
}

impl DirectoryStore {
    /// Opens a root, and creates it if it does not exist.
    pub(crate) fn open(root: &Path, flush: Flush) -> Result<Self> {
        fs::create_dir_all(root).map_err(not_opened)?;
        let root = root.canonicalize().map_err(not_opened)?;
        Ok(Self {
            view: View { root },
            flush,
            lock: RwLock::new(None),
            turns: Turns::default(),
            removals: Mutex::new(0),
            removing: RwLock::new(()),
        })
    }

    /// Makes sure that the root belongs to the holder of the lease while the returned guard is held.
    fn owned(&self, lease: &Lease) -> Result<RwLockReadGuard<'_, Option<Lock>>> {
        let lock = self.lock.read().unwrap_or_else(PoisonError::into_inner);
        let held = lock.as_ref().filter(|held| held.token == lease.token);
        let Some(held) = held else {
            return Err(crate::decide::closing());
        };
        match platform::leads_to(&self.view.root, &held.root) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::unavailable(
                    "the workspace root was moved, and another directory is in its place",
                ));
            }
            Err(error) => {
                return Err(Error::unavailable_from(
                    "the workspace root is not there",
                    error,
                ));
            }
        }
        // The lock excludes others as long as the file system keeps it.
        if held.is_replaced(&self.view.root)? {
            return Err(replaced());
        }
        Ok(lock)
    }

    /// Removes the original's sandboxes from the records of a copy.
    fn disown(&self, lease: &Lease) -> Result<()> {
        for id in self.view.ids()? {
            // An unreadable record is left as it is: nothing uses it.
            if let Ok(Some(mut record)) = self.view.load(&id) {
                record.disown();
                self.save(lease, &record, None)?;
            }
        }
        Ok(())
    }

    /// Makes sure that a record has the expected revision, during the session's turn.
    fn expect(&self, id: &SandboxId, expected: Option<&Revision>) -> Result<()> {
        let Some(expected) = expected else {
            return Ok(());
        };
        let found = self.view.load_stored(id)?;
        match found {
            Some(found) if found.revision == *expected => Ok(()),
            _ => Err(changed(id)),
        }
    }

    fn put_away(&self, lease: &Lease, directory: &Path) -> Result<()> {
        let _ours = self.owned(lease)?;
        let _removing = self.removing.read().unwrap_or_else(PoisonError::into_inner);
        let number = {
            let mut removals = self.removals.lock().unwrap_or_else(PoisonError::into_inner);
            *removals += 1;
            *removals
        };
        // The number alone could clash with an earlier run's.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let name = format!("{}-{number}", now.unwrap_or_default().as_nanos());
        let target = self.view.root.join(TRASH).join(name);
        match platform::rename_new(directory, &target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(Error::internal_from(
                    None,
                    "a workspace cannot be removed",
                    error,
                ));
            }
        }
        self.sync(&self.view.root)
            .and_then(|()| platform::remove_tree(&self.view.root.join(TRASH), &target))
            .map_err(|error| {
                Error::internal_from(None, "files of a removed workspace are left", error)
            })
    }

    fn write(&self, directory: &Path, record: &Record) -> Result<Revision> {
        let failed = |error| not_written(&record.id, error);
        let mut record = record.clone();
        record.directory = Some(Place::of(directory).map_err(failed)?);
        let text = record.to_json()?;
        write::replace(directory, RECORD, &text, self.flush).map_err(failed)?;
        Ok(revision_of(&text))
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        if self.flush == Flush::Name {
            fs::File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    fn staging(&self, sandbox: &SandboxId) -> PathBuf {
        self.view.root.join(STAGING).join(sandbox.as_str())
    }

    /// Loses the lock without noticing, as on a file system that forgets it.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        if let Some(lock) = self.lock.read().unwrap().as_ref() {
            lock.open();
        }
    }
}

impl SessionStore for DirectoryStore {
    fn lease(&self, owner: &str) -> Result<Lease> {
        let root = &self.view.root;
        let mut lock = self.lock.write().unwrap_or_else(PoisonError::into_inner);
        let held = Lock::take(root, self.flush).map_err(not_opened)?;
        let held =
            held.ok_or_else(|| Error::unavailable("another manager owns the workspace root"))?;
        for name in [STAGING, TRASH] {
            platform::private_dir(&root.join(name)).map_err(not_opened)?;
        }
        let (manager, copied) = identify(root, owner).map_err(not_opened)?;
        let token = held.token;
        *lock = Some(held);
        Ok(Lease {
            token,
            manager,
            copied,
        })
    }

    fn release(&self, lease: &Lease) {
        let mut lock = self.lock.write().unwrap_or_else(PoisonError::into_inner);
        drop(lock.take_if(|held| held.token == lease.token));
    }

    fn load(&self, id: &SandboxId) -> Result<Option<Stored>> {
        self.view.load_stored(id)
    }

    /// Reads the names of all sessions for each page.
    fn list(&self, after: Option<&SandboxId>, limit: usize) -> Result<Ids> {
        let mut ids = self.view.ids()?;
        ids.retain(|id| Some(id) > after);
        let truncated = ids.len() > limit.max(1);
        ids.truncate(limit.max(1));
        Ok(Ids { ids, truncated })
    }

    fn save(
        &self,
        lease: &Lease,
        record: &Record,
        expected: Option<&Revision>,
    ) -> Result<Revision> {
        let _turn = self.turns.take(&record.id);
        let _ours = self.owned(lease)?;
        self.expect(&record.id, expected)?;
        self.write(&self.view.session(&record.id), record)
    }

    fn remove(&self, lease: &Lease, id: &SandboxId, expected: Option<&Revision>) -> Result<()> {
        let _turn = self.turns.take(id);
        drop(self.owned(lease)?);
        self.expect(id, expected)?;
        self.put_away(lease, &self.view.session(id))
    }

    fn stage(&self, lease: &Lease, sandbox: &SandboxId) -> Result<Workspace> {
        let _ours = self.owned(lease)?;
        let directory = self.staging(sandbox);
        let made = platform::private_dir(&directory)
            .and_then(|()| platform::open_dir(&directory.join(WORKSPACE)));
        made.map_err(|error| Error::unavailable_from("a workspace cannot be made", error))?;
        Ok(Workspace::HostDirectory(directory.join(WORKSPACE)))
    }

    fn commit(&self, lease: &Lease, sandbox: &SandboxId, record: &Record) -> Result<Revision> {
        let _turn = self.turns.take(&record.id);
        let _ours = self.owned(lease)?;
        let directory = self.staging(sandbox);
        let revision = self.write(&directory, record)?;
        platform::rename_new(&directory, &self.view.session(&record.id))
            .and_then(|()| self.sync(&self.view.root))
            .map_err(|error| {
                Error::unavailable_from("a workspace cannot be given its name", error)
            })?;
        Ok(revision)
    }

    fn unstage(&self, lease: &Lease, sandbox: &SandboxId) -> Result<()> {
        self.put_away(lease, &self.staging(sandbox))
    }

    fn workspace(&self, id: &SandboxId) -> Result<Workspace> {
        Ok(Workspace::HostDirectory(self.view.workspace(id)))
    }

    fn clear_staging(&self, lease: &Lease) -> Result<()> {
        let failed = |error| Error::unavailable_from("staged workspaces cannot be listed", error);
        drop(self.owned(lease)?);
        for entry in fs::read_dir(self.view.root.join(STAGING)).map_err(failed)? {
            self.put_away(lease, &entry.map_err(failed)?.path())?;
        }
        Ok(())
    }

    fn empty_trash(&self, lease: &Lease) -> Result<()> {
        let _ours = self.owned(lease)?;
        let _alone = match self.removing.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        platform::empty(&self.view.root.join(TRASH))
            .map_err(|error| Error::internal_from(None, "removed files are still there", error))
    }

    fn name(&self, lease: &Lease, given: Option<String>, fresh: String) -> Result<String> {
        let failed =
            |error| Error::unavailable_from("the name of the manager cannot be stored", error);
        drop(self.owned(lease)?);
        if lease.copied {
            self.disown(lease)?;
        }
        let _ours = self.owned(lease)?;
        let last = match write::read(&self.view.root.join(NAME), MAX_RECORD_BYTES) {
            Ok(name) => {
                Some(String::from_utf8(name).map_err(|error| failed(io::Error::other(error)))?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        // A copy has the original's name.
        let kept = last.clone().filter(|_| !lease.copied);
        let name = given.or(kept).unwrap_or(fresh);
        if last.as_ref() != Some(&name) {
            write::replace(&self.view.root, NAME, name.as_bytes(), self.flush).map_err(failed)?;
        }
        // Written last: until then, the copy is recognized as one again.
        let identity = Identity::of(&self.view.root, lease.manager.clone())
            .and_then(|identity| identity.to_json())
            .and_then(|text| write::replace(&self.view.root, IDENTITY, &text, self.flush));
        identity.map_err(failed)?;
        Ok(name)
    }

    fn seen(&self) -> Option<SystemTime> {
        let text = write::read(&self.view.root.join(SEEN), 64).ok()?;
        let ms = std::str::from_utf8(&text).ok()?.trim().parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(ms))
    }

    fn see(&self, lease: &Lease, now: SystemTime) -> Result<()> {
        let _ours = self.owned(lease)?;
        let ms = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        write::replace(&self.view.root, SEEN, ms.to_string().as_bytes(), self.flush)
            .map_err(|error| Error::unavailable_from("the time cannot be stored", error))
    }
}

/// Returns the mark of the root, and whether the root is a copy of the one the mark was made for. A root without a mark, made by
/// an older version, is treated as an original.
fn identify(root: &Path, owner: &str) -> io::Result<(String, bool)> {
    let text = match write::read(&root.join(IDENTITY), MAX_RECORD_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((owner.to_owned(), false));
        }
        Err(error) => return Err(error),
    };
    // An unreadable identity proves nothing, and treating an original as a copy does no harm.
    let Ok(known) = Identity::parse(&text) else {
        return Ok((owner.to_owned(), true));
    };
    if known.is(&Identity::of(root, String::new())?) {
        Ok((known.manager, false))
    } else {
        Ok((owner.to_owned(), true))
    }
}

fn not_opened(error: io::Error) -> Error {
    Error::unavailable_from("the workspace root cannot be opened", error)
}

/// Returns the error for a record that could not be written.
pub(super) fn not_written(id: &SandboxId, error: io::Error) -> Error {
    Error::unavailable_from(
        format!("the record of session '{id}' cannot be written"),
        error,
    )
}
