//! Directories that an operation created on its way, and removes again if it is refused.
//!
//! Only directories that are still empty are removed, and that no other operation of this process has confirmed in the
//! meantime: a `mkdir` that found such a directory has reported to its caller that it exists.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, unlinkat};

use super::flush::Flush;
use super::meta::{FileId, Meta};
use super::place::{Handle, lstat};

/// How many confirmed directories are remembered for those that are being created: more than any creation takes that does
/// not hang.
const MAX_CONFIRMED: usize = 4096;

/// The directories of this process that may still be removed. It is locked briefly, and during no disk access: a disk that
/// hangs is not to delay the operations on others.
#[derive(Debug)]
struct Unconfirmed {
    dirs: Vec<FileId>,
    /// The directories that are being removed. Whoever would confirm one waits until it is gone, or has stayed.
    removing: Vec<FileId>,
    /// How many directories are being created whose ids are not known yet.
    creating: usize,
    /// The directories confirmed while some were being created: they may be among those.
    confirmed: VecDeque<FileId>,
    /// How many have left `confirmed` since this process began.
    dropped: usize,
}

static UNCONFIRMED: Mutex<Unconfirmed> = Mutex::new(Unconfirmed {
    dirs: Vec::new(),
    removing: Vec::new(),
    creating: 0,
    confirmed: VecDeque::new(),
    dropped: 0,
});

/// Says that a directory is not being removed any more.
static REMOVED: Condvar = Condvar::new();

fn unconfirmed() -> MutexGuard<'static, Unconfirmed> {
    UNCONFIRMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A directory that is about to be created. From now on an operation that finds it can confirm it.
#[derive(Debug)]
pub(crate) struct Creating {
    /// How many directories had been confirmed before.
    since: usize,
}

impl Creating {
    pub(crate) fn begin() -> Self {
        let mut unconfirmed = unconfirmed();
        unconfirmed.creating += 1;
        Self {
            since: unconfirmed.dropped + unconfirmed.confirmed.len(),
        }
    }
}

impl Drop for Creating {
    fn drop(&mut self) {
        let mut unconfirmed = unconfirmed();
        unconfirmed.creating -= 1;
        if unconfirmed.creating == 0 {
            unconfirmed.dropped += unconfirmed.confirmed.len();
            unconfirmed.confirmed.clear();
        }
    }
}

/// A directory that is being removed, until this is dropped.
#[derive(Debug)]
struct Removing(FileId);

impl Removing {
    /// `None` if the directory was confirmed: then it stays.
    fn begin(id: FileId) -> Option<Self> {
        let mut unconfirmed = unconfirmed();
        unconfirmed.forget(id).then(|| {
            unconfirmed.removing.push(id);
            Self(id)
        })
    }
}

impl Drop for Removing {
    fn drop(&mut self) {
        let mut unconfirmed = unconfirmed();
        let at = unconfirmed.removing.iter().position(|one| *one == self.0);
        at.map(|at| unconfirmed.removing.swap_remove(at));
        drop(unconfirmed);
        REMOVED.notify_all();
    }
}

/// The created directories, the highest first. They are removed on drop, unless they are kept.
#[derive(Debug, Default)]
pub(crate) struct CreatedDirs<'root> {
    dirs: Vec<CreatedDir<'root>>,
}

#[derive(Debug)]
struct CreatedDir<'root> {
    parent: Handle<'root>,
    name: OsString,
    id: FileId,
}

impl<'root> CreatedDirs<'root> {
    /// Records a directory that was created in `parent`, by the handle on it. If it was confirmed already, it stays.
    pub(crate) fn add(
        &mut self,
        creating: Creating,
        parent: Handle<'root>,
        name: OsString,
        made: impl AsFd,
    ) -> io::Result<()> {
        let id = Meta::of(made)?.id();
        {
            let mut unconfirmed = unconfirmed();
            if unconfirmed.may_be_confirmed(&creating, id) {
                return Ok(());
            }
            unconfirmed.dirs.push(id);
        }
        drop(creating);
        self.dirs.push(CreatedDir { parent, name, id });
        Ok(())
    }

    /// Keeps the directories: the operation succeeds.
    pub(crate) fn keep(mut self) {
        self.forget_all();
    }

    /// Waits until the disk has the directories.
    pub(crate) fn flush(&self) -> rustix::io::Result<()> {
        let mut dirs = self.dirs.iter();
        dirs.try_for_each(|dir| Flush::of(&dir.parent)?.wait())
    }

    fn forget_all(&mut self) {
        if self.dirs.is_empty() {
            return;
        }
        let mut unconfirmed = unconfirmed();
        for dir in self.dirs.drain(..) {
            unconfirmed.forget(dir.id);
        }
    }
}

impl Drop for CreatedDirs<'_> {
    fn drop(&mut self) {
        while let Some(dir) = self.dirs.pop() {
            // Held until the directory is gone, so that it is not confirmed in between.
            let Some(_removing) = Removing::begin(dir.id) else {
                continue;
            };
            let there = lstat(&dir.parent, &dir.name).ok().flatten();
            if there.is_none_or(|there| there.id() != dir.id) {
                continue;
            }
            // If it is not empty any more, it stays, and so do those above it.
            let _ = unlinkat(&dir.parent, &dir.name, AtFlags::REMOVEDIR);
        }
    }
}

/// Confirms a directory: from now on it stays. It may have been removed just before, so it must be checked again.
pub(crate) fn confirm_dir(id: FileId) {
    let mut unconfirmed = REMOVED
        .wait_while(unconfirmed(), |unconfirmed| {
            unconfirmed.removing.contains(&id)
        })
        .unwrap_or_else(PoisonError::into_inner);
    unconfirmed.forget(id);
    if unconfirmed.creating > 0 {
        unconfirmed.confirmed.push_back(id);
        if unconfirmed.confirmed.len() > MAX_CONFIRMED {
            unconfirmed.confirmed.pop_front();
            unconfirmed.dropped += 1;
        }
    }
}

impl Unconfirmed {
    /// Returns whether a directory may have been confirmed while it was being created. If that took so long that it is not
    /// known any more, it may have been.
    fn may_be_confirmed(&self, creating: &Creating, id: FileId) -> bool {
        match creating.since.checked_sub(self.dropped) {
            Some(before) => self.confirmed.iter().skip(before).any(|one| *one == id),
            None => true,
        }
    }

    /// Returns whether the directory could have been removed until now.
    fn forget(&mut self, id: FileId) -> bool {
        let at = self.dirs.iter().position(|one| *one == id);
        at.map(|at| self.dirs.swap_remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd;
    use std::path::Path;

    use super::super::meta::Meta;
    use super::super::place::Handle;
    use super::{CreatedDirs, Creating, MAX_CONFIRMED, confirm_dir, unconfirmed};

    fn make<'a>(made: &mut CreatedDirs<'a>, parent: &'a File, root: &Path, name: &str) {
        let creating = Creating::begin();
        fs::create_dir(root.join(name)).unwrap();
        let dir = File::open(root.join(name)).unwrap();
        if name == "found" {
            // Another operation finds it before its creator has recorded it.
            confirm_dir(Meta::of(&dir).unwrap().id());
        }
        let parent = Handle::Root(parent.as_fd());
        made.add(creating, parent, name.into(), &dir).unwrap();
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn empty_directories_are_removed_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let top = File::open(root.path()).unwrap();
        let mut made = CreatedDirs::default();
        for name in ["empty", "used", "answered", "found", "swapped"] {
            make(&mut made, &top, root.path(), name);
        }
        fs::write(root.path().join("used/f"), "x").unwrap();
        let dir = File::open(root.path().join("answered")).unwrap();
        confirm_dir(Meta::of(&dir).unwrap().id());
        fs::rename(root.path().join("swapped"), root.path().join("moved")).unwrap();
        fs::create_dir(root.path().join("swapped")).unwrap();
        drop(made);
        assert_eq!(
            names(root.path()),
            ["answered", "found", "moved", "swapped", "used"]
        );
    }

    #[test]
    fn while_a_creation_hangs_few_confirmed_directories_are_remembered() {
        let root = tempfile::tempdir().unwrap();
        let top = File::open(root.path()).unwrap();
        let hanging = Creating::begin();
        let mut made = CreatedDirs::default();
        make(&mut made, &top, root.path(), "before");
        let other = Meta::of(&top).unwrap().id();
        for _ in 0..2 * MAX_CONFIRMED {
            confirm_dir(other);
        }
        assert!(unconfirmed().confirmed.len() <= MAX_CONFIRMED);
        // The quick ones are still told apart.
        for name in ["after", "found"] {
            make(&mut made, &top, root.path(), name);
        }
        fs::create_dir(root.path().join("slow")).unwrap();
        let dir = File::open(root.path().join("slow")).unwrap();
        let parent = Handle::Root(top.as_fd());
        made.add(hanging, parent, "slow".into(), &dir).unwrap();
        drop(made);
        assert_eq!(names(root.path()), ["found", "slow"]);
    }

    #[test]
    fn kept_directories_stay() {
        let root = tempfile::tempdir().unwrap();
        let top = File::open(root.path()).unwrap();
        let mut made = CreatedDirs::default();
        make(&mut made, &top, root.path(), "d");
        made.keep();
        assert!(root.path().join("d").exists());
    }
}
