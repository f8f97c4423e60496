//! Removing a whole tree through handles, so that no link that is swapped in leads the removal elsewhere.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsFd;

use backend_core::EntryKind;
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::descent::{Descent, open_list};
use super::list::{Listing, list};
use super::place::{Place, look};
use super::sys::RACES;

/// What is still to be done in a directory: the directories in it, and how often it was not empty at its end.
#[derive(Debug, Default)]
struct Work {
    dirs: Vec<CString>,
    rounds: usize,
}

/// Removes the directory at a place with all that is in it. Returns how many entries a listing would have
/// shown.
pub(crate) fn remove_tree(place: &Place<'_>) -> io::Result<u64> {
    let top = match open_list(&place.dir, place.name()) {
        Err(Errno::ACCESS) => {
            unlinkat(&place.dir, place.name(), AtFlags::REMOVEDIR).or(Err(Errno::ACCESS))?;
            return Ok(1);
        }
        top => top?,
    };
    let mut removed = 0;
    let mut walk = Descent::start(top, CString::default(), Work::default())?;
    walk.work().dirs = clear(&walk, &mut removed)?;
    loop {
        if let Some(name) = walk.work().dirs.pop() {
            descend(&mut walk, name, 0, &mut removed)?;
            continue;
        }
        let rounds = walk.work().rounds;
        let Some(name) = walk.leave()? else {
            match unlinkat(&place.dir, place.name(), AtFlags::REMOVEDIR) {
                Ok(()) => return Ok(removed + 1),
                Err(error) if is_not_empty(error) && rounds < RACES => {
                    walk.work().rounds += 1;
                    walk.work().dirs = clear(&walk, &mut removed)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        };
        match unlinkat(walk.dir(), &name, AtFlags::REMOVEDIR) {
            Ok(()) => removed += 1,
            Err(Errno::NOENT) => {}
            // Something was put into it meanwhile, or it was swapped for something else.
            Err(error) if (is_not_empty(error) || error == Errno::NOTDIR) && rounds < RACES => {
                descend(&mut walk, name, rounds + 1, &mut removed)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Goes into a directory and clears it. What turns out to be none is removed as it is.
fn descend(
    walk: &mut Descent<Work>,
    name: CString,
    rounds: usize,
    removed: &mut u64,
) -> io::Result<()> {
    let work = Work {
        dirs: Vec::new(),
        rounds,
    };
    let flags = match walk.enter(name.clone(), work) {
        Ok(()) => {
            walk.work().dirs = clear(walk, removed)?;
            return Ok(());
        }
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => AtFlags::empty(),
        // Those who cannot look into a directory can still remove it if it is empty.
        Err(Errno::ACCESS) => AtFlags::REMOVEDIR,
        Err(error) => return Err(error.into()),
    };
    match unlinkat(walk.dir(), &name, flags) {
        Ok(()) => {
            *removed += 1;
            Ok(())
        }
        Err(Errno::NOENT) => Ok(()),
        Err(error) if is_not_empty(error) => Err(Errno::ACCESS.into()),
        Err(error) => Err(error.into()),
    }
}

/// Removes everything but directories from where the walk is, and returns those.
fn clear(walk: &Descent<Work>, removed: &mut u64) -> io::Result<Vec<CString>> {
    let dir = walk.dir();
    let listing = match list(dir) {
        // Somebody else removed it. Going back up shows whether anything is left to do.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Listing::default(),
        listing => listing?,
    };
    let mut dirs = Vec::new();
    for name in listing.temporary {
        // It was never shown, so that it does not count. If its writer lives, it writes somewhere else next.
        if remove_one(dir, &name)? == Removed::Directory {
            dirs.push(name);
        }
    }
    for entry in listing.entries {
        if entry.kind == EntryKind::Directory {
            dirs.push(entry.name);
            continue;
        }
        match remove_one(dir, &entry.name)? {
            Removed::Yes => *removed += 1,
            Removed::Vanished => {}
            Removed::Directory => dirs.push(entry.name),
        }
    }
    Ok(dirs)
}

#[derive(PartialEq, Eq)]
enum Removed {
    Yes,
    Vanished,
    Directory,
}

fn remove_one(dir: impl AsFd, name: &CStr) -> io::Result<Removed> {
    match unlinkat(&dir, name, AtFlags::empty()) {
        Ok(()) => Ok(Removed::Yes),
        Err(Errno::NOENT) => Ok(Removed::Vanished),
        // A directory may have taken the name. Some systems answer EPERM for one.
        Err(error @ (Errno::ISDIR | Errno::PERM)) => match look(&dir, name)? {
            Some(meta) if meta.is_dir() => Ok(Removed::Directory),
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Whether an error says that a directory has something in it.
pub(crate) fn is_not_empty(error: Errno) -> bool {
    error == Errno::NOTEMPTY || error == Errno::EXIST
}
