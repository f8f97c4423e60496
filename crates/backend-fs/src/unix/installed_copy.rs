//! A copy in its place that can be undone, restoring the file that it replaced.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, flock, linkat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::fault::Fault;
use super::meta::Meta;
use super::names;
use super::place::Place;
use super::rename::Moving;
use super::retry::open_in;
use super::sys::{MAX_RACES, READ, is_local, is_unsupported, rename_exchange, rename_exclusive};
use super::temp::Temp;

/// The fate of the file that was at the target.
#[derive(Debug)]
enum Replaced {
    /// There was none.
    None,
    /// It has this name now. While it may be restored, a lock keeps other processes from removing it as a leftover.
    Named(String, Option<OwnedFd>),
    /// It is gone: the file system can neither exchange nor link.
    Lost,
}

/// A copy in its place.
#[derive(Debug)]
pub(crate) struct InstalledCopy<'t> {
    target: &'t Place<'t>,
    copy: Meta,
    replaced: Replaced,
}

impl<'t> InstalledCopy<'t> {
    /// Puts a file in its place. Its content is final.
    pub(crate) fn install(
        mut temp: Temp<'_>,
        target: &'t Place<'t>,
        replaces: bool,
    ) -> Result<Self, Fault> {
        let copy = Meta::of(&temp)?;
        let replaced = swap_in(temp.name()?, target, replaces)?;
        temp.keep();
        Ok(Self {
            target,
            copy,
            replaced,
        })
    }

    /// Creates a link in its place.
    pub(crate) fn install_link(
        leads_to: &Path,
        target: &'t Place<'t>,
        replaces: bool,
    ) -> Result<Self, Fault> {
        for _ in 0..MAX_RACES {
            let name = names::temporary();
            match symlinkat(leads_to, &target.dir, &name) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error.into()),
            }
            let remove = || {
                let _ = unlinkat(&target.dir, &name, AtFlags::empty());
            };
            let copy = match super::place::lstat(&target.dir, &name) {
                Ok(Some(copy)) => copy,
                outcome => {
                    remove();
                    return Err(outcome.err().map_or(Fault::Conflict, Fault::from));
                }
            };
            return match swap_in(&name, target, replaces) {
                Ok(replaced) => Ok(Self {
                    target,
                    copy,
                    replaced,
                }),
                Err(fault) => {
                    remove();
                    Err(fault)
                }
            };
        }
        Err(Errno::EXIST.into())
    }

    /// Keeps the copy, and removes the file that it replaced.
    pub(crate) fn commit(self) {
        if let Replaced::Named(name, lock) = self.replaced {
            // Some file systems keep a file that is open under another name.
            drop(lock);
            // A file that cannot be removed is a leftover, which is hidden.
            let _ = unlinkat(&self.target.dir, &name, AtFlags::empty());
        }
    }

    /// Removes the copy, restores the file that it replaced, and returns the error of the move. The error
    /// mentions the copy if that cannot be removed.
    pub(crate) fn undo(self, moving: &Moving<'_>, fault: Fault) -> Fault {
        let Self {
            target,
            copy,
            replaced,
        } = self;
        let is_copy = target
            .lstat()
            .is_ok_and(|there| there.is_some_and(|there| there.id() == copy.id()));
        let undone = is_copy
            && match replaced {
                Replaced::None => unlinkat(&target.dir, target.name(), AtFlags::empty()).is_ok(),
                Replaced::Named(name, _lock) => {
                    renameat(&target.dir, &name, &target.dir, target.name()).is_ok()
                }
                Replaced::Lost => false,
            };
        if undone {
            return fault;
        }
        let reason = format!(
            "it was copied to {}, but the original cannot be removed: both exist now",
            moving.to
        );
        moving.at_both(fault, &reason)
    }
}

/// Moves the entry `name` of the target's directory into place, and reports the fate of the previous one.
fn swap_in(name: &str, target: &Place<'_>, replaces: bool) -> Result<Replaced, Fault> {
    let (dir, to) = (&target.dir, target.name());
    let own = OsStr::new(name);
    match rename_exclusive(dir, own, dir, to) {
        Ok(()) => return Ok(Replaced::None),
        Err(Errno::EXIST) if replaces => {}
        Err(error) if is_unsupported(error) => match target.lstat()? {
            Some(_) if !replaces => return Err(Errno::EXIST.into()),
            Some(_) => {}
            None => {
                renameat(dir, name, dir, to)?;
                return Ok(Replaced::None);
            }
        },
        Err(error) => return Err(error.into()),
    }
    let there = target.lstat()?;
    if there.is_some_and(|there| there.is_dir()) {
        return Err(Errno::ISDIR.into());
    }
    let is_file = there.is_some_and(|there| there.is_file());
    let lock = |name: &OsStr| is_file.then(|| lock(dir, name)).flatten();
    // Elsewhere a file that is open when it is replaced may stay behind under yet another name: there it is locked by its
    // reserved name.
    let locked = is_local(dir).then(|| lock(to)).flatten();
    match rename_exchange(dir, own, dir, to) {
        Ok(()) => {
            let locked = locked.or_else(|| lock(own));
            return Ok(Replaced::Named(name.to_owned(), locked));
        }
        Err(Errno::NOENT) => return Err(Fault::raced(Errno::NOENT)),
        Err(error) if is_unsupported(error) => {}
        Err(error) => return Err(error.into()),
    }
    let second = names::temporary();
    let linked = linkat(dir, to, dir, &second, AtFlags::empty()).is_ok();
    let locked = locked.or_else(|| linked.then(|| lock(OsStr::new(&second))).flatten());
    match renameat(dir, name, dir, to) {
        Ok(()) if linked => Ok(Replaced::Named(second, locked)),
        Ok(()) => Ok(Replaced::Lost),
        Err(error) => {
            if linked {
                let _ = unlinkat(dir, &second, AtFlags::empty());
            }
            Err(error.into())
        }
    }
}

/// Locks a file, so that it is no leftover under a reserved name. A file that cannot be opened, or that another
/// program has locked, gets no lock of ours: whoever removes leftovers as the same user can then not open or lock it either.
fn lock(dir: impl AsFd, name: &OsStr) -> Option<OwnedFd> {
    let file = open_in(dir, name, READ).ok()?;
    flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
    Some(file)
}
