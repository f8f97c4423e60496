//! Waiting for the disk, and for whoever keeps the files.
//!
//! What cannot be waited for on a file system at all has nothing to wait for: that is no error. Whatever else the
//! system says here is one, because nothing is known then of what it has kept.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::fs::{AtFlags, StatxFlags, statx};
use rustix::fs::{Mode, OFlags, fdatasync, fsync, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use super::calls::close;
use super::place::Place;
use super::sys::{LIST, RACES, READ, cannot, is_local};
use crate::Durability;

/// Asks the file system whether it has taken all that was written. Some send it on later, and tell a full disk or
/// a broken line when the file is closed: so a copy of the descriptor is closed, and the file stays open.
pub(crate) fn confirm(file: impl AsFd) -> rustix::io::Result<()> {
    let mut tries = RACES;
    loop {
        tries -= 1;
        match close(fcntl_dupfd_cloexec(&file, 0)?) {
            // A signal came in between, and nothing is known of what was sent on.
            Err(Errno::INTR) if tries > 0 => {}
            outcome => return outcome,
        }
    }
}

/// Makes sure that a file has as many bytes as were written, where another program or machine keeps them.
///
/// An error of a close is told once, to whoever closes first. That may be a child process of this one: while it is being
/// started it has every file open that this process has, and closes them.
pub(crate) fn arrived(file: impl AsFd, written: u64) -> rustix::io::Result<()> {
    if is_local(&file) {
        return Ok(());
    }
    let size = size_at_server(&file)?;
    // Some servers tell no sizes.
    if size == 0 || size >= written {
        Ok(())
    } else {
        Err(Errno::IO)
    }
}

/// Asks whoever keeps a file for its size, past what this system remembers.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn size_at_server(file: impl AsFd) -> rustix::io::Result<u64> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
    Ok(statx(file, c"", flags, StatxFlags::SIZE)?.stx_size)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn size_at_server(file: impl AsFd) -> rustix::io::Result<u64> {
    Ok(rustix::fs::fstat(file)?
        .st_size
        .try_into()
        .unwrap_or_default())
}

/// Waits until the disk has the content of a file.
pub(crate) fn flush_content(file: impl AsFd) -> rustix::io::Result<()> {
    supported(fdatasync(file))
}

/// Waits until the disk has a file, its times and rights included.
pub(crate) fn flush_file(file: impl AsFd) -> rustix::io::Result<()> {
    supported(fsync(file))
}

/// A directory whose changes can be waited for. It is opened before the change: what fails then has changed
/// nothing.
#[derive(Debug)]
pub(crate) enum Flush {
    Directory(OwnedFd),
    /// It may be changed and not be read, so that it has to be waited for everything.
    Everything,
    /// Nothing is waited for.
    Nothing,
}

impl Flush {
    pub(crate) fn of(dir: impl AsFd) -> rustix::io::Result<Self> {
        // The handle may be a mere place, which cannot be flushed.
        match openat(dir, ".", LIST, Mode::empty()) {
            Ok(dir) => Ok(Self::Directory(dir)),
            Err(Errno::ACCESS | Errno::PERM) => Ok(Self::Everything),
            Err(error) => Err(error),
        }
    }

    /// Prepares to wait if all that is confirmed must survive.
    pub(crate) fn if_full(durability: Durability, dir: impl AsFd) -> rustix::io::Result<Self> {
        if durability.is_full() {
            Self::of(dir)
        } else {
            Ok(Self::Nothing)
        }
    }

    /// Waits until the disk has what changed in the directory.
    pub(crate) fn wait(&self) -> rustix::io::Result<()> {
        match self {
            Self::Directory(dir) => flush_dir(dir.as_fd()),
            Self::Everything => {
                everything();
                Ok(())
            }
            Self::Nothing => Ok(()),
        }
    }
}

fn flush_dir(dir: BorrowedFd<'_>) -> rustix::io::Result<()> {
    supported(fsync(dir))
}

/// Waits until every disk has everything.
pub(crate) fn everything() {
    rustix::fs::sync();
}

fn supported(outcome: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match outcome {
        Err(error) if cannot(error) => Ok(()),
        outcome => outcome,
    }
}

/// Waits until the disk has the content of the file at a place, which others may have written.
pub(crate) fn flush_of(place: &Place<'_>) -> rustix::io::Result<()> {
    const WRITE: OFlags = READ.union(OFlags::WRONLY);
    for flags in [READ, WRITE] {
        match place.open(flags) {
            Ok(file) => return flush_content(file),
            Err(Errno::ACCESS | Errno::PERM) => {}
            // Something else is there now, and the rename will show what.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    // It may be neither read nor written by whoever may move it.
    everything();
    Ok(())
}

/// Waits until the disk has all that was written to the file system of a directory, where that can be asked for.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn flush_all_of(dir: impl AsFd) -> rustix::io::Result<()> {
    supported(rustix::fs::syncfs(dir))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn flush_all_of(_dir: impl AsFd) -> rustix::io::Result<()> {
    Ok(())
}
