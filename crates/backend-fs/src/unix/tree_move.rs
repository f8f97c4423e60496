//! Moving a directory that the system cannot rename: the whole tree is copied out of sight, put in its place in
//! one step, and only then is the original removed.
//!
//! Only entries that were copied and have not changed since are removed. Hard links inside become files of
//! their own; mounts, FIFOs, sockets and devices are refused before anything becomes visible.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use backend_core::{EntryKind, Error, Renamed, Version, VirtualPath};
use rustix::fs::{
    AtFlags, Gid, Mode, Uid, chownat, futimens, mkdirat, openat, readlinkat, symlinkat, utimensat,
};
use rustix::io::Errno;

use super::descent::{Descent, open_list};
use super::fault::Fault;
use super::flush::{Flush, check_size_at_server, confirm, flush_content, flush_file_system};
use super::list::list;
use super::meta::{FileId, Meta};
use super::move_by_copy::SPECIAL;
use super::open::{Opened, open_seen};
use super::place::lstat;
use super::preserved::Preserved;
use super::rename::{CHANGED, Moving, into_itself};
use super::retry::retry;
use super::root::Root;
use super::staging::Staging;
use super::sys::{CREATE, is_local, is_mount_point};
use super::tree_copy::is_untouched;
use super::tree_source::{Original, check_entry_removable, check_removable};

const MOUNTED: &str = "moving a directory with a mount in it to another file system";

/// The copied entries, by path below the tree's top.
pub(crate) type Copied = BTreeMap<Vec<u8>, Pair>;

/// An entry and its copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) original: Stamp,
    pub(crate) copy: Stamp,
}

/// The identity of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stamp {
    /// A directory, whose times change as it is emptied.
    Directory(FileId),
    /// A file or a link, as it was when it was read.
    Other(Version),
    /// One that has other names, and its state without the time that changes when one of them is removed.
    Linked(Version, Version),
}

impl Stamp {
    pub(crate) fn of(meta: &Meta) -> Self {
        if meta.is_dir() {
            Self::Directory(meta.id())
        } else if meta.nlink() == 1 {
            Self::Other(meta.version())
        } else {
            Self::Linked(meta.version(), meta.content_version())
        }
    }

    /// Whether this is still the entry, unchanged.
    pub(crate) fn is(&self, meta: &Meta) -> bool {
        match self {
            Self::Directory(id) => meta.is_dir() && *id == meta.id(),
            Self::Other(version) | Self::Linked(version, _) => {
                !meta.is_dir() && *version == meta.version()
            }
        }
    }

    /// Whether it is, except that other names of it may have been removed since.
    pub(crate) fn is_with_fewer_names(&self, meta: &Meta) -> bool {
        match self {
            Self::Linked(_, content) => !meta.is_dir() && *content == meta.content_version(),
            stamp => stamp.is(meta),
        }
    }
}

impl Root {
    /// Moves a directory by copying it.
    pub(crate) fn move_tree_by_copy(&self, moving: &Moving<'_>) -> Result<Renamed, Fault> {
        self.try_move_tree(moving).map_err(|fault| match fault {
            // Retrying would copy everything again.
            Fault::Conflict => Error::conflict(moving.from, CHANGED, None).into(),
            fault => fault,
        })
    }

    fn try_move_tree(&self, moving: &Moving<'_>) -> Result<Renamed, Fault> {
        let Moving { source, target, .. } = moving;
        moving.at.set(moving.to);
        let staging = Staging::create(target)?;
        moving.at.set(moving.from);
        let mut copy = Copy::start(self, moving, &staging)?;
        copy.run()?;
        let original = Original::new(source, moving.from, copy.copied);
        original.check()?;
        moving.at.set(moving.to);
        if self.durability().keeps_content() {
            flush_file_system(staging.dir())?;
        }
        let flush = self.flush_before_removal(&target.dir)?;
        let removed_from = Flush::if_full(self.durability(), &source.dir)?;
        staging.install().map_err(|error| match error {
            Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR => Fault::from(Errno::EXIST),
            error => error.into(),
        })?;
        let settled = flush.wait().and_then(|()| self.flush_made(target));
        moving.at.set(moving.from);
        if let Err((error, removed)) = settled
            .map_err(|error| (Fault::from(error), 0))
            .and_then(|()| original.remove())
        {
            if removed > 0 {
                let left = "it was copied, but not all of the original could be removed: the rest is at both paths";
                return Err(moving.at_both(error, left));
            }
            // Since it is in its place, others may have put something into it, or replaced it.
            if is_untouched(target, original.copied()) && staging.undo().is_ok() {
                return Err(error);
            }
            let left = format!(
                "it was copied to {}, and the copy was changed there or cannot be removed: both exist now",
                moving.to
            );
            return Err(moving.at_both(error, &left));
        }
        removed_from.wait()?;
        Ok(Renamed::copied(None))
    }
}

/// A copy under way, in step through both trees.
struct Copy<'c> {
    from: Descent<Vec<CString>>,
    to: Descent<()>,
    /// Where the walk is, below the top.
    path: Vec<u8>,
    copied: Copied,
    original: &'c VirtualPath,
    staging: FileId,
    staging_name: &'c OsStr,
    device: u64,
    /// Whether each file has to be flushed individually, since the file system cannot be flushed as a whole.
    flushes_each: bool,
}

impl<'c> Copy<'c> {
    fn start(root: &Root, moving: &'c Moving<'_>, staging: &'c Staging<'_>) -> Result<Self, Fault> {
        let source = &moving.source;
        let top = open_list(&source.dir, source.name())
            .map_err(|error| Fault::from(error).race_if(&[Errno::NOTDIR, Errno::LOOP]))?;
        let device = Meta::of(&top)?.id().device;
        Ok(Self {
            from: Descent::start(top, CString::default(), Vec::new())?,
            to: Descent::start(staging.open_tree()?, CString::default(), ())?,
            path: Vec::new(),
            copied: Copied::new(),
            original: moving.from,
            staging: staging.id()?,
            staging_name: staging.name(),
            device,
            flushes_each: root.durability().keeps_content() && !is_local(staging.dir()),
        })
    }

    fn run(&mut self) -> Result<(), Fault> {
        self.copy_here()?;
        loop {
            if let Some(name) = self.from.work().pop() {
                retry(|| mkdirat(self.to.dir(), &name, Mode::from_raw_mode(0o700)))?;
                self.from.enter(name.clone(), Vec::new())?;
                self.path.push(b'/');
                self.path.extend(name.to_bytes());
                self.to.enter(name, ())?;
                self.copy_here()?;
                continue;
            }
            self.finish_here()?;
            let left = self.from.leave()?;
            self.to.leave()?;
            let Some(name) = left else {
                return Ok(());
            };
            let length = self.path.len().saturating_sub(name.to_bytes().len() + 1);
            self.path.truncate(length);
        }
    }

    /// Copies everything except directories from the current directory of the walk, and notes those.
    fn copy_here(&mut self) -> Result<(), Fault> {
        let here = Meta::of(self.from.dir())?;
        // A part of the same disk may be mounted there, with the same device number.
        if here.id().device != self.device || is_mount_point(self.from.dir(), OsStr::new("")) {
            return Err(Error::unsupported(MOUNTED).into());
        }
        check_removable(self.from.dir())?;
        let pair = Pair {
            original: Stamp::of(&here),
            copy: Stamp::of(&Meta::of(self.to.dir())?),
        };
        self.copied.insert(self.path.clone(), pair);
        let listing = list(self.from.dir())?;
        let holds_copy = listing.temporary.iter().any(|name| {
            name.to_bytes() == self.staging_name.as_bytes()
                && lstat(self.from.dir(), name)
                    .is_ok_and(|there| there.is_some_and(|there| there.id() == self.staging))
        });
        if holds_copy {
            return Err(into_itself(self.original).into());
        }
        if let Some(name) = listing.unknown.first() {
            // It can be neither copied nor left behind. If it can be examined now, the directory changed after the listing.
            lstat(self.from.dir(), name)?;
            return Err(Fault::Conflict);
        }
        for entry in listing.entries {
            let pair = match entry.kind {
                EntryKind::Directory => {
                    self.from.work().push(entry.name);
                    continue;
                }
                EntryKind::File => self.copy_file(&entry.name)?,
                EntryKind::Symlink => self.copy_link(&entry.name)?,
                _ => return Err(Error::unsupported(SPECIAL).into()),
            };
            check_entry_removable(self.from.dir(), &entry.name)?;
            if is_mount_point(self.from.dir(), OsStr::from_bytes(entry.name.to_bytes())) {
                return Err(Error::unsupported(MOUNTED).into());
            }
            let mut path = self.path.clone();
            path.push(b'/');
            path.extend(entry.name.to_bytes());
            self.copied.insert(path, pair);
        }
        Ok(())
    }

    fn copy_file(&self, name: &CStr) -> Result<Pair, Fault> {
        let Opened { file, meta } = open_seen(self.from.dir(), name)?;
        let preserved = Preserved::of(&file, meta);
        let copy = retry(|| openat(self.to.dir(), name, CREATE, Mode::from_raw_mode(0o600)))?;
        let (mut from, mut to) = (file, File::from(copy));
        let copied = io::copy(&mut from, &mut to)?;
        preserved.apply_to(&to)?;
        // Where times cannot be set, it has the time of the copy.
        let _ = futimens(&to, &meta.times());
        if self.flushes_each {
            flush_content(&to)?;
        }
        confirm(&to)?;
        check_size_at_server(&to, copied)?;
        if Meta::of(&from)?.version() != meta.version() {
            return Err(Fault::Conflict);
        }
        // The last close may change the times.
        drop(to);
        self.pair(name, &meta)
    }

    fn copy_link(&self, name: &CStr) -> Result<Pair, Fault> {
        let races = [Errno::NOENT, Errno::INVAL];
        let leads_to = retry(|| readlinkat(self.from.dir(), name, Vec::new()))
            .map_err(|error| Fault::from(error).race_if(&races))?;
        let meta = lstat(self.from.dir(), name)?.ok_or_else(|| Fault::raced(Errno::NOENT))?;
        retry(|| symlinkat(leads_to.as_c_str(), self.to.dir(), name))?;
        // The owner and the times of a link mean little, and cannot always be set.
        let (owner, group) = (Uid::from_raw(meta.owner()), Gid::from_raw(meta.group()));
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let _ = chownat(self.to.dir(), name, Some(owner), Some(group), flags);
        let _ = utimensat(self.to.dir(), name, &meta.times(), flags);
        self.pair(name, &meta)
    }

    /// Notes an original that is not a directory, and its copy.
    fn pair(&self, name: &CStr, original: &Meta) -> Result<Pair, Fault> {
        let copy = lstat(self.to.dir(), name)?.ok_or(Errno::NOENT)?;
        Ok(Pair {
            original: Stamp::of(original),
            copy: Stamp::of(&copy),
        })
    }

    /// Gives a directory the original's metadata, once its content is complete.
    fn finish_here(&self) -> Result<(), Fault> {
        let meta = Meta::of(self.from.dir())?;
        Preserved::of(self.from.dir(), meta).apply_to(self.to.dir())?;
        let _ = futimens(self.to.dir(), &meta.times());
        if self.flushes_each {
            flush_dir(self.to.dir())?;
        }
        Ok(())
    }
}

fn flush_dir(dir: &OwnedFd) -> rustix::io::Result<()> {
    Flush::of(dir.as_fd())?.wait()
}
