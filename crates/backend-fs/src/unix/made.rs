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

/// The directories of this process that may still be taken back.
static UNSURE: Mutex<Vec<FileId>> = Mutex::new(Vec::new());

fn unsure() -> MutexGuard<'static, Vec<FileId>> {
    UNSURE.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Notes a directory that was made in `parent`, by the handle on it.
    pub(crate) fn add(
        &mut self,
        parent: Handle<'root>,
        name: OsString,
        made: impl AsFd,
    ) -> io::Result<()> {
        let id = Meta::of(made)?.id();
        unsure().push(id);
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
            forget(&mut unsure, dir.id);
        }
    }
}

impl Drop for MadeDirs<'_> {
    fn drop(&mut self) {
        while let Some(dir) = self.dirs.pop() {
            // Held until the directory is gone, so that nobody answers for it in between.
            let mut unsure = unsure();
            let is_ours = forget(&mut unsure, dir.id);
            let there = look(&dir.parent, &dir.name).ok().flatten();
            if !is_ours || there.is_none_or(|there| there.id() != dir.id) {
                continue;
            }
            // What others have put into it meanwhile keeps it, and those above it.
            let _ = unlinkat(&dir.parent, &dir.name, AtFlags::REMOVEDIR);
        }
    }
}

/// Answers for a directory: from here on it stays. Returns whether it might have been taken back, so that it must be
/// looked at again.
pub(crate) fn answer_for(dir: impl AsFd) -> io::Result<bool> {
    let mut unsure = unsure();
    if unsure.is_empty() {
        return Ok(false);
    }
    forget(&mut unsure, Meta::of(dir)?.id());
    Ok(true)
}

fn forget(unsure: &mut Vec<FileId>, id: FileId) -> bool {
    let at = unsure.iter().position(|one| *one == id);
    at.map(|at| unsure.swap_remove(at)).is_some()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd;
    use std::path::Path;

    use super::super::place::Handle;
    use super::{MadeDirs, answer_for};

    fn make<'a>(made: &mut MadeDirs<'a>, parent: &'a File, root: &Path, name: &str) {
        fs::create_dir(root.join(name)).unwrap();
        let dir = File::open(root.join(name)).unwrap();
        let parent = Handle::Root(parent.as_fd());
        made.add(parent, name.into(), &dir).unwrap();
    }

    #[test]
    fn what_is_empty_goes_and_what_has_something_stays() {
        let root = tempfile::tempdir().unwrap();
        let top = File::open(root.path()).unwrap();
        let mut made = MadeDirs::default();
        for name in ["empty", "used", "answered", "swapped"] {
            make(&mut made, &top, root.path(), name);
        }
        fs::write(root.path().join("used/f"), "x").unwrap();
        let dir = File::open(root.path().join("answered")).unwrap();
        assert!(answer_for(&dir).unwrap());
        fs::rename(root.path().join("swapped"), root.path().join("moved")).unwrap();
        fs::create_dir(root.path().join("swapped")).unwrap();
        drop(made);
        let mut left: Vec<_> = fs::read_dir(root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["answered", "moved", "swapped", "used"]);
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
