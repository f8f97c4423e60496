//! Walking down a tree and up again, on one open directory at a time, however deep it is.
//!
//! Down is by name, without following links. Up is by `..`, and only if that is still the same directory as on
//! the way down: a directory that was moved elsewhere meanwhile ends the walk instead of leading it outside.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::fstat;
use rustix::io::Errno;

use super::meta::{FileId, Meta};
use super::retry::{open_in, retry};
use super::sys::LIST;

/// A walk. `W` is the remaining work in each directory on the way.
#[derive(Debug)]
pub(crate) struct Descent<W> {
    /// The directory where the walk is.
    dir: OwnedFd,
    here: Level<W>,
    above: Vec<Level<W>>,
}

#[derive(Debug)]
struct Level<W> {
    id: FileId,
    name: CString,
    work: W,
}

impl<W> Descent<W> {
    /// Starts in a directory that is open for listing.
    pub(crate) fn start(dir: OwnedFd, name: CString, work: W) -> io::Result<Self> {
        let id = Meta::of(&dir)?.id();
        Ok(Self {
            dir,
            here: Level { id, name, work },
            above: Vec::new(),
        })
    }

    pub(crate) fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    pub(crate) fn work(&mut self) -> &mut W {
        &mut self.here.work
    }

    /// Returns the names that lead from the top to where the walk is.
    pub(crate) fn way(&self) -> Vec<CString> {
        let levels = self.above.iter().chain([&self.here]);
        levels.skip(1).map(|level| level.name.clone()).collect()
    }

    /// Enters a directory here, unless it is a link or not a directory.
    pub(crate) fn enter(&mut self, name: CString, work: W) -> rustix::io::Result<()> {
        let dir = open_list(&self.dir, name.as_c_str())?;
        let id = Meta::new(retry(|| fstat(&dir))?).id();
        let below = Level { id, name, work };
        self.above.push(std::mem::replace(&mut self.here, below));
        self.dir = dir;
        Ok(())
    }

    /// Goes back up, and returns the name of the directory that was left. At the top it returns `None` and
    /// stays.
    pub(crate) fn leave(&mut self) -> io::Result<Option<CString>> {
        let Some(parent) = self.above.pop() else {
            return Ok(None);
        };
        let dir = open_list(&self.dir, "..")?;
        if Meta::of(&dir)?.id() != parent.id {
            return Err(Errno::BUSY.into());
        }
        self.dir = dir;
        let left = std::mem::replace(&mut self.here, parent);
        Ok(Some(left.name))
    }
}

/// Opens a directory for listing, without following links.
pub(crate) fn open_list(
    dir: impl AsFd,
    name: impl rustix::path::Arg + Copy,
) -> rustix::io::Result<OwnedFd> {
    open_in(dir, name, LIST)
}
