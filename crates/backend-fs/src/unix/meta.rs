//! The system's metadata of an entry, and what is derived from it: kind, version, time.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::{EntryKind, Version};
use rustix::fs::{
    AtFlags, FileType, Mode, RawMode, Stat, Timespec, Timestamps, UTIME_OMIT, fstat, statat,
};
use rustix::path::Arg;

use super::retry::retry;

/// The identity of an entry on this machine while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// The metadata of an entry, without following links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    stat: Stat,
    /// Distinguishes the file from an earlier one with the same inode, where the times do not; 0 elsewhere.
    generation: u64,
}

// The fields of `Stat` have other types on other targets.
#[expect(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the types differ between targets"
)]
impl Meta {
    pub(crate) fn new(stat: Stat) -> Self {
        Self {
            stat,
            generation: 0,
        }
    }

    /// Stats an open file.
    pub(crate) fn of(file: impl AsFd) -> io::Result<Self> {
        let meta = Self::new(retry(|| fstat(&file))?);
        Ok(meta.with_generation(|| generation::of(&file, c"", AtFlags::EMPTY_PATH)))
    }

    /// Stats a name in a directory, without following links.
    pub(crate) fn at(dir: impl AsFd, name: impl Arg) -> rustix::io::Result<Self> {
        name.into_with_c_str(|name| {
            let meta = Self::new(retry(|| statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW))?);
            Ok(meta.with_generation(|| generation::of(&dir, name, AtFlags::empty())))
        })
    }

    /// Asks for the generation of a file whose times have whole seconds: two writes fit into one second, and the
    /// second may well get the inode that the first one freed.
    fn with_generation(mut self, generation: impl FnOnce() -> u64) -> Self {
        if self.is_file()
            && self.stat.st_mtime_nsec as i64 == 0
            && self.stat.st_ctime_nsec as i64 == 0
        {
            self.generation = generation();
        }
        self
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
    pub(crate) fn nlink(&self) -> u64 {
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

    /// Returns whether no one has write permission.
    pub(crate) fn is_write_protected(&self) -> bool {
        !self
            .mode()
            .intersects(Mode::WUSR.union(Mode::WGRP).union(Mode::WOTH))
    }

    /// Returns the version of a file. See [`FsBackend`](crate::FsBackend) for the changes that it detects.
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
            self.generation,
        ])
    }

    /// Returns the part of the version that only a write changes: without the time of the last change of any kind, which
    /// a new or a removed name changes too.
    pub(crate) fn content_version(&self) -> Version {
        let FileId { device, inode } = self.id();
        Version::from_parts(&[
            device,
            inode,
            self.size(),
            self.stat.st_mtime as u64,
            self.stat.st_mtime_nsec as u64,
        ])
    }

    /// Returns whether the file was overwritten between these two stats. One that only grew, like a log, still
    /// has its old content.
    pub(crate) fn was_overwritten(&self, later: &Self) -> bool {
        let time = |meta: &Self| (meta.stat.st_mtime as i64, meta.stat.st_mtime_nsec as i64);
        later.size() < self.size() || (later.size() == self.size() && time(self) != time(later))
    }

    /// Returns the time of modification as it is given to another file. The time of access is left out.
    pub(crate) fn times(&self) -> Timestamps {
        Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            last_modification: Timespec {
                tv_sec: self.stat.st_mtime as _,
                tv_nsec: self.stat.st_mtime_nsec as _,
            },
        }
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

#[cfg(any(target_os = "linux", target_os = "android"))]
mod generation {
    //! The file systems that have a stable identity of a file beyond its inode.

    use std::ffi::CStr;
    use std::os::fd::AsFd;

    use rustix::fs::AtFlags;

    use crate::unix::calls::{NOT_TO_OPEN, file_handle};
    use crate::unix::sys::magic;

    /// Handles of others, such as those of FUSE, change when the system forgets a file and looks again.
    const STABLE_HANDLES: [u64; 3] = [
        0x0000_ef53, // ext2, ext3, ext4
        0x0000_6969, // nfs
        0x794c_7630, // overlayfs
    ];

    pub(super) fn of(dir: impl AsFd, name: &CStr, flags: AtFlags) -> u64 {
        if !magic(&dir).is_some_and(|magic| STABLE_HANDLES.contains(&magic)) {
            return 0;
        }
        let handle = file_handle(&dir, name, flags)
            .or_else(|_| file_handle(&dir, name, flags | NOT_TO_OPEN));
        // Without one, the version is as good as the times are.
        handle.map_or(0, |handle| fnv(&handle))
    }

    /// FNV-1a, which is the same in every process.
    fn fnv(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod generation {
    use std::ffi::CStr;
    use std::os::fd::AsFd;

    use rustix::fs::AtFlags;

    pub(super) fn of(_dir: impl AsFd, _name: &CStr, _flags: AtFlags) -> u64 {
        0
    }
}
