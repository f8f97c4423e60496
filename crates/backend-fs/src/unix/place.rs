//! A place: an open directory and one name in it. It cannot be led elsewhere, since a link at the name is not
//! followed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::{OFlags, readlinkat};
use rustix::io::Errno;

use super::lock::{Held, Key};
use super::made::MadeDirs;
use super::meta::Meta;
use super::retry::{open_in, retry};
use super::sys::RACES;

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
    /// The directories above it that were made to get here. They go with the place unless they are kept.
    made: MadeDirs<'root>,
}

impl<'root> Place<'root> {
    pub(crate) fn new(dir: Handle<'root>, name: OsString, made: MadeDirs<'root>) -> Self {
        Self { dir, name, made }
    }

    /// Keeps the directories that were made: the operation succeeds.
    pub(crate) fn keep_dirs(&mut self) {
        std::mem::take(&mut self.made).keep();
    }

    /// Waits until the disk has the directories that were made.
    pub(crate) fn flush_dirs(&self) -> rustix::io::Result<()> {
        self.made.flush()
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Looks at what is there, links not followed.
    pub(crate) fn look(&self) -> io::Result<Option<Meta>> {
        look(&self.dir, self.name())
    }

    /// Opens what is there. The flags must have `NOFOLLOW`, as all of [`sys`](super::sys) do.
    pub(crate) fn open(&self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        open_in(&self.dir, self.name(), flags)
    }

    pub(crate) fn read_link(&self) -> rustix::io::Result<PathBuf> {
        let target = retry(|| readlinkat(&self.dir, &self.name, Vec::new()))?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// Returns what the place is locked by: the same for every path that leads here, in every backend of this
    /// process.
    fn key(&self) -> io::Result<Key> {
        Ok(Key::new(Meta::of(&self.dir)?.id(), &self.name))
    }

    /// Waits until nobody else in this process changes what is there.
    pub(crate) fn lock(&self) -> io::Result<Locked> {
        let name = self.key()?.lock();
        Ok(Locked {
            _files: lock_files(&[self])?,
            _names: (name, None),
        })
    }

    /// Waits until nobody else in this process changes what is at two places.
    pub(crate) fn lock_both(&self, other: &Self) -> io::Result<Locked> {
        let names = self.key()?.lock_both(other.key()?);
        Ok(Locked {
            _files: lock_files(&[self, other])?,
            _names: names,
        })
    }
}

/// Places that nobody else in this process changes. The files are given back first.
#[derive(Debug)]
pub(crate) struct Locked {
    _files: Vec<Held>,
    _names: (Held, Option<Held>),
}

/// Waits for what is at places whose names are locked: a file may have other names, on some file systems without a link,
/// as another spelling or a short form.
///
/// Nobody who has a lock of a file waits for one of a name, so that no two operations wait for each other.
fn lock_files(places: &[&Place<'_>]) -> io::Result<Vec<Held>> {
    let mut held = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..RACES {
        let mut there = Vec::new();
        for place in places {
            let file = place.look()?.filter(Meta::is_file);
            there.extend(file.map(|meta| Key::of_file(meta.id())));
        }
        there.sort_unstable();
        there.dedup();
        if there == keys {
            break;
        }
        // Whoever had the lock before put another file in its place.
        held.clear();
        held.extend(there.iter().cloned().map(Key::lock));
        keys = there;
    }
    // Where the numbers change at each look, the names alone have to do.
    Ok(held)
}

/// Looks at a name in a directory, links not followed.
pub(crate) fn look(dir: impl AsFd, name: impl rustix::path::Arg) -> io::Result<Option<Meta>> {
    match Meta::at(dir, name) {
        Ok(meta) => Ok(Some(meta)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
