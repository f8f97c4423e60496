//! What the system says of an entry, and what we make of it: kind, version, time.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::{EntryKind, Version};
use rustix::fs::{FileType, Mode, RawMode, Stat, fstat};

use super::retry::retry;

/// What identifies an entry on this machine while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// The metadata of an entry, links not followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    stat: Stat,
}

// The fields of `Stat` have other types on other targets.
#[expect(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the types differ between targets"
)]
impl Meta {
    pub(crate) fn new(stat: Stat) -> Self {
        Self { stat }
    }

    /// Looks at what is open.
    pub(crate) fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(Self::new(retry(|| fstat(&file))?))
    }

    pub(crate) fn id(&self) -> FileId {
        FileId {
            device: self.stat.st_dev as u64,
            inode: self.stat.st_ino as u64,
        }
    }

    pub(crate) fn kind(&self) -> EntryKind {
        kind(FileType::from_raw_mode(self.stat.st_mode as RawMode))
    }

    pub(crate) fn is_file(&self) -> bool {
        self.kind() == EntryKind::File
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.kind() == EntryKind::Directory
    }

    pub(crate) fn is_link(&self) -> bool {
        self.kind() == EntryKind::Symlink
    }

    pub(crate) fn size(&self) -> u64 {
        self.stat.st_size as u64
    }

    /// Returns how many names the file has: 0 once it is removed.
    pub(crate) fn names(&self) -> u64 {
        self.stat.st_nlink as u64
    }

    pub(crate) fn owner(&self) -> u32 {
        self.stat.st_uid as u32
    }

    pub(crate) fn group(&self) -> u32 {
        self.stat.st_gid as u32
    }

    /// Returns the permissions, set-user-id and set-group-id among them.
    pub(crate) fn mode(&self) -> Mode {
        Mode::from_raw_mode(self.stat.st_mode as RawMode)
    }

    /// Returns whether nobody may write to it.
    pub(crate) fn is_write_protected(&self) -> bool {
        !self
            .mode()
            .intersects(Mode::WUSR.union(Mode::WGRP).union(Mode::WOTH))
    }

    /// Returns the version of a file. See [`FsBackend`](crate::FsBackend) for what it can tell.
    pub(crate) fn version(&self) -> Version {
        let FileId { device, inode } = self.id();
        Version::from_parts(&[
            device,
            inode,
            self.size(),
            self.stat.st_mtime as u64,
            self.stat.st_mtime_nsec as u64,
            self.stat.st_ctime as u64,
            self.stat.st_ctime_nsec as u64,
        ])
    }

    /// Returns whether somebody wrote over the file between these two looks at it. One that only grew, as a log
    /// does, still has what it had.
    pub(crate) fn was_overwritten(&self, later: &Self) -> bool {
        let time = |meta: &Self| (meta.stat.st_mtime as i64, meta.stat.st_mtime_nsec as i64);
        later.size() < self.size() || (later.size() == self.size() && time(self) != time(later))
    }

    pub(crate) fn modified(&self) -> Option<SystemTime> {
        let nanos = Duration::from_nanos(self.stat.st_mtime_nsec as u64);
        let seconds = self.stat.st_mtime as i64;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            UNIX_EPOCH.checked_sub(whole)?.checked_add(nanos)
        } else {
            UNIX_EPOCH.checked_add(whole)?.checked_add(nanos)
        }
    }
}

/// Returns the kind of an entry as listings show it.
pub(crate) fn kind(kind: FileType) -> EntryKind {
    match kind {
        FileType::Directory => EntryKind::Directory,
        FileType::RegularFile => EntryKind::File,
        FileType::Symlink => EntryKind::Symlink,
        _ => EntryKind::Other,
    }
}
