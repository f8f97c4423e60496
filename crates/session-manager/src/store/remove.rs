//! Removing a tree made by an agent: any depth, any modes, links to anywhere.
//!
//! Links are not followed, and depth does not matter: a nested directory is first moved to the top of the trash, and so becomes
//! the next one to remove.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How many entries of a directory are read before they are removed.
const BATCH: usize = 1024;

/// Removes a directory of the trash with all its contents.
pub(in crate::store) fn remove_tree(trash: &Path, tree: &Path) -> io::Result<()> {
    let name = tree.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let trash = rustix::fs::open(trash, DIRECTORY, Mode::empty())?;
    let prefix = name.as_bytes();
    let mut moved: u64 = 0;
    let mut next = vec![prefix.to_vec()];
    while let Some(name) = next.pop() {
        remove_one(&trash, &name, &mut |child, inside| {
            loop {
                // Unlike any name given by the store; an earlier run may have left it.
                moved += 1;
                let flat = [prefix, format!(".{moved}").as_bytes()].concat();
                match rustix::fs::renameat(inside, child, &trash, flat.as_slice()) {
                    Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                    Err(error) => return Err(error),
                    Ok(()) => {
                        next.push(flat);
                        return Ok(());
                    }
                }
            }
        })?;
    }
    Ok(())
}

/// Removes everything in the trash.
pub(in crate::store) fn empty(trash: &Path) -> io::Result<()> {
    let mut failed = None;
    for entry in std::fs::read_dir(trash)? {
        let path = entry?.path();
        match remove_tree(trash, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => failed = Some(error),
            Ok(()) => {}
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Empties one directory, handing its subdirectories to `hoist`, and removes it.
fn remove_one(
    trash: &OwnedFd,
    name: &[u8],
    hoist: &mut dyn FnMut(&OsStr, &OwnedFd) -> Result<(), Errno>,
) -> io::Result<()> {
    let directory = match open(trash, name) {
        Err(Errno::NOTDIR | Errno::LOOP) => {
            rustix::fs::unlinkat(trash, name, AtFlags::empty())?;
            return Ok(());
        }
        opened => opened?,
    };
    loop {
        let batch = batch(&directory)?;
        if batch.is_empty() {
            break;
        }
        for (child, kind) in batch {
            let child = OsStr::from_bytes(&child);
            let is_dir = match kind {
                FileType::Directory => true,
                FileType::Unknown => {
                    let meta = rustix::fs::statat(&directory, child, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(meta.st_mode) == FileType::Directory
                }
                _ => false,
            };
            if !is_dir {
                rustix::fs::unlinkat(&directory, child, AtFlags::empty())?;
            } else if rustix::fs::unlinkat(&directory, child, AtFlags::REMOVEDIR).is_err() {
                // Moving a directory changes its `..`, which needs write permission on the directory itself.
                let _ = rustix::fs::chmodat(&directory, child, Mode::RWXU, AtFlags::empty());
                hoist(child, &directory)?;
            }
        }
    }
    drop(directory);
    rustix::fs::unlinkat(trash, name, AtFlags::REMOVEDIR)?;
    Ok(())
}

/// Opens a directory of the trash in which entries can be removed, whatever its mode was.
fn open(trash: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let opened = match rustix::fs::openat(trash, name, DIRECTORY, Mode::empty()) {
        Err(Errno::ACCESS) => {
            // It is a directory: a link gives another error, and a file cannot be opened as one.
            rustix::fs::chmodat(trash, name, Mode::RWXU, AtFlags::empty())?;
            rustix::fs::openat(trash, name, DIRECTORY, Mode::empty())?
        }
        opened => opened?,
    };
    let _ = rustix::fs::fchmod(&opened, Mode::RWXU);
    Ok(opened)
}

/// Returns some of the names in a directory, and their types.
fn batch(directory: &OwnedFd) -> io::Result<Vec<(Vec<u8>, FileType)>> {
    let mut batch = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            batch.push((name.to_vec(), entry.file_type()));
        }
        if batch.len() == BATCH {
            break;
        }
    }
    Ok(batch)
}
