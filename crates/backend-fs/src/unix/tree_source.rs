//! The original of a copied tree: whether it can be removed, and its removal.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use backend_core::{EntryKind, Error, VirtualPath};
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::descent::{Descent, open_list};
use super::fault::Fault;
use super::leftovers::{is_stale, remove_stale};
use super::list::list;
use super::meta::Meta;
use super::move_by_copy::check_changeable;
use super::place::{Place, lstat};
use super::sys::{is_append_only, is_immutable};
use super::tree_move::{Copied, Stamp};

const WRITTEN: &str =
    "another program is writing a file in it, or has left one in it that cannot be removed";

/// A directory that was copied.
#[derive(Debug)]
pub(crate) struct Original<'s> {
    source: &'s Place<'s>,
    from: &'s VirtualPath,
    copied: Copied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Check,
    Remove,
}

impl<'s> Original<'s> {
    pub(crate) fn new(source: &'s Place<'s>, from: &'s VirtualPath, copied: Copied) -> Self {
        Self {
            source,
            from,
            copied,
        }
    }

    pub(crate) fn copied(&self) -> &Copied {
        &self.copied
    }

    /// Checks that all of it is unchanged since the copy, and may be removed.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.walk(Act::Check, &mut 0)
    }

    /// Removes the copied entries. A failure says how many entries were removed.
    pub(crate) fn remove(&self) -> Result<(), (Fault, u64)> {
        let mut removed = 0;
        self.walk(Act::Remove, &mut removed)
            .map_err(|fault| (fault, removed))
    }

    fn walk(&self, act: Act, removed: &mut u64) -> Result<(), Fault> {
        let Place { dir, name, .. } = self.source;
        let top = open_list(dir, name)
            .map_err(|error| Fault::from(error).race_if(&[Errno::NOTDIR, Errno::LOOP]))?;
        let mut walk = Descent::start(top, CString::default(), Vec::new())?;
        let mut path = Vec::new();
        *walk.work() = self.visit(&walk, &path, act, removed)?;
        loop {
            if let Some(name) = walk.work().pop() {
                path.push(b'/');
                path.extend(name.to_bytes());
                walk.enter(name, Vec::new())?;
                *walk.work() = self.visit(&walk, &path, act, removed)?;
                continue;
            }
            let left = walk.leave()?;
            if act == Act::Remove {
                match &left {
                    Some(name) => unlinkat(walk.dir(), name, AtFlags::REMOVEDIR)?,
                    None => unlinkat(dir, name, AtFlags::REMOVEDIR)?,
                }
                *removed += 1;
            }
            let Some(name) = left else {
                return Ok(());
            };
            path.truncate(path.len().saturating_sub(name.to_bytes().len() + 1));
        }
    }

    /// Does this for all entries of one directory except its directories, and returns those.
    fn visit(
        &self,
        walk: &Descent<Vec<CString>>,
        path: &[u8],
        act: Act,
        removed: &mut u64,
    ) -> Result<Vec<CString>, Fault> {
        let here = walk.dir();
        self.expect(path, &Meta::of(here)?, act)?;
        check_removable(here)?;
        let listing = list(here)?;
        if !listing.unknown.is_empty() {
            return Err(Fault::Conflict);
        }
        for name in &listing.temporary {
            match act {
                Act::Check if !is_stale(here, name) && lstat(here, name)?.is_some() => {
                    return Err(Error::conflict(self.from, WRITTEN, None).into());
                }
                Act::Check => {}
                // A file of a writer that began after the check keeps its directory, and that is reported.
                Act::Remove => {
                    remove_stale(here, name);
                }
            }
        }
        let mut dirs = Vec::new();
        for entry in listing.entries {
            if entry.kind == EntryKind::Directory {
                dirs.push(entry.name);
                continue;
            }
            let meta = lstat(here, &entry.name)?.ok_or(Fault::Conflict)?;
            self.expect(&below(path, &entry.name), &meta, act)?;
            check_entry_removable(here, &entry.name)?;
            if act == Act::Remove {
                unlinkat(here, &entry.name, AtFlags::empty())?;
                *removed += 1;
            }
        }
        Ok(dirs)
    }

    fn expect(&self, path: &[u8], meta: &Meta, act: Act) -> Result<(), Fault> {
        let is_same = match act {
            Act::Check => Stamp::is,
            // The removal of one name changes the file that the others name.
            Act::Remove => Stamp::is_with_fewer_names,
        };
        match self.copied.get(path) {
            Some(pair) if is_same(&pair.original, meta) => Ok(()),
            _ => Err(Fault::Conflict),
        }
    }
}

/// Checks whether the entries of a directory can be removed, as far as that can be determined beforehand.
pub(crate) fn check_removable(dir: &OwnedFd) -> rustix::io::Result<()> {
    check_changeable(dir)?;
    if is_append_only(dir) {
        return Err(Errno::PERM);
    }
    Ok(())
}

/// Checks that for one entry that is not a directory.
pub(crate) fn check_entry_removable(dir: &OwnedFd, name: &CStr) -> rustix::io::Result<()> {
    if is_immutable(dir, OsStr::from_bytes(name.to_bytes())) {
        return Err(Errno::PERM);
    }
    Ok(())
}

pub(crate) fn below(path: &[u8], name: &CStr) -> Vec<u8> {
    let mut path = path.to_vec();
    path.push(b'/');
    path.extend(name.to_bytes());
    path
}
