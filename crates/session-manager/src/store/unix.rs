//! What the store needs of a Unix system: locks, modes, renames that replace nothing.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};

pub(super) use super::remove::{empty, remove_tree};

/// Locks a file for as long as it is held open; `None` if somebody else has it. The lock goes with the process.
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

/// Returns whether somebody has a file locked.
pub(super) fn is_locked(path: &Path) -> io::Result<bool> {
    let file = open_regular(path)?;
    // A shared one, so that those who ask do not get in each other's way.
    let shared = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
    unlock(&file);
    match shared {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Locks a directory for as long as it is held open; `None` if somebody else has it. A file system that locks no directories has
/// it held open alone.
pub(super) fn lock_dir(path: &Path) -> io::Result<Option<File>> {
    let directory = File::open(path)?;
    match rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Ok(()) | Err(_) => Ok(Some(directory)),
    }
}

/// Returns whether somebody has a directory locked.
pub(super) fn is_dir_locked(path: &Path) -> io::Result<bool> {
    let directory = File::open(path)?;
    let shared = rustix::fs::flock(&directory, FlockOperation::NonBlockingLockShared);
    unlock(&directory);
    Ok(matches!(shared, Err(rustix::io::Errno::WOULDBLOCK)))
}

/// Gives a lock up, though a child process that is just being started may still hold the file open.
pub(super) fn unlock(file: &File) {
    // Where that is not possible, the lock goes with the file.
    let _ = rustix::fs::flock(file, FlockOperation::NonBlockingUnlock);
}

/// Returns whether a path leads to the directory that is held open. As long as it is, no other one can have its numbers.
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

/// Makes a directory that nobody else may enter, if it is not there.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Makes a directory that every user may write to, whoever a sandbox runs as. It lies in one that nobody may enter.
pub(super) fn open_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o777).create(path)?;
    // The umask took some of it.
    std::fs::set_permissions(path, Permissions::from_mode(0o777))
}

/// Opens a file to read it, and neither waits for a pipe nor follows a link.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// Makes a file for its owner alone.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Renames a directory to a name that nothing has.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    // A rename replaces an empty directory; the manager alone makes names here, so that looking first is enough.
    match std::fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::rename(from, to),
        Err(error) => Err(error),
    }
}
