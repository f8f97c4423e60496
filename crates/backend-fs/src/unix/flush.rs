//! Waits for the disk, and for the server that stores the files.
//!
//! If a file system does not support a flush, there is nothing to wait for: that is not an error. Any other error
//! counts, because then it is unknown what was stored.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::fs::{AtFlags, StatxFlags, statx};
use rustix::fs::{Mode, OFlags, fdatasync, fsync, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use super::calls::close;
use super::place::Place;
use super::retry::open_regular;
use super::sys::{LIST, MAX_RACES, READ, is_local, is_unsupported};
use crate::Durability;

/// Asks the file system whether it has accepted everything that was written. Some transmit it later, and report a full
/// disk or a lost connection when the file is closed: so a duplicate of the descriptor is closed, and the file stays
/// open.
pub(crate) fn confirm(file: impl AsFd) -> rustix::io::Result<()> {
    let mut tries = MAX_RACES;
    loop {
        tries -= 1;
        match close(fcntl_dupfd_cloexec(&file, 0)?) {
            // A signal interrupted it, and it is unknown what was transmitted.
            Err(Errno::INTR) if tries > 0 => {}
            outcome => return outcome,
        }
    }
}

/// Checks that a file has as many bytes as were written, where another program or machine stores them.
///
/// An error of a close is reported once, to the first process that closes. That may be a child of this process: while it
/// is being started it has every file of this process open, and closes them.
pub(crate) fn check_size_at_server(file: impl AsFd, written: u64) -> rustix::io::Result<()> {
    if is_local(&file) {
        return Ok(());
    }
    let size = size_at_server(&file)?;
    // Some servers report no sizes.
    if size == 0 || size >= written {
        Ok(())
    } else {
        Err(Errno::IO)
    }
}

/// Asks the server of a file for its size, bypassing this system's cache.
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
    ignore_unsupported(fdatasync(file))
}

/// Waits until the disk has a file, including its times and permissions.
pub(crate) fn flush_file(file: impl AsFd) -> rustix::io::Result<()> {
    ignore_unsupported(fsync(file))
}

/// A directory whose changes can be flushed. It is opened before the change: a failure to open has changed nothing.
#[derive(Debug)]
pub(crate) enum Flush {
    Directory(OwnedFd),
    /// The directory may be writable but not readable, so all of its file system has to be flushed.
    FileSystem(OwnedFd),
    /// Nothing on its file system can be opened either, so everything has to be flushed.
    Everything,
    /// Nothing is waited for.
    Nothing,
}

impl Flush {
    pub(crate) fn of(dir: impl AsFd) -> rustix::io::Result<Self> {
        // The handle may be `O_PATH`, which cannot be flushed.
        match openat(&dir, ".", LIST, Mode::empty()) {
            Ok(dir) => Ok(Self::Directory(dir)),
            Err(Errno::ACCESS | Errno::PERM) => {
                Ok(unnamed(dir).map_or(Self::Everything, Self::FileSystem))
            }
            Err(error) => Err(error),
        }
    }

    /// Flushes the file system of a file in the directory, where otherwise everything would be flushed.
    pub(crate) fn or_file_system_of(self, file: impl AsFd) -> rustix::io::Result<Self> {
        match self {
            Self::Everything if CAN_FLUSH_ONE => {
                Ok(Self::FileSystem(fcntl_dupfd_cloexec(file, 0)?))
            }
            flush => Ok(flush),
        }
    }

    /// Prepares to wait if everything confirmed must survive.
    pub(crate) fn if_full(durability: Durability, dir: impl AsFd) -> rustix::io::Result<Self> {
        if durability.is_full() {
            Self::of(dir)
        } else {
            Ok(Self::Nothing)
        }
    }

    /// Waits until the disk has the changes in the directory.
    pub(crate) fn wait(&self) -> rustix::io::Result<()> {
        match self {
            Self::Directory(dir) => flush_dir(dir.as_fd()),
            Self::FileSystem(file) => flush_file_system(file),
            Self::Everything => {
                everything();
                Ok(())
            }
            Self::Nothing => Ok(()),
        }
    }
}

fn flush_dir(dir: BorrowedFd<'_>) -> rustix::io::Result<()> {
    ignore_unsupported(fsync(dir))
}

/// Waits until every disk has everything. It waits for disks that hang too, and reports no error.
fn everything() {
    rustix::fs::sync();
}

fn ignore_unsupported(outcome: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match outcome {
        Err(error) if is_unsupported(error) => Ok(()),
        outcome => outcome,
    }
}

/// Waits until the disk has the content of the file at a place, which others may have written.
pub(crate) fn flush_place(place: &Place<'_>) -> rustix::io::Result<()> {
    const WRITE: OFlags = READ.union(OFlags::WRONLY);
    let attempts: [&dyn Fn() -> rustix::io::Result<OwnedFd>; 2] = [
        &|| open_regular(&place.dir, place.name(), || false),
        &|| place.open(WRITE),
    ];
    for open in attempts {
        match open() {
            Ok(file) => return flush_content(file),
            // A lease that its holder does not release is no reason to refuse the move either.
            Err(Errno::ACCESS | Errno::PERM | Errno::WOULDBLOCK) => {}
            // Something else is there now; the rename will show what.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    // A user who may move it may have neither read nor write permission.
    match Flush::of(&place.dir)? {
        Flush::Directory(dir) if CAN_FLUSH_ONE => flush_file_system(dir),
        Flush::Directory(_) => Flush::Everything.wait(),
        flush => flush.wait(),
    }
}

/// Whether the system can flush a single file system.
const CAN_FLUSH_ONE: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Opens a file without a name in a directory, and thereby something on its file system. It needs no read permission.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn unnamed(dir: impl AsFd) -> Option<OwnedFd> {
    let mode = Mode::RUSR | Mode::WUSR;
    openat(dir, ".", super::sys::UNNAMED, mode).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unnamed(_dir: impl AsFd) -> Option<OwnedFd> {
    None
}

/// Waits until the disk has everything written to the file system of a directory, where that is supported.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn flush_file_system(dir: impl AsFd) -> rustix::io::Result<()> {
    ignore_unsupported(rustix::fs::syncfs(dir))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn flush_file_system(_dir: impl AsFd) -> rustix::io::Result<()> {
    Ok(())
}
