//! Unpacks an untrusted archive into a directory of this machine and nowhere else.
//!
//! The directory is a handle, below which the kernel resolves every name. Entries are created only in real directories, never
//! through a link; a link may lead up only within the directory.

use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use tar::{Archive, Entry, EntryType};
use tokio::sync::mpsc;

use super::Copied;
use super::pipe::PipeReader;

/// Maximum number of entries in an archive.
const MAX_ENTRIES: u64 = 10_000_000;

#[derive(Debug)]
pub(super) enum Failure {
    TooLarge,
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Unpacks an archive, dropping this many leading components of its names. It blocks.
pub(super) fn unpack(
    directory: &Path,
    prefix: usize,
    limit: u64,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
) -> Result<Copied, Failure> {
    std::fs::create_dir_all(directory)?;
    let mut unpacking = Unpacking {
        root: Dir::open_ambient_dir(directory, ambient_authority())?,
        prefix,
        known: HashSet::new(),
        left: limit,
        copied: Copied::default(),
    };
    let mut archive = Archive::new(PipeReader::new(pieces));
    let mut count = 0;
    for entry in archive.entries()? {
        count += 1;
        if count > MAX_ENTRIES {
            return Err(Failure::TooLarge);
        }
        if !unpacking.take(entry?)? {
            unpacking.copied.skipped += 1;
        }
    }
    Ok(unpacking.copied)
}

struct Unpacking {
    root: Dir,
    prefix: usize,
    /// Directories known to be real ones.
    known: HashSet<PathBuf>,
    left: u64,
    copied: Copied,
}

impl Unpacking {
    /// Creates one entry. Returns whether it was accepted.
    fn take(&mut self, mut entry: Entry<'_, impl io::Read>) -> Result<bool, Failure> {
        let kind = entry.header().entry_type();
        let Some(path) = self.inside(&entry.path()?) else {
            return Ok(false);
        };
        if path.as_os_str().is_empty() {
            // The directory itself.
            return Ok(kind == EntryType::Directory);
        }
        let parent = path.parent().unwrap_or(Path::new(""));
        if !self.directory(parent)? {
            return Ok(false);
        }
        match kind {
            EntryType::Directory => Ok(self.directory(&path)?),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(&path, &mut entry)
            }
            EntryType::Symlink => {
                let target = entry.link_name()?.map(|target| target.into_owned());
                self.symlink(&path, target.as_deref())
            }
            EntryType::Link => {
                let target = entry.link_name()?.and_then(|target| self.inside(&target));
                self.hard_link(&path, target.as_deref())
            }
            _ => Ok(false),
        }
    }

    /// Returns an archive name as a path below the directory; `None` if it leads anywhere else.
    fn inside(&self, name: &Path) -> Option<PathBuf> {
        let mut path = PathBuf::new();
        let mut skipped = 0;
        for component in name.components() {
            match component {
                Component::Normal(_) if skipped < self.prefix => skipped += 1,
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                _ => return None,
            }
        }
        Some(path)
    }

    /// Creates a directory with its ancestors. Returns false if something other than a directory is in the way.
    fn directory(&mut self, path: &Path) -> io::Result<bool> {
        if path.as_os_str().is_empty() || self.known.contains(path) {
            return Ok(true);
        }
        if !self.directory(path.parent().unwrap_or(Path::new("")))? {
            return Ok(false);
        }
        match self.root.symlink_metadata(path) {
            Ok(metadata) if !metadata.is_dir() => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.root.create_dir(path)?,
            Err(error) => return Err(error),
        }
        self.known.insert(path.to_owned());
        Ok(true)
    }

    fn file(&mut self, path: &Path, entry: &mut Entry<'_, impl io::Read>) -> Result<bool, Failure> {
        let size = entry.size();
        self.left = self.left.checked_sub(size).ok_or(Failure::TooLarge)?;
        if !self.make_room(path)? {
            return Ok(false);
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = self.root.open_with(path, &options)?;
        io::copy(entry, &mut file)?;
        #[cfg(unix)]
        {
            use cap_std::fs::{Permissions, PermissionsExt};

            // Only the read, write and execute bits.
            let mode = entry.header().mode().unwrap_or(0o644) & 0o777;
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        self.copied.files += 1;
        self.copied.bytes += size;
        Ok(true)
    }

    fn symlink(&self, path: &Path, target: Option<&Path>) -> Result<bool, Failure> {
        let depth = path.components().count().saturating_sub(1);
        let target = target.filter(|target| stays_inside(target, depth));
        let Some(target) = target else {
            return Ok(false);
        };
        if !self.make_room(path)? {
            return Ok(false);
        }
        #[cfg(unix)]
        {
            self.root.symlink(target, path)?;
            Ok(true)
        }
        #[cfg(not(unix))]
        {
            let _ = target;
            Ok(false)
        }
    }

    fn hard_link(&mut self, path: &Path, target: Option<&Path>) -> Result<bool, Failure> {
        let Some(target) = target.filter(|target| *target != path) else {
            return Ok(false);
        };
        if !self.directory(target.parent().unwrap_or(Path::new("")))? {
            return Ok(false);
        }
        let is_file = self
            .root
            .symlink_metadata(target)
            .is_ok_and(|found| found.is_file());
        if !is_file || !self.make_room(path)? {
            return Ok(false);
        }
        self.root.hard_link(target, &self.root, path)?;
        self.copied.files += 1;
        Ok(true)
    }

    /// Removes what is in the way of an entry, except a directory. Returns whether the name is free.
    fn make_room(&self, path: &Path) -> io::Result<bool> {
        match self.root.symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(false),
            Ok(_) => self.root.remove_file(path).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether a link in a directory at this depth leads inside. It may go up only at its start: a later component may itself
/// be a link, whose parent is somewhere else.
fn stays_inside(target: &Path, depth: usize) -> bool {
    let mut up = 0;
    let mut down = false;
    for component in target.components() {
        match component {
            Component::ParentDir if !down => up += 1,
            Component::Normal(_) => down = true,
            Component::CurDir => {}
            _ => return false,
        }
    }
    up <= depth && !target.as_os_str().is_empty()
}

#[cfg(test)]
mod tests;
