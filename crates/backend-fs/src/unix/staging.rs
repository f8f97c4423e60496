//! A directory next to the target in which a copied tree is built, so that the target appears complete or not at
//! all.
//!
//! It has a reserved, hidden name, and contains a file of the same name that is locked while its owner is
//! running: only that distinguishes the directory of a killed process from a user's own directory. An empty one is taken
//! for that of a process that was killed before it created the file, once it is old enough.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use backend_core::EntryKind;
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, chmodat, fchmod, flock, mkdirat, openat, unlinkat,
};
use rustix::io::Errno;

use super::created_dirs::CreatedDirs;
use super::descent::{Descent, open_list};
use super::fault::Fault;
use super::leftovers::try_lock;
use super::list::list;
use super::meta::{FileId, Meta};
use super::names;
use super::place::{Handle, Place, lstat};
use super::removal::remove_tree;
use super::retry::{open_in, retry};
use super::sys::{CREATE, MAX_RACES, READ, STEP, rename_exclusive};

/// The name of the tree in the directory.
const TREE: &str = "tree";

/// How long a directory may exist without a lock. Its owner creates the lock at once; one that was suspended in between fails
/// if the directory is gone.
const MAX_START_TIME: Duration = Duration::from_secs(600);

/// A directory for a tree. It is removed, with its content, on drop.
#[derive(Debug)]
pub(crate) struct Staging<'t> {
    target: &'t Place<'t>,
    name: OsString,
    dir: OwnedFd,
    /// Holds the lock.
    _lock: File,
}

impl<'t> Staging<'t> {
    /// Creates the directory and the top of the tree, which no other user can enter.
    pub(crate) fn create(target: &'t Place<'t>) -> Result<Self, Fault> {
        let private = Mode::from_raw_mode(0o700);
        for _ in 0..MAX_RACES {
            let name = names::temporary();
            match retry(|| mkdirat(&target.dir, &name, private)) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error.into()),
            }
            let made = || -> rustix::io::Result<(OwnedFd, File)> {
                let dir = open_list(&target.dir, &name)?;
                let lock = retry(|| openat(&dir, &name, CREATE, Mode::from_raw_mode(0o600)))?;
                retry(|| flock(&lock, FlockOperation::NonBlockingLockExclusive))
                    .or_else(unlockable)?;
                retry(|| mkdirat(&dir, TREE, private))?;
                Ok((dir, lock.into()))
            };
            match made() {
                Ok((dir, lock)) => {
                    return Ok(Self {
                        target,
                        name: name.into(),
                        dir,
                        _lock: lock,
                    });
                }
                Err(error) => {
                    remove(&target.dir, OsStr::new(&name));
                    return Err(error.into());
                }
            }
        }
        Err(Errno::EXIST.into())
    }

    pub(crate) fn id(&self) -> std::io::Result<FileId> {
        Ok(Meta::of(&self.dir)?.id())
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(crate) fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    /// Opens the top of the tree.
    pub(crate) fn open_tree(&self) -> rustix::io::Result<OwnedFd> {
        open_list(&self.dir, TREE)
    }

    /// Moves the tree into its place, which must not exist.
    pub(crate) fn install(&self) -> rustix::io::Result<()> {
        let (dir, name) = (&self.target.dir, self.target.name());
        match rename_exclusive(&self.dir, OsStr::new(TREE), dir, name) {
            // A directory never replaces anything but an empty directory.
            Err(error) if super::sys::is_unsupported(error) => {
                rustix::fs::renameat(&self.dir, TREE, dir, name)
            }
            outcome => outcome,
        }
    }

    /// Moves the tree out of its place again.
    pub(crate) fn undo(&self) -> rustix::io::Result<()> {
        let Place { dir, name, .. } = self.target;
        rustix::fs::renameat(dir, name, &self.dir, TREE)
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        remove(&self.target.dir, &self.name);
    }
}

/// On a file system without locks no other process can hold one.
fn unlockable(error: Errno) -> rustix::io::Result<()> {
    if error == Errno::WOULDBLOCK {
        Err(error)
    } else {
        Ok(())
    }
}

/// Removes the directory of a process that was killed. Returns whether it is gone.
pub(crate) fn remove_stale(dir: &OwnedFd, name: &CStr) -> bool {
    match take_lock(dir, name) {
        Some(_lock) => remove(dir, OsStr::from_bytes(name.to_bytes())),
        // Only an empty one is removed.
        None => is_old(dir, name) && unlinkat(dir, name, AtFlags::REMOVEDIR).is_ok(),
    }
}

/// Whether the directory is that of a process that was killed.
pub(crate) fn is_stale(dir: &OwnedFd, name: &CStr) -> bool {
    take_lock(dir, name).is_some() || (is_old(dir, name) && is_empty(dir, name))
}

/// Whether the owner of a directory without a lock had enough time to create it.
fn is_old(dir: &OwnedFd, name: &CStr) -> bool {
    let there = lstat(dir, name).ok().flatten();
    let since = there.and_then(|there| there.modified());
    since.is_some_and(|since| since.elapsed().is_ok_and(|age| age > MAX_START_TIME))
}

fn is_empty(dir: &OwnedFd, name: &CStr) -> bool {
    let listing = open_list(dir, name)
        .map_err(Into::into)
        .and_then(|dir| list(&dir));
    listing.is_ok_and(|listing| {
        listing.entries.is_empty() && listing.temporary.is_empty() && listing.unreadable() == 0
    })
}

/// Takes the lock of the directory, unless its owner is running or it is not such a directory.
fn take_lock(dir: &OwnedFd, name: &CStr) -> Option<OwnedFd> {
    let staging = open_list(dir, name).ok()?;
    let lock = open_in(&staging, name, READ).ok()?;
    let is_file = Meta::of(&lock).is_ok_and(|meta| meta.is_file());
    (is_file && try_lock(&lock)).then_some(lock)
}

/// Removes the directory. The lock is removed last: whatever a kill or a failure leaves can be recognised by it.
fn remove(dir: impl AsFd, name: &OsStr) -> bool {
    if let Ok(staging) = open_list(&dir, name)
        && lstat(&staging, TREE).is_ok_and(|tree| tree.is_some_and(|tree| tree.is_dir()))
        && !remove_copy(&place(&staging, OsStr::new(TREE)))
    {
        // The remains are a leftover, which is hidden.
        return false;
    }
    let place = place(&dir, name);
    remove_tree(&place).is_ok() || unlinkat(&place.dir, name, AtFlags::REMOVEDIR).is_ok()
}

fn remove_copy(tree: &Place<'_>) -> bool {
    if remove_tree(tree).is_ok() {
        return true;
    }
    // The copied directories have the permissions of the originals, and this process another relation to them: it may be
    // the owner of a directory in which only the group could change something.
    let _ = give_access(tree);
    remove_tree(tree).is_ok()
}

fn place<'d>(dir: &'d impl AsFd, name: &OsStr) -> Place<'d> {
    Place::new(
        Handle::Root(dir.as_fd()),
        name.to_owned(),
        CreatedDirs::default(),
    )
}

/// Gives this process access to all directories of a tree, as far as they belong to it.
fn give_access(place: &Place<'_>) -> std::io::Result<()> {
    give_access_to(&place.dir, place.name());
    let top = open_list(&place.dir, place.name())?;
    let mut walk = Descent::start(top, CString::default(), Vec::new())?;
    *walk.work() = dirs_in(walk.dir());
    loop {
        if let Some(name) = walk.work().pop() {
            give_access_to(walk.dir(), name.as_c_str());
            if walk.enter(name, Vec::new()).is_ok() {
                *walk.work() = dirs_in(walk.dir());
            }
        } else if walk.leave()?.is_none() {
            return Ok(());
        }
    }
}

fn dirs_in(dir: &OwnedFd) -> Vec<CString> {
    let listing = list(dir).unwrap_or_default();
    let dirs = listing
        .entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::Directory)
        .map(|entry| entry.name);
    dirs.collect()
}

/// Gives this process access to a directory. A link is not followed.
fn give_access_to(dir: impl AsFd, name: impl rustix::path::Arg + Copy) {
    let Ok(dir) = open_in(dir, name, STEP) else {
        return;
    };
    let mode = Mode::from_raw_mode(0o700);
    // Without the permission to read it, there is only a handle on the place, which is no open file.
    if fchmod(&dir, mode).is_err() {
        let path = format!("/proc/self/fd/{}", dir.as_raw_fd());
        let _ = chmodat(CWD, path, mode, AtFlags::empty());
    }
}
