//! Moves that the system cannot do by a rename: to another file system, to another mount of the same one, or of a
//! directory of a lower layer. A copy, then a removal.
//!
//! The original is removed last, when the copy is confirmed, on the disk and in its place. If it cannot be removed, the
//! copy is removed again, and the file that it replaced is restored.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use backend_core::{EntryKind, Error, Renamed};
use rustix::fs::{Access, AtFlags, accessat, unlinkat};
use rustix::io::Errno;

use super::fault::Fault;
use super::flush::Flush;
use super::installed_copy::InstalledCopy;
use super::open::open_at;
use super::place::{Place, lstat};
use super::preserved::Preserved;
use super::rename::Moving;
use super::replace::{APPEND_ONLY, refusal, why_irremovable};
use super::root::Root;
use super::sys::{is_append_only, is_mount_point};
use super::temp::Temp;

impl Root {
    /// Moves an entry by copying it.
    pub(crate) fn move_by_copy(&self, moving: &Moving<'_>) -> Result<Renamed, Fault> {
        moving.at.set(moving.from);
        self.check_removable(moving)?;
        if is_append_only(&moving.target.dir) {
            // The temporary entry there could never be removed or renamed.
            moving.at.set(moving.to);
            return Err(Error::permission_denied(moving.to, APPEND_ONLY).into());
        }
        match moving.moved.kind() {
            EntryKind::File => self.move_file_by_copy(moving),
            EntryKind::Directory => self.move_tree_by_copy(moving),
            EntryKind::Symlink => self.move_link_by_copy(moving),
            _ => Err(Error::unsupported(SPECIAL).into()),
        }
    }

    fn move_file_by_copy(&self, moving: &Moving<'_>) -> Result<Renamed, Fault> {
        let Moving { source, target, .. } = moving;
        let mut opened = open_at(source)?;
        let preserved = Preserved::of(&opened.file, opened.meta);
        moving.at.set(moving.to);
        let mut temp = Temp::create(target.dir.as_fd(), Some(&preserved))?;
        if is_visible(source, &temp)? && source.name() == target.name() {
            // One directory through two mounts: the file is at the target already.
            return Ok(Renamed::new(Some(opened.meta.version())));
        }
        copy(&mut opened.file, &mut temp)?;
        let is_same = || -> io::Result<bool> {
            Ok(source.lstat()?.map(|meta| meta.version()) == Some(opened.meta.version()))
        };
        if !is_same()? {
            return Err(Fault::Conflict);
        }
        temp.confirm_content(self.durability(), true)?;
        let flush = self.flush_before_removal(&target.dir)?;
        let version = temp.version()?;
        let installed = InstalledCopy::install(temp, target, moving.replaces)?;
        self.remove_original(moving, installed, flush, is_same)?;
        let now = target.lstat()?.map_or(version, |meta| meta.version());
        Ok(Renamed::copied(Some(now)))
    }

    fn move_link_by_copy(&self, moving: &Moving<'_>) -> Result<Renamed, Fault> {
        let Moving { source, target, .. } = moving;
        let leads_to = source.read_link()?;
        moving.at.set(moving.to);
        let flush = self.flush_before_removal(&target.dir)?;
        let installed = InstalledCopy::install_link(&leads_to, target, moving.replaces)?;
        let is_same = || -> io::Result<bool> {
            let there = source.lstat()?;
            Ok(there.is_some_and(|there| there.id() == moving.moved.id()))
        };
        self.remove_original(moving, installed, flush, is_same)?;
        Ok(Renamed::copied(None))
    }

    /// Removes the original of a copy that is in its place, once the copy is on the disk. If that fails, removes the
    /// copy.
    fn remove_original(
        &self,
        moving: &Moving<'_>,
        installed: InstalledCopy<'_>,
        flush: Flush,
        is_same: impl Fn() -> io::Result<bool>,
    ) -> Result<(), Fault> {
        let removed = || -> Result<Flush, Fault> {
            flush.wait()?;
            self.flush_made(&moving.target)?;
            // It may have become another file, or be the copy itself by another spelling of the name.
            if !is_same()? {
                return Err(Fault::Conflict);
            }
            self.remove_source(moving)
        };
        match removed() {
            Ok(flush) => {
                installed.commit();
                Ok(flush.wait()?)
            }
            Err(fault) => Err(installed.undo(moving, fault)),
        }
    }

    /// Prepares to flush a directory before the originals of its entries are removed.
    pub(crate) fn flush_before_removal(&self, dir: impl AsFd) -> rustix::io::Result<Flush> {
        if self.durability().keeps_content() {
            Flush::of(dir)
        } else {
            Ok(Flush::Nothing)
        }
    }

    /// Flushes the directories that lead to a place.
    pub(crate) fn flush_made(&self, target: &Place<'_>) -> rustix::io::Result<()> {
        if self.durability().keeps_content() {
            target.flush_dirs()
        } else {
            Ok(())
        }
    }

    fn remove_source(&self, moving: &Moving<'_>) -> Result<Flush, Fault> {
        let Moving { source, .. } = moving;
        moving.at.set(moving.from);
        let flush = Flush::if_full(self.durability(), &source.dir)?;
        unlinkat(&source.dir, source.name(), AtFlags::empty())
            .map_err(|error| refusal(moving.from, source, error))?;
        Ok(flush)
    }

    /// Refuses an entry that could be copied but not removed.
    fn check_removable(&self, moving: &Moving<'_>) -> Result<(), Fault> {
        let Moving { source, from, .. } = moving;
        if is_mount_point(&source.dir, source.name()) {
            return Err(Fault::from(Errno::BUSY));
        }
        if let Some(reason) = why_irremovable(source) {
            return Err(Error::permission_denied(from, reason).into());
        }
        check_changeable(&source.dir).map_err(Fault::from)
    }
}

pub(crate) const SPECIAL: &str = "moving a FIFO, a socket or a device to another file system";

/// Checks whether this process may remove entries of a directory.
pub(crate) fn check_changeable(dir: impl AsFd) -> rustix::io::Result<()> {
    let rights = Access::WRITE_OK.union(Access::EXEC_OK);
    match accessat(dir, ".", rights, AtFlags::EACCESS) {
        Err(error @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) => Err(error),
        // If the system cannot tell, the removal decides.
        _ => Ok(()),
    }
}

/// Whether a temporary file of the target's directory is also in the source's directory: then they are the same.
fn is_visible(source: &Place<'_>, temp: &Temp<'_>) -> io::Result<bool> {
    let Ok(name) = temp.name() else {
        return Ok(false);
    };
    Ok(lstat(&source.dir, name)?.is_some())
}

fn copy(from: &mut File, to: &mut Temp<'_>) -> io::Result<()> {
    let mut piece = Vec::with_capacity(1 << 20);
    loop {
        piece.clear();
        from.take(1 << 20).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        to.write(&piece)?;
    }
}
