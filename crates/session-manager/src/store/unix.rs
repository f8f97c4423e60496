//! The Unix operations of the store: locks, modes, renames that do not replace anything.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};

pub(super) use super::remove::{empty, remove_tree};

/// Locks a file while it is held open; `None` if another process has the lock. The lock is released when the process ends.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a file is locked.
pub(super) fn is_locked(path: &Path) -> io::Result<bool> {
    let file = open_regular(path)?;
    // A shared lock, so that concurrent checks do not disturb each other.
    let shared = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
    unlock(&file);
    match shared {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Locks a directory while it is held open; `None` if another process has the lock. On a file system that cannot lock directories
/// it is only held open.
pub(super) fn lock_dir(path: &Path) -> io::Result<Option<File>> {
    let directory = File::open(path)?;
    match rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Ok(()) | Err(_) => Ok(Some(directory)),
    }
}

/// Returns whether a directory is locked.
pub(super) fn is_dir_locked(path: &Path) -> io::Result<bool> {
    let directory = File::open(path)?;
    let shared = rustix::fs::flock(&directory, FlockOperation::NonBlockingLockShared);
    unlock(&directory);
    Ok(matches!(shared, Err(rustix::io::Errno::WOULDBLOCK)))
}

/// Releases a lock, even if a child process being started still holds the file open.
pub(super) fn unlock(file: &File) {
    // If that fails, the lock is released with the file.
    let _ = rustix::fs::flock(file, FlockOperation::NonBlockingUnlock);
}

/// Returns whether a path leads to the directory held open. While it is open, no other directory can have its numbers.
pub(super) fn leads_to(path: &Path, held: &File) -> io::Result<bool> {
    let (there, here) = (std::fs::metadata(path)?, held.metadata()?);
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}

pub(super) fn inode(meta: &Metadata) -> u64 {
    meta.ino()
}

pub(super) fn device(meta: &Metadata) -> u64 {
    meta.dev()
}

/// Creates a directory that no other user may enter, if it does not exist.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Creates a directory writable by every user, so by any user of a sandbox. Its parent cannot be entered by others.
pub(super) fn open_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o777).create(path)?;
    // The umask removed some bits.
    std::fs::set_permissions(path, Permissions::from_mode(0o777))
}

/// Opens a file for reading, without waiting for a pipe or following a link.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// Creates a file that only its owner can access.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Renames a directory to an unused name.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    // A rename replaces an empty directory; only the manager creates names here, so checking first is enough.
    match std::fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::rename(from, to),
        Err(error) => Err(error),
    }
}
