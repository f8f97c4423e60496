//! A place: an open directory and one name in it. It cannot be led elsewhere, since a link at the name is not
//! followed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use super::lock::{Held, Key};
use super::made::MadeDirs;
use super::meta::Meta;

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
        look(&self.dir, &self.name)
    }

    /// Opens what is there. The flags must have `NOFOLLOW`, as all of [`sys`](super::sys) do.
    pub(crate) fn open(&self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        openat(&self.dir, &self.name, flags, Mode::empty())
    }

    pub(crate) fn read_link(&self) -> rustix::io::Result<PathBuf> {
        let target = readlinkat(&self.dir, &self.name, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// Returns what the place is locked by: the same for every path that leads here, in every backend of this
    /// process.
    pub(crate) fn key(&self) -> io::Result<Key> {
        Ok(Key::new(Meta::of(&self.dir)?.id(), &self.name))
    }

    /// Waits until nobody else in this process changes what is there.
    pub(crate) fn lock(&self) -> io::Result<Held> {
        Ok(self.key()?.lock())
    }
}

/// Looks at a name in a directory, links not followed.
pub(crate) fn look(dir: impl AsFd, name: impl rustix::path::Arg) -> io::Result<Option<Meta>> {
    match Meta::at(dir, name) {
        Ok(meta) => Ok(Some(meta)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
