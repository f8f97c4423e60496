//! A place: an open directory and one name in it. It cannot be redirected, since a link at the name is not followed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::{OFlags, readlinkat};
use rustix::io::Errno;

use super::created_dirs::CreatedDirs;
use super::lock::{Key, LockGuard};
use super::meta::Meta;
use super::retry::{open_in, retry};
use super::sys::MAX_RACES;

/// A directory that is open: the root, or one below it.
#[derive(Debug)]
pub(crate) enum Handle<'root> {
    Root(BorrowedFd<'root>),
    Below(OwnedFd),
}

impl AsFd for Handle<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(dir) => *dir,
            Self::Below(dir) => dir.as_fd(),
        }
    }
}

/// A name in an open directory. The name is `.` where a path can only be that of a directory.
#[derive(Debug)]
pub(crate) struct Place<'root> {
    pub(crate) dir: Handle<'root>,
    pub(crate) name: OsString,
    /// The directories above it that were created to get here. They are removed with the place unless they are kept.
    made: CreatedDirs<'root>,
}

impl<'root> Place<'root> {
    pub(crate) fn new(dir: Handle<'root>, name: OsString, made: CreatedDirs<'root>) -> Self {
        Self { dir, name, made }
    }

    /// Keeps the created directories: the operation succeeds.
    pub(crate) fn keep_dirs(&mut self) {
        std::mem::take(&mut self.made).keep();
    }

    /// Waits until the disk has the created directories.
    pub(crate) fn flush_dirs(&self) -> rustix::io::Result<()> {
        self.made.flush()
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Stats the entry, without following links.
    pub(crate) fn lstat(&self) -> io::Result<Option<Meta>> {
        lstat(&self.dir, self.name())
    }

    /// Opens the entry. The flags must have `NOFOLLOW`, as all of [`sys`](super::sys) do.
    pub(crate) fn open(&self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        open_in(&self.dir, self.name(), flags)
    }

    pub(crate) fn read_link(&self) -> rustix::io::Result<PathBuf> {
        let target = retry(|| readlinkat(&self.dir, &self.name, Vec::new()))?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// Returns the lock key of the place: the same for every path that leads here, in every backend of this process.
    fn key(&self) -> io::Result<Key> {
        Ok(Key::new(Meta::of(&self.dir)?.id(), &self.name))
    }

    /// Waits until no other operation of this process changes the entry.
    pub(crate) fn lock(&self) -> io::Result<PlaceGuard> {
        let name = self.key()?.lock();
        Ok(PlaceGuard {
            _files: lock_files(&[self])?,
            _names: (name, None),
        })
    }

    /// Waits until no other operation of this process changes the entries at two places.
    pub(crate) fn lock_both(&self, other: &Self) -> io::Result<PlaceGuard> {
        let names = self.key()?.lock_both(other.key()?);
        Ok(PlaceGuard {
            _files: lock_files(&[self, other])?,
            _names: names,
        })
    }
}

/// Places that no other operation of this process changes. The file locks are released first.
#[derive(Debug)]
pub(crate) struct PlaceGuard {
    _files: Vec<LockGuard>,
    _names: (LockGuard, Option<LockGuard>),
}

/// Locks the files at places whose names are locked: a file may have other names, on some file systems without a hard
/// link, as another spelling or a short form.
///
/// A holder of a file lock never waits for a name lock, so no two operations wait for each other.
fn lock_files(places: &[&Place<'_>]) -> io::Result<Vec<LockGuard>> {
    let mut held = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..MAX_RACES {
        let mut there = Vec::new();
        for place in places {
            let file = place.lstat()?.filter(Meta::is_file);
            there.extend(file.map(|meta| Key::of_file(meta.id())));
        }
        there.sort_unstable();
        there.dedup();
        if there == keys {
            break;
        }
        // The previous holder of the lock put another file in its place.
        held.clear();
        held.extend(there.iter().cloned().map(Key::lock));
        keys = there;
    }
    // Where inode numbers change with each stat, the name locks have to do.
    Ok(held)
}

/// Looks at a name in a directory, links not followed.
pub(crate) fn lstat(dir: impl AsFd, name: impl rustix::path::Arg) -> io::Result<Option<Meta>> {
    match Meta::at(dir, name) {
        Ok(meta) => Ok(Some(meta)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
