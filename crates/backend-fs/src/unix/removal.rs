//! Removes a whole tree through handles, so that no swapped-in link redirects the removal.
//!
//! An entry that cannot be removed stays, and so do only the directories above it, as with `rm -r`. The first such
//! entry is what the error is about.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use backend_core::EntryKind;
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::descent::{Descent, open_list};
use super::list::{Listing, list};
use super::place::{Place, lstat};
use super::remove_error::{RemoveTreeError, is_held_open};
use super::retry::retry;
use super::sys::MAX_RACES;

/// After how many failures to give up. On a dead disk each one may take minutes.
const MAX_FAILURES: u64 = 100;

/// How long one removal waits in total for files that other programs have open, where the file system keeps them until they
/// are closed. A search has a file open for a moment only.
const HELD_OPEN_TIMEOUT: Duration = Duration::from_millis(500);

/// The remaining work in a directory.
#[derive(Debug, Default)]
struct Work {
    /// The directories in it.
    dirs: Vec<CString>,
    /// How often it was not empty at its end.
    rounds: usize,
    /// Whether something in it cannot be removed.
    is_stuck: bool,
}

/// A removal in progress.
#[derive(Debug)]
struct Removal {
    walk: Descent<Work>,
    /// How many entries were removed that a listing would have shown.
    removed: u64,
    failed: u64,
    first: Option<RemoveTreeError>,
    /// How much longer it may wait.
    wait_left: Duration,
}

/// Removes the directory at a place with everything in it. Returns how many entries a listing would have shown.
///
/// # Errors
///
/// The first entry that cannot be removed, and how much was removed anyway.
pub(crate) fn remove_tree(place: &Place<'_>) -> Result<u64, RemoveTreeError> {
    let top = match open_list(&place.dir, place.name()) {
        Err(Errno::ACCESS) => {
            return match unlink(&place.dir, place.name(), AtFlags::REMOVEDIR) {
                Ok(()) => Ok(1),
                Err(_) => Err(RemoveTreeError::at_top(Errno::ACCESS)),
            };
        }
        top => top.map_err(RemoveTreeError::at_top)?,
    };
    let walk = Descent::start(top, CString::default(), Work::default())
        .map_err(RemoveTreeError::at_top_io)?;
    let mut removal = Removal {
        walk,
        removed: 0,
        failed: 0,
        first: None,
        wait_left: HELD_OPEN_TIMEOUT,
    };
    removal.run(place);
    match removal.first {
        None => Ok(removal.removed),
        Some(stuck) => Err(RemoveTreeError {
            removed: removal.removed,
            failed: removal.failed,
            ..stuck
        }),
    }
}

impl Removal {
    fn run(&mut self, place: &Place<'_>) {
        self.clear();
        loop {
            if self.failed >= MAX_FAILURES {
                return;
            }
            if let Some(name) = self.walk.work().dirs.pop() {
                self.descend(name, 0);
                continue;
            }
            let Work {
                rounds, is_stuck, ..
            } = *self.walk.work();
            // Something was added to it, or it was swapped for something else: it gets another round.
            let again = |error| {
                !is_stuck && rounds < MAX_RACES && (is_not_empty(error) || error == Errno::NOTDIR)
            };
            let is_held_open = rounds > 0 && self.is_held_open();
            match self.walk.leave() {
                Ok(Some(name)) => match unlink(self.walk.dir(), &*name, AtFlags::REMOVEDIR) {
                    Ok(()) => self.removed += 1,
                    Err(Errno::NOENT) => {}
                    Err(error) if again(error) && self.may_retry(rounds, is_held_open) => {
                        self.descend(name, rounds + 1);
                    }
                    // The entry that keeps it was reported already.
                    Err(error) if is_stuck && is_not_empty(error) => {
                        self.walk.work().is_stuck = true;
                    }
                    Err(error) => self.fail(Some(&name), error.into(), is_held_open),
                },
                Ok(None) => match unlink(&place.dir, place.name(), AtFlags::REMOVEDIR) {
                    Ok(()) => {
                        self.removed += 1;
                        // Another process removed the entry that could not be removed.
                        self.first = None;
                        return;
                    }
                    Err(error)
                        if again(error)
                            && error != Errno::NOTDIR
                            && self.may_retry(rounds, is_held_open) =>
                    {
                        self.walk.work().rounds += 1;
                        self.clear();
                    }
                    Err(error) if is_stuck && is_not_empty(error) => return,
                    Err(error) => return self.fail(None, error.into(), is_held_open),
                },
                // The directory was moved elsewhere: there is no way back up.
                Err(error) => return self.fail(None, error, false),
            }
        }
    }

    /// Whether a directory that is not empty gets another round. From the second one on it waits first, longer each time; when no
    /// time is left, a file that is held open has no more rounds.
    fn may_retry(&mut self, rounds: usize, is_held_open: bool) -> bool {
        if rounds == 0 {
            return true;
        }
        let wait = Duration::from_millis(1 << rounds.min(5)).min(self.wait_left);
        self.wait_left = self.wait_left.saturating_sub(wait);
        thread::sleep(wait);
        !wait.is_zero() || !is_held_open
    }

    /// Enters a directory and clears it. An entry that turns out not to be a directory is removed as it is.
    fn descend(&mut self, name: CString, rounds: usize) {
        let work = Work {
            rounds,
            ..Work::default()
        };
        let flags = match self.walk.enter(name.clone(), work) {
            Ok(()) => return self.clear(),
            Err(Errno::NOENT) => return,
            Err(Errno::NOTDIR | Errno::LOOP) => AtFlags::empty(),
            // A directory that cannot be read can still be removed if it is empty.
            Err(Errno::ACCESS) => AtFlags::REMOVEDIR,
            Err(error) => return self.fail(Some(&name), error.into(), false),
        };
        match unlink(self.walk.dir(), &*name, flags) {
            Ok(()) => self.removed += 1,
            Err(Errno::NOENT) => {}
            Err(error) if is_not_empty(error) => {
                self.fail(Some(&name), Errno::ACCESS.into(), false);
            }
            Err(error) => self.fail(Some(&name), error.into(), false),
        }
    }

    /// Removes everything except directories from the current directory, and notes those.
    fn clear(&mut self) {
        let listing = match list(self.walk.dir()) {
            // Another process removed it. Going back up shows whether anything is left to do.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Listing::default(),
            Err(error) => return self.fail(None, error, false),
            Ok(listing) => listing,
        };
        for name in listing.temporary {
            // It was never listed, so it does not count. If its writer is running, it will create another.
            match remove_one(self.walk.dir(), &name) {
                Ok(Removed::Yes | Removed::Vanished) => {}
                Ok(Removed::Directory) => self.walk.work().dirs.push(name),
                Err(error) => self.fail(None, error, false),
            }
        }
        for entry in listing.entries {
            if entry.kind == EntryKind::Directory {
                self.walk.work().dirs.push(entry.name);
            } else {
                self.remove(entry.name);
            }
        }
        for name in listing.unknown {
            self.remove(name);
        }
    }

    fn remove(&mut self, name: CString) {
        if self.failed >= MAX_FAILURES {
            return;
        }
        match remove_one(self.walk.dir(), &name) {
            // Such a file reappears under another name of this form until the last program has closed it.
            Ok(Removed::Yes) => self.removed += u64::from(!is_held_open(&name)),
            Ok(Removed::Vanished) => {}
            Ok(Removed::Directory) => self.walk.work().dirs.push(name),
            Err(error) => {
                let is_open = is_held_open(&name);
                self.fail(Some(&name), error, is_open);
            }
        }
    }

    /// Notes that an entry of the directory where the walk is, or this directory, cannot be removed.
    fn fail(&mut self, name: Option<&CStr>, error: io::Error, is_held_open: bool) {
        self.failed += 1;
        self.walk.work().is_stuck = true;
        if self.first.is_none() {
            let mut at = self.walk.way();
            at.extend(name.map(CStr::to_owned));
            self.first = Some(RemoveTreeError {
                at,
                error,
                is_held_open,
                removed: 0,
                failed: 0,
            });
        }
    }

    /// Whether only files that a program has open are left in the current directory.
    fn is_held_open(&self) -> bool {
        list(self.walk.dir()).is_ok_and(|listing| {
            let mut names = listing.entries.iter().map(|entry| &entry.name);
            !listing.entries.is_empty() && names.all(|name| is_held_open(name))
        })
    }
}

#[derive(PartialEq, Eq)]
enum Removed {
    Yes,
    Vanished,
    Directory,
}

fn remove_one(dir: impl AsFd, name: &CStr) -> io::Result<Removed> {
    match unlink(&dir, name, AtFlags::empty()) {
        Ok(()) => Ok(Removed::Yes),
        Err(Errno::NOENT) => Ok(Removed::Vanished),
        // A directory may have taken the name. Some systems answer EPERM for one.
        Err(error @ (Errno::ISDIR | Errno::PERM)) => match lstat(&dir, name)? {
            Some(meta) if meta.is_dir() => Ok(Removed::Directory),
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Removes a name, again if a signal interrupts it.
pub(crate) fn unlink(
    dir: impl AsFd,
    name: impl rustix::path::Arg + Copy,
    flags: AtFlags,
) -> rustix::io::Result<()> {
    retry(|| unlinkat(&dir, name, flags))
}

/// Whether an error says that a directory has something in it.
pub(crate) fn is_not_empty(error: Errno) -> bool {
    error == Errno::NOTEMPTY || error == Errno::EXIST
}
