//! A temporary file next to its target: written in full, then put in the target's place in one step.
//!
//! It has a reserved, hidden name. A running writer holds a lock on the file, so [`leftovers`](super::leftovers)
//! can recognise the files of killed ones. In a directory whose entries cannot be removed it has no name at all
//! until it is in its place.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::Version;
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, flock, futimens,
    linkat, openat, renameat, unlinkat,
};
use rustix::io::Errno;

use super::flush::{Flush, check_size_at_server, confirm, flush_content, flush_file};
use super::meta::Meta;
use super::names;
use super::place::lstat;
use super::preserved::{Fidelity, Preserved};
use super::retry::retry;
use super::sys::{CREATE, MAX_RACES, is_append_only, is_local, is_unsupported, rename_exclusive};
use crate::Durability;

/// A temporary file. It is removed when it is dropped, unless it was put in place.
#[derive(Debug)]
pub(crate) struct Temp<'dir> {
    dir: BorrowedFd<'dir>,
    /// The name that it has, if it has one.
    name: Option<String>,
    file: File,
    written: u64,
}

/// Whether a target may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// An existing entry is replaced.
    Replace,
    /// Nothing was there a moment ago. An entry that was created meanwhile is reported as `EEXIST`, if the system
    /// can tell.
    New,
    /// Nothing may be there.
    CreateNew,
}

impl<'dir> Temp<'dir> {
    /// Creates an empty file in `dir`. It gets the owner, the mode and the access list of the file that it will
    /// replace, if there is one.
    pub(crate) fn create(dir: BorrowedFd<'dir>, replaced: Option<&Preserved>) -> io::Result<Self> {
        let Some(replaced) = replaced else {
            let mode = Mode::from_raw_mode(0o666);
            return if is_append_only(dir) {
                Self::without_name(dir, mode)
            } else {
                Self::with_mode(dir, mode)
            };
        };
        // Until it has the right owner, other users must not be able to open a copy of a file that they may not
        // read.
        let temp = Self::with_mode(dir, Mode::from_raw_mode(0o600))?;
        match replaced.apply_to(&temp.file)? {
            // Where modes cannot be changed, a file may still be created with one.
            Fidelity::Reduced {
                wanted,
                same_owners: true,
            } => {
                drop(temp);
                let temp = Self::with_mode(dir, wanted)?;
                replaced.apply_to(&temp.file)?;
                Ok(temp)
            }
            Fidelity::Exact | Fidelity::Reduced { .. } => Ok(temp),
        }
    }

    fn with_mode(dir: BorrowedFd<'dir>, mode: Mode) -> io::Result<Self> {
        for _ in 0..MAX_RACES {
            let name = names::temporary();
            let file: File = match retry(|| openat(dir, &name, CREATE | OFlags::NOCTTY, mode)) {
                Ok(file) => file.into(),
                Err(Errno::EXIST | Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let temp = Self {
                dir,
                name: Some(name),
                file,
                written: 0,
            };
            let locked = flock(&temp.file, FlockOperation::NonBlockingLockExclusive);
            // In the moment before the lock it looked like a leftover, and may have been removed as one.
            if locked != Err(Errno::WOULDBLOCK) && temp.is_there()? {
                return Ok(temp);
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Whether the name is still that of the file. The number of names alone does not tell: some file systems
    /// say 0 for every file.
    fn is_there(&self) -> io::Result<bool> {
        let meta = Meta::of(&self.file)?;
        if meta.nlink() > 0 {
            return Ok(true);
        }
        let Some(name) = &self.name else {
            return Ok(false);
        };
        Ok(lstat(self.dir, name)?.is_some_and(|there| there.id() == meta.id()))
    }

    /// Gives the file a time of modification that no other write of this process has. On some systems the
    /// kernel's own time has the granularity of a clock tick, in which two writes and the reuse of an inode
    /// easily fit; a version must be finer.
    fn touch(&self) {
        let now = unique_now();
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            last_modification: Timespec {
                tv_sec: now.as_secs().try_into().unwrap_or_default(),
                tv_nsec: now.subsec_nanos() as _,
            },
        };
        // A file system that does not support it keeps the kernel's time.
        let _ = futimens(&self.file, &times);
    }

    pub(crate) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.written += content.len() as u64;
        self.touch();
        Ok(())
    }

    /// Confirms the content: the file system has accepted it, and the disk has it if required.
    pub(crate) fn confirm_content(&self, durability: Durability, replaces: bool) -> io::Result<()> {
        if durability.is_full() {
            flush_file(&self.file)?;
        } else if durability.keeps_content() && replaces {
            flush_content(&self.file)?;
        }
        confirm(&self.file)?;
        Ok(check_size_at_server(&self.file, self.written)?)
    }

    /// Puts the file in the place of `name` in its directory, and returns its version.
    ///
    /// An existing file is replaced only if `target` says so. Content that must survive is on the disk first.
    pub(crate) fn persist(
        mut self,
        name: &OsStr,
        target: Target,
        durability: Durability,
    ) -> io::Result<Version> {
        self.confirm_content(durability, target == Target::Replace)?;
        let flush = Flush::if_full(durability, self.dir)?.or_file_system_of(&self.file)?;
        match target {
            Target::Replace => renameat(self.dir, self.name()?, self.dir, name)?,
            Target::New => self.persist_new(name, durability)?,
            Target::CreateNew => self.persist_noclobber(name)?,
        }
        self.name = None;
        flush.wait()?;
        let (dir, meta) = (self.dir, Meta::of(&self.file)?);
        if is_local(dir) {
            return Ok(meta.version());
        }
        // Elsewhere the last close may change the times. So the entry is stat'ed afterwards, if it is still this
        // file.
        drop(self);
        let there = lstat(dir, name)?
            .filter(|there| there.id() == meta.id() && there.size() == meta.size());
        Ok(there.unwrap_or(meta).version())
    }

    /// Returns the version that the file has, whatever its name is.
    pub(crate) fn version(&self) -> io::Result<Version> {
        Ok(Meta::of(&self.file)?.version())
    }

    /// Returns the name that the file has at the moment.
    pub(crate) fn name(&self) -> rustix::io::Result<&str> {
        self.name.as_deref().ok_or(Errno::PERM)
    }

    /// Treats the file as one that is in its place now, so that it stays.
    pub(crate) fn keep(&mut self) {
        self.name = None;
    }

    fn persist_new(&self, name: &OsStr, durability: Durability) -> io::Result<()> {
        let Some(own) = &self.name else {
            return Ok(self.name_exclusive(name)?);
        };
        match rename_exclusive(self.dir, OsStr::new(own), self.dir, name) {
            Err(error) if is_unsupported(error) => {
                // It may replace something after all.
                self.confirm_content(durability, true)?;
                Ok(renameat(self.dir, own, self.dir, name)?)
            }
            outcome => Ok(outcome?),
        }
    }

    fn persist_noclobber(&self, name: &OsStr) -> rustix::io::Result<()> {
        let Some(own) = &self.name else {
            return self.name_exclusive(name);
        };
        match rename_exclusive(self.dir, OsStr::new(own), self.dir, name) {
            Err(error) if is_unsupported(error) => self.link_exclusive(name),
            outcome => outcome,
        }
    }

    /// The old way: a second link to the file, which fails if the name exists, then removing the first.
    fn link_exclusive(&self, name: &OsStr) -> rustix::io::Result<()> {
        match linkat(self.dir, self.name()?, self.dir, name, AtFlags::empty()) {
            Ok(()) => unlinkat(self.dir, self.name()?, AtFlags::empty()),
            Err(Errno::PERM | Errno::MLINK) => self.claim_exclusive(name),
            Err(error) if is_unsupported(error) => self.claim_exclusive(name),
            Err(error) => Err(error),
        }
    }

    /// Where there are no hard links: the process that creates the empty file may replace it.
    fn claim_exclusive(&self, name: &OsStr) -> rustix::io::Result<()> {
        drop(openat(self.dir, name, CREATE, Mode::from_raw_mode(0o600))?);
        let renamed = renameat(self.dir, self.name()?, self.dir, name);
        if renamed.is_err() {
            let _ = unlinkat(self.dir, name, AtFlags::empty());
        }
        renamed
    }

    /// A file that has no name yet gets its first one.
    fn name_exclusive(&self, name: &OsStr) -> rustix::io::Result<()> {
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        linkat(CWD, own, self.dir, name, AtFlags::SYMLINK_FOLLOW)
    }

    /// Creates a file without a name. Where that is impossible, it is refused: a file with a name would stay.
    fn without_name(dir: BorrowedFd<'dir>, mode: Mode) -> io::Result<Self> {
        let file = unnamed(dir, mode)?;
        Ok(Self {
            dir,
            name: None,
            file,
            written: 0,
        })
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unnamed(dir: BorrowedFd<'_>, mode: Mode) -> io::Result<File> {
    match openat(dir, ".", super::sys::UNNAMED, mode) {
        Ok(file) => Ok(file.into()),
        Err(error) if is_unsupported(error) || error == Errno::ISDIR => Err(Errno::PERM.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unnamed(_dir: BorrowedFd<'_>, _mode: Mode) -> io::Result<File> {
    Err(Errno::PERM.into())
}

impl AsFd for Temp<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = unlinkat(self.dir, name, AtFlags::empty());
        }
    }
}

/// Returns the time since 1970, at least a nanosecond later than at the call before, unless the clock was set
/// back.
fn unique_now() -> Duration {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
    let later = |last: u64| {
        // No process creates a thousand million files in a second: if it is further ahead than that, the clock
        // was wrong.
        let is_ahead = last >= now && last - now < 1_000_000_000;
        if is_ahead { last + 1 } else { now }
    };
    let last = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(later(last))
        })
        .unwrap_or_default();
    Duration::from_nanos(later(last))
}

#[cfg(test)]
mod tests;
