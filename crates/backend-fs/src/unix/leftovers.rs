//! Leftovers: the temporary files of writers that were killed.
//!
//! A running writer holds a lock on its file. A process that gets the lock may remove the file.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use backend_core::{EntryKind, Result, VirtualPath};
use rustix::fs::{AtFlags, FlockOperation, flock, unlinkat};

use super::descent::Descent;
use super::fault::Fault;
use super::list::list;
use super::meta::Meta;
use super::retry::open_in;
use super::root::Root;
use super::staging;
use super::sys::{READ, is_kernel_view};

impl Root {
    /// Removes all leftovers below the root, and returns how many.
    pub(crate) fn remove_leftovers(&self) -> Result<u64> {
        let root = VirtualPath::root();
        self.check_writable(&root)?;
        let sweep = || -> Result<u64, Fault> {
            let top = self.open_list(&root)?;
            let mut removed = 0;
            let mut walk = Descent::start(top, CString::default(), Vec::new())?;
            *walk.work() = clear(walk.dir(), &mut removed);
            loop {
                match walk.work().pop() {
                    // Directories that vanished or cannot be entered are skipped.
                    Some(name) => {
                        if walk.enter(name, Vec::new()).is_ok() {
                            *walk.work() = clear(walk.dir(), &mut removed);
                        }
                    }
                    None => match walk.leave() {
                        Ok(Some(_)) => {}
                        // A directory that was moved away leaves no way back up. The files found so far
                        // count.
                        Ok(None) | Err(_) => return Ok(removed),
                    },
                }
            }
        };
        sweep().map_err(|fault| self.error_at(&root, fault))
    }
}

/// Removes the leftovers in a directory, and returns the directories in it.
fn clear(dir: &OwnedFd, removed: &mut u64) -> Vec<CString> {
    if is_kernel_view(dir) {
        return Vec::new();
    }
    let Ok(listing) = list(dir) else {
        return Vec::new();
    };
    for name in &listing.temporary {
        *removed += u64::from(remove_stale(dir, name));
    }
    let entries = listing.entries.into_iter();
    entries
        .filter(|entry| entry.kind == EntryKind::Directory)
        .map(|entry| entry.name)
        .collect()
}

/// Removes a temporary file unless its writer is running. Returns whether it is gone.
pub(crate) fn remove_stale(dir: &OwnedFd, name: &CStr) -> bool {
    match open(dir, name) {
        Some(Temporary::Directory) => staging::remove_stale(dir, name),
        Some(Temporary::File(file)) => {
            try_lock(&file) && unlinkat(dir, name, AtFlags::empty()).is_ok()
        }
        None => false,
    }
}

/// Whether a temporary file would be removed now: its writer is not running.
pub(crate) fn is_stale(dir: &OwnedFd, name: &CStr) -> bool {
    match open(dir, name) {
        Some(Temporary::Directory) => staging::is_stale(dir, name),
        Some(Temporary::File(file)) => try_lock(&file),
        None => false,
    }
}

/// An entry with the name of a temporary file.
enum Temporary {
    File(OwnedFd),
    /// That of a move of a directory.
    Directory,
}

fn open(dir: &OwnedFd, name: &CStr) -> Option<Temporary> {
    let file = open_in(dir, name, READ).ok()?;
    let meta = Meta::of(&file).ok()?;
    if meta.is_dir() {
        return Some(Temporary::Directory);
    }
    meta.is_file().then_some(Temporary::File(file))
}

/// Takes the lock of a temporary file, if its writer does not hold it. It ends when the file is closed.
pub(crate) fn try_lock(file: &OwnedFd) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}
