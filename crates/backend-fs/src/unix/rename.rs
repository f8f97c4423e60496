//! `rename`: an entry gets another place, both named by the handles of their directories.
//!
//! Equal device and inode numbers never prove that two names are one file: unions, snapshots and network file
//! systems give the same number twice. So the system renames first, and the result is checked afterwards.

use std::cell::Cell;

use backend_core::{Error, RenameMode, RenameRequest, Renamed, Result, VirtualPath};
use rustix::fs::{AtFlags, linkat, renameat, unlinkat};
use rustix::io::Errno;

use super::fault::Fault;
use super::flush::{Flush, flush_place};
use super::meta::Meta;
use super::names;
use super::place::Place;
use super::remove_error::append_message;
use super::replace::refusal;
use super::resolve::MissingParents;
use super::root::Root;
use super::spelling::{is_listed, is_respelling};
use super::sys::{is_unsupported, rename_exclusive};

/// A rename under way: both places are locked.
#[derive(Debug)]
pub(crate) struct Moving<'r> {
    pub(crate) from: &'r VirtualPath,
    pub(crate) to: &'r VirtualPath,
    pub(crate) source: Place<'r>,
    pub(crate) target: Place<'r>,
    /// The entry to move.
    pub(crate) moved: Meta,
    /// Whether a file or link at the target gives way.
    pub(crate) replaces: bool,
    /// Which of the two paths a fault is about by default.
    pub(crate) at: &'r Cell<&'r VirtualPath>,
}

impl Root {
    pub(crate) fn rename(&self, request: &RenameRequest) -> Result<Renamed> {
        let RenameRequest { from, to, .. } = request;
        self.check_writable(from)?;
        names::check(from)?;
        names::check(to)?;
        if from.is_root() || to.is_root() {
            let root = VirtualPath::root();
            return Err(Error::invalid_request_at(
                &root,
                "the root cannot be moved or replaced",
            ));
        }
        // Each error names the path that it is about: `from` until `to` is examined.
        let at = Cell::new(from);
        self.retry_races(from, || {
            at.set(from);
            self.rename_once(request, &at).map_err(|fault| match fault {
                Fault::Raced(_) | Fault::Conflict => fault,
                fault => self.error_at(at.get(), fault).into(),
            })
        })
    }

    fn rename_once<'r>(
        &'r self,
        request: &'r RenameRequest,
        at: &'r Cell<&'r VirtualPath>,
    ) -> Result<Renamed, Fault> {
        let RenameRequest { from, to, mode, .. } = request;
        let source = self.place(from, MissingParents::Refuse)?;
        let moved = source.lstat()?.ok_or(Errno::NOENT)?;
        if from == to {
            return Ok(Renamed::new(version(&moved)));
        }
        if moved.is_dir() && to.starts_with(from) {
            return Err(into_itself(from).into());
        }
        at.set(to);
        let mut moving = Moving {
            target: self.place(to, MissingParents::Create)?,
            from,
            to,
            source,
            moved,
            replaces: *mode == RenameMode::Overwrite && !moved.is_dir(),
            at,
        };
        let _held = moving.source.lock_both(&moving.target)?;
        let there = moving.target.lstat()?;
        let renamed = self.move_onto(&moving, there.as_ref())?;
        moving.target.keep_dirs();
        Ok(renamed)
    }

    fn move_onto(&self, moving: &Moving<'_>, there: Option<&Meta>) -> Result<Renamed, Fault> {
        let Moving { source, target, .. } = moving;
        let Some(there) = there else {
            return self.move_by(moving, rename_new);
        };
        let may_be_one = there.id() == moving.moved.id();
        if may_be_one && is_respelling(source, target)? {
            let renamed = self.move_by(moving, rename_plain)?;
            if is_listed(&target.dir, target.name())? {
                return Ok(renamed);
            }
            let what = "changing only the case of a name on this file system";
            return Err(Error::unsupported(what).into());
        }
        if !moving.replaces {
            return Err(Error::already_exists(moving.to).into());
        }
        if there.is_dir() {
            return Err(Error::is_a_directory(moving.to).into());
        }
        let renamed = self.move_by(moving, rename_plain)?;
        if renamed.atomic && may_be_one {
            self.remove_second_name(moving)?;
        }
        Ok(renamed)
    }

    /// Renames in one step, or by a copy where that is impossible.
    fn move_by(
        &self,
        moving: &Moving<'_>,
        rename: fn(&Moving<'_>) -> rustix::io::Result<()>,
    ) -> Result<Renamed, Fault> {
        let Moving {
            source,
            target,
            moved,
            ..
        } = moving;
        let races = [Errno::NOENT, Errno::ISDIR, Errno::NOTDIR];
        let durability = self.durability();
        // The file that replaces other content may never have been flushed by its writer.
        let must_stay = durability.is_full() || (durability.keeps_content() && moving.replaces);
        if moved.is_file() && must_stay {
            moving.at.set(moving.from);
            flush_place(source)?;
            moving.at.set(moving.to);
        }
        let flushes = [
            Flush::if_full(durability, &target.dir)?,
            Flush::if_full(durability, &source.dir)?,
        ];
        match rename(moving) {
            Ok(()) => {}
            Err(Errno::XDEV) => {
                return self
                    .move_by_copy(moving)
                    .map_err(|fault| fault.explain_quota(&target.dir));
            }
            Err(Errno::INVAL) if moved.is_dir() => return Err(into_itself(moving.from).into()),
            Err(Errno::EXIST) if moving.replaces => return Err(Fault::raced(Errno::EXIST)),
            Err(error @ (Errno::PERM | Errno::ACCESS)) => return Err(moving.refusal(error)),
            Err(error) => {
                return Err(Fault::from(error)
                    .race_if(&races)
                    .explain_quota(&target.dir));
            }
        }
        for flush in flushes {
            flush.wait()?;
        }
        let meta = target.lstat()?;
        Ok(Renamed::new(meta.as_ref().and_then(version)))
    }

    /// After a rename that succeeded. If both names are one file, the system has left both, and the source
    /// must be removed; anything else at the source now is not ours to remove.
    fn remove_second_name(&self, moving: &Moving<'_>) -> Result<(), Fault> {
        let Moving { source, target, .. } = moving;
        let (Some(left), Some(there)) = (source.lstat()?, target.lstat()?) else {
            return Ok(());
        };
        let same_dir = Meta::of(&source.dir)?.id() == Meta::of(&target.dir)?.id();
        let is_one_place = same_dir && source.name() == target.name();
        let are_two_names = left.id() == there.id() && left.nlink() >= 2;
        if is_one_place
            || !are_two_names
            || !is_listed(&source.dir, source.name())?
            || !is_listed(&target.dir, target.name())?
        {
            return Ok(());
        }
        let flush = Flush::if_full(self.durability(), &source.dir)?;
        unlinkat(&source.dir, source.name(), AtFlags::empty())?;
        Ok(flush.wait()?)
    }
}

impl Moving<'_> {
    /// Creates the error of a rename that the system refuses, about the path that is the reason, if that can
    /// be determined.
    pub(crate) fn refusal(&self, error: Errno) -> Fault {
        match refusal(self.from, &self.source, error) {
            Fault::Io(_) => refusal(self.to, &self.target, error),
            known => known,
        }
    }

    /// Creates the fault of a move that leaves the entry, or part of it, at both paths. It keeps the reason of the fault
    /// that ended the move, and also says what is left.
    pub(crate) fn at_both(&self, fault: Fault, left: &str) -> Fault {
        let mut error = match fault {
            Fault::Conflict => Error::conflict(self.from, CHANGED, None),
            fault => fault.explain_quota(&self.target.dir).at(self.from),
        };
        if let Error::QuotaExceeded { what, .. } | Error::Unsupported { what } = &mut error {
            *what = format!("{what} ({left})");
        } else if !append_message(&mut error, &format!("; {left}")) {
            // It has no message of its own, such as that of an original that is gone.
            error = Error::conflict(self.from, format!("{error}; {left}"), None);
        }
        error.into()
    }
}

pub(crate) const CHANGED: &str = "something in it changed while it was copied to its new place";

/// Returns the version of a file.
pub(crate) fn version(meta: &Meta) -> Option<backend_core::Version> {
    meta.is_file().then(|| meta.version())
}

fn rename_plain(moving: &Moving<'_>) -> rustix::io::Result<()> {
    let Moving { source, target, .. } = moving;
    renameat(&source.dir, source.name(), &target.dir, target.name())
}

/// Renames to a name that must not exist.
fn rename_new(moving: &Moving<'_>) -> rustix::io::Result<()> {
    let Moving { source, target, .. } = moving;
    let exclusive = rename_exclusive(&source.dir, source.name(), &target.dir, target.name());
    match exclusive {
        Err(error) if is_unsupported(error) => {}
        outcome => return outcome,
    }
    let flags = AtFlags::empty();
    if moving.moved.is_file() {
        match linkat(
            &source.dir,
            source.name(),
            &target.dir,
            target.name(),
            flags,
        ) {
            Ok(()) => return unlinkat(&source.dir, source.name(), flags),
            Err(Errno::PERM | Errno::MLINK) => {}
            Err(error) if is_unsupported(error) => {}
            Err(error) => return Err(error),
        }
    }
    // Nothing was there a moment ago, and the lock excludes this process. Another process could still create a
    // file there now, on a file system that can neither rename exclusively nor link.
    rename_plain(moving)
}

pub(crate) fn into_itself(from: &VirtualPath) -> Error {
    Error::invalid_request_at(from, "a directory cannot be moved into itself")
}
