//! Directories that an operation made on its way, and takes back if it is refused.
//!
//! Taken back is only what is still empty, and what no other operation of this process has answered for in the
//! meantime: a `mkdir` that found such a directory has told its caller that it is there.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, unlinkat};

use super::flush::Flush;
use super::meta::{FileId, Meta};
use super::place::{Handle, look};

/// What may still be taken back in this process. It is locked for moments, and for no call that a disk has to answer but the
/// one that takes a directory back.
#[derive(Debug)]
struct Unsure {
    dirs: Vec<FileId>,
    /// How many directories are being made whose numbers are not known yet.
    making: usize,
    /// What was answered for while some were being made: it may be one of those.
    answered: Vec<FileId>,
}

static UNSURE: Mutex<Unsure> = Mutex::new(Unsure {
    dirs: Vec::new(),
    making: 0,
    answered: Vec::new(),
});

fn unsure() -> MutexGuard<'static, Unsure> {
    UNSURE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A directory that is about to be made. Whoever finds it from here on can answer for it.
#[derive(Debug)]
pub(crate) struct Making(());

impl Making {
    pub(crate) fn begin() -> Self {
        unsure().making += 1;
        Self(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        let mut unsure = unsure();
        unsure.making -= 1;
        if unsure.making == 0 {
            unsure.answered.clear();
        }
    }
}

/// The directories that were made, the highest first. They are taken back when this is dropped, unless they are
/// kept.
#[derive(Debug, Default)]
pub(crate) struct MadeDirs<'root> {
    dirs: Vec<MadeDir<'root>>,
}

#[derive(Debug)]
struct MadeDir<'root> {
    parent: Handle<'root>,
    name: OsString,
    id: FileId,
}

impl<'root> MadeDirs<'root> {
    /// Notes a directory that was made in `parent`, by the handle on it. One that somebody has answered for already stays.
    pub(crate) fn add(
        &mut self,
        making: Making,
        parent: Handle<'root>,
        name: OsString,
        made: impl AsFd,
    ) -> io::Result<()> {
        let id = Meta::of(made)?.id();
        {
            let mut unsure = unsure();
            if unsure.answered.contains(&id) {
                return Ok(());
            }
            unsure.dirs.push(id);
        }
        drop(making);
        self.dirs.push(MadeDir { parent, name, id });
        Ok(())
    }

    /// Leaves the directories where they are: the operation succeeds.
    pub(crate) fn keep(mut self) {
        self.settle();
    }

    /// Waits until the disk has the directories.
    pub(crate) fn flush(&self) -> rustix::io::Result<()> {
        let mut dirs = self.dirs.iter();
        dirs.try_for_each(|dir| Flush::of(&dir.parent)?.wait())
    }

    fn settle(&mut self) {
        if self.dirs.is_empty() {
            return;
        }
        let mut unsure = unsure();
        for dir in self.dirs.drain(..) {
            unsure.forget(dir.id);
        }
    }
}

impl Drop for MadeDirs<'_> {
    fn drop(&mut self) {
        while let Some(dir) = self.dirs.pop() {
            // Held until the directory is gone, so that nobody answers for it in between.
            let mut unsure = unsure();
            let is_ours = unsure.forget(dir.id);
            let there = look(&dir.parent, &dir.name).ok().flatten();
            if !is_ours || there.is_none_or(|there| there.id() != dir.id) {
                continue;
            }
            // What others have put into it meanwhile keeps it, and those above it.
            let _ = unlinkat(&dir.parent, &dir.name, AtFlags::REMOVEDIR);
        }
    }
}

/// Answers for a directory: from here on it stays. It may have been taken back just before, so that it must be looked at
/// again.
pub(crate) fn answer_for(id: FileId) {
    let mut unsure = unsure();
    unsure.forget(id);
    if unsure.making > 0 {
        unsure.answered.push(id);
    }
}

impl Unsure {
    /// Returns whether the directory could have been taken back until now.
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
    use super::{MadeDirs, Making, answer_for};

    fn make<'a>(made: &mut MadeDirs<'a>, parent: &'a File, root: &Path, name: &str) {
        let making = Making::begin();
        fs::create_dir(root.join(name)).unwrap();
        let dir = File::open(root.join(name)).unwrap();
        if name == "found" {
            // Somebody finds it before its maker has noted it.
            answer_for(Meta::of(&dir).unwrap().id());
        }
        let parent = Handle::Root(parent.as_fd());
        made.add(making, parent, name.into(), &dir).unwrap();
    }

    #[test]
    fn what_is_empty_goes_and_what_has_something_stays() {
        let root = tempfile::tempdir().unwrap();
        let top = File::open(root.path()).unwrap();
        let mut made = MadeDirs::default();
        for name in ["empty", "used", "answered", "found", "swapped"] {
            make(&mut made, &top, root.path(), name);
        }
        fs::write(root.path().join("used/f"), "x").unwrap();
        let dir = File::open(root.path().join("answered")).unwrap();
        answer_for(Meta::of(&dir).unwrap().id());
        fs::rename(root.path().join("swapped"), root.path().join("moved")).unwrap();
        fs::create_dir(root.path().join("swapped")).unwrap();
        drop(made);
        let mut left: Vec<_> = fs::read_dir(root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["answered", "found", "moved", "swapped", "used"]);
    }

    #[test]
    fn what_is_kept_stays() {
        let root = tempfile::tempdir().unwrap();
        let top = File::open(root.path()).unwrap();
        let mut made = MadeDirs::default();
        make(&mut made, &top, root.path(), "d");
        made.keep();
        assert!(root.path().join("d").exists());
    }
}
