//! The workspace root on disk: a directory for each session, with its workspace and its record.
//!
//! ```text
//! root/                           locked by the manager that owns it, as is root/.lock
//! root/.name                      the prefix of its sandboxes' names
//! root/.identity                  which directory the root is, so that a copy is recognized
//! root/.seen                      when a manager that trusted the clock last checked the age of sessions
//! root/{session}/session.json     the record, replaced atomically
//! root/{session}/workspace/       the files
//! root/.staging/{sandbox}/        a session directory that has no name yet
//! root/.trash/{number}            a directory being removed
//! ```
//!
//! A session appears and disappears by one rename, so a crash never leaves half of one. Everything here blocks, and every path is
//! made of validated names.

use std::fs;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::{Error, Result, SandboxId};

use crate::guard::{Guard, holds};

#[cfg(not(unix))]
mod elsewhere;
mod identity;
mod record;
#[cfg(unix)]
mod remove;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;
mod view;
mod write;

#[cfg(not(unix))]
use elsewhere as platform;
#[cfg(unix)]
use unix as platform;

use identity::{Identity, Place};
pub(crate) use record::Record;
use view::MAX_RECORD_BYTES;
pub(crate) use view::View;
pub(crate) use write::Flush;

const RECORD: &str = "session.json";
const WORKSPACE: &str = "workspace";
const STAGING: &str = ".staging";
const TRASH: &str = ".trash";
const LOCK: &str = ".lock";
const NAME: &str = ".name";
const IDENTITY: &str = ".identity";
const SEEN: &str = ".seen";

/// A root that this manager owns.
#[derive(Debug)]
pub(crate) struct Store {
    view: View,
    flush: Flush,
    /// Held for reading during a write, so that nothing is written after the lock is released.
    lock: RwLock<Option<Lock>>,
    /// The mark on the sandboxes of the root's manager.
    manager: String,
    /// Whether the root is a copy of another one.
    copied: bool,
    /// Whether records can be written, for tests.
    #[cfg(test)]
    pub(crate) full: std::sync::atomic::AtomicBool,
    removals: Mutex<u64>,
    /// Held for reading during a removal, so that the trash is not emptied concurrently.
    removing: RwLock<()>,
}

/// Two locks: on the root itself, which cannot be removed, and on its lock file, which older versions check.
#[derive(Debug)]
struct Lock {
    root: fs::File,
    file: fs::File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        platform::unlock(&self.file);
        platform::unlock(&self.root);
    }
}

impl Store {
    /// Opens a root, and creates it if it does not exist. `make` makes a mark for a root that has none.
    pub(crate) fn open(root: &Path, flush: Flush, make: impl FnOnce() -> String) -> Result<Self> {
        let failed = |error| Error::unavailable_from("the workspace root cannot be opened", error);
        fs::create_dir_all(root).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let lock = own(&root)
            .map_err(failed)?
            .ok_or_else(|| Error::unavailable("another manager owns the workspace root"))?;
        for name in [STAGING, TRASH] {
            platform::private_dir(&root.join(name)).map_err(failed)?;
        }
        let (manager, copied) = identify(&root, make).map_err(failed)?;
        Ok(Self {
            view: View { root },
            flush,
            lock: RwLock::new(Some(lock)),
            manager,
            copied,
            #[cfg(test)]
            full: false.into(),
            removals: Mutex::new(0),
            removing: RwLock::new(()),
        })
    }

    /// Releases the root for another manager. From now on every write is refused.
    pub(crate) fn unlock(&self) {
        let mut lock = self.lock.write().unwrap_or_else(PoisonError::into_inner);
        drop(lock.take());
    }

    /// Makes sure that the root is ours while the returned guard is held.
    fn owned(&self) -> Result<RwLockReadGuard<'_, Option<Lock>>> {
        let lock = self.lock.read().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = lock.as_ref() else {
            return Err(crate::errors::closing());
        };
        match platform::leads_to(&self.view.root, &held.root) {
            Ok(true) => Ok(lock),
            Ok(false) => Err(Error::unavailable(
                "the workspace root was moved, and another directory is in its place",
            )),
            Err(error) => Err(Error::unavailable_from(
                "the workspace root is not there",
                error,
            )),
        }
    }

    /// Returns the mark on the sandboxes of the root's manager.
    pub(crate) fn manager(&self) -> &str {
        &self.manager
    }

    /// Returns whether the root is a copy of another one. If so, the sandboxes in its records belong to the original.
    pub(crate) fn is_copied(&self) -> bool {
        self.copied
    }

    /// Removes the original's sandboxes from the records of a copy.
    fn disown(&self) -> Result<()> {
        for id in self.view.ids()? {
            // An unreadable record is left as it is: nothing uses it.
            if let Ok(Some(mut record)) = self.view.load(&id) {
                record.disown();
                self.save(&record)?;
            }
        }
        Ok(())
    }

    /// Returns when a manager that trusted the clock last checked the age of sessions.
    pub(crate) fn seen(&self) -> Option<SystemTime> {
        let text = write::read(&self.view.root.join(SEEN), 64).ok()?;
        let ms = std::str::from_utf8(&text).ok()?.trim().parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(ms))
    }

    /// Records that a manager checks the age of sessions now.
    pub(crate) fn see(&self, now: SystemTime) -> Result<()> {
        let _ours = self.owned()?;
        let ms = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        write::replace(&self.view.root, SEEN, ms.to_string().as_bytes(), self.flush)
            .map_err(|error| Error::unavailable_from("the time cannot be stored", error))
    }

    /// Returns the name of the manager that owns the root: the given one, or else the last one, or else a new one.
    pub(crate) fn name(
        &self,
        given: Option<String>,
        make: impl FnOnce() -> String,
    ) -> Result<String> {
        let failed =
            |error| Error::unavailable_from("the name of the manager cannot be stored", error);
        if self.copied {
            self.disown()?;
        }
        let last = match write::read(&self.view.root.join(NAME), MAX_RECORD_BYTES) {
            Ok(name) => {
                Some(String::from_utf8(name).map_err(|error| failed(io::Error::other(error)))?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        // A copy has the original's name.
        let kept = last.clone().filter(|_| !self.copied);
        let name = given.or(kept).unwrap_or_else(make);
        if last.as_ref() != Some(&name) {
            write::replace(&self.view.root, NAME, name.as_bytes(), self.flush).map_err(failed)?;
        }
        // Written last: until then, the copy is recognized as one again.
        let identity = Identity::of(&self.view.root, self.manager.clone())
            .and_then(|identity| identity.to_json())
            .and_then(|text| write::replace(&self.view.root, IDENTITY, &text, self.flush));
        identity.map_err(failed)?;
        Ok(name)
    }

    /// Creates a directory for a session that has no name yet, and returns its workspace.
    pub(crate) fn stage(&self, sandbox: &SandboxId) -> Result<PathBuf> {
        let _ours = self.owned()?;
        let directory = self.staging(sandbox);
        let made = platform::private_dir(&directory)
            .and_then(|()| platform::open_dir(&directory.join(WORKSPACE)));
        made.map_err(|error| Error::unavailable_from("a workspace cannot be made", error))?;
        Ok(directory.join(WORKSPACE))
    }

    /// Gives a staged directory to a session, with its record.
    pub(crate) fn commit(&self, sandbox: &SandboxId, record: &Record) -> Result<()> {
        let _ours = self.owned()?;
        let directory = self.staging(sandbox);
        self.write(&directory, record)?;
        platform::rename_new(&directory, &self.view.session(&record.id))
            .and_then(|()| self.sync(&self.view.root))
            .map_err(|error| Error::unavailable_from("a workspace cannot be given its name", error))
    }

    /// Removes a staged directory, if it is there.
    pub(crate) fn unstage(&self, sandbox: &SandboxId) -> Result<()> {
        self.remove(&self.staging(sandbox))
    }

    /// Replaces the record of a session that is stored.
    pub(crate) fn save(&self, record: &Record) -> Result<()> {
        let _ours = self.owned()?;
        self.write(&self.view.session(&record.id), record)
    }

    /// Removes a session with its files. The session is gone at once; removing its files may take longer, and may fail.
    pub(crate) fn discard(&self, id: &SandboxId) -> Result<()> {
        self.remove(&self.view.session(id))
    }

    /// Removes directories staged by earlier runs.
    pub(crate) fn clear_staging(&self) -> Result<()> {
        let failed = |error| Error::unavailable_from("staged workspaces cannot be listed", error);
        for entry in fs::read_dir(self.view.root.join(STAGING)).map_err(failed)? {
            self.remove(&entry.map_err(failed)?.path())?;
        }
        Ok(())
    }

    /// Removes files that could not be removed before.
    pub(crate) fn empty_trash(&self) -> Result<()> {
        let _ours = self.owned()?;
        let _alone = match self.removing.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        platform::empty(&self.view.root.join(TRASH))
            .map_err(|error| Error::internal_from(None, "removed files are still there", error))
    }

    fn remove(&self, directory: &Path) -> Result<()> {
        let _ours = self.owned()?;
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

    fn write(&self, directory: &Path, record: &Record) -> Result<()> {
        let failed = |error| {
            Error::unavailable_from(
                format!("the record of session '{}' cannot be written", record.id),
                error,
            )
        };
        #[cfg(test)]
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(failed(io::ErrorKind::StorageFull.into()));
        }
        let mut record = record.clone();
        record.directory = Some(Place::of(directory).map_err(failed)?);
        let text = record.to_json()?;
        // A larger one would not be read again.
        if text.len() as u64 > MAX_RECORD_BYTES {
            return Err(Error::invalid_request(format!(
                "the variables and labels of session '{}' are too large: with everything else in its record, the limit is 1 MiB",
                record.id
            )));
        }
        write::replace(directory, RECORD, &text, self.flush).map_err(failed)
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
}

impl Deref for Store {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

/// Locks the root; `None` if another manager owns it. An ownership check also locks it for an instant.
fn own(root: &Path) -> io::Result<Option<Lock>> {
    for _ in 0..5 {
        let held = if holds(Guard::RootLock) {
            platform::lock_dir(root)?
        } else {
            Some(fs::File::open(root)?)
        };
        if let Some(held) = held
            && let Some(file) = platform::lock(&root.join(LOCK))?
        {
            return Ok(Some(Lock { root: held, file }));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(None)
}

/// Returns the mark of the root, and whether the root is a copy of the one the mark was made for. A root without a mark, made by
/// an older version, is treated as an original.
fn identify(root: &Path, make: impl FnOnce() -> String) -> io::Result<(String, bool)> {
    let text = match write::read(&root.join(IDENTITY), MAX_RECORD_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((make(), false)),
        Err(error) => return Err(error),
    };
    // An unreadable identity proves nothing, and treating an original as a copy does no harm.
    let Ok(known) = Identity::parse(&text) else {
        return Ok((make(), true));
    };
    if known.is(&Identity::of(root, String::new())?) {
        Ok((known.manager, false))
    } else {
        Ok((make(), true))
    }
}
