//! A temporary file beside its target: written in full, then put in the target's place in one step.
//!
//! It has a reserved name, which nothing shows. While its writer lives it holds a lock on the file, by which
//! [`leftovers`](super::leftovers) tells the files of those who were killed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::Version;
use rustix::fs::{
    AtFlags, FlockOperation, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, fchmod,
    fchown, flock, futimens, linkat, openat, renameat, unlinkat,
};
use rustix::io::Errno;

use super::meta::Meta;
use super::names;
use super::retry::retry;
use super::sys::{CREATE, RACES, cannot, rename_exclusive, sync_dir};

/// A temporary file. It is removed when it is dropped, unless it was put in place.
#[derive(Debug)]
pub(crate) struct Temp<'dir> {
    dir: BorrowedFd<'dir>,
    name: String,
    file: File,
    in_place: bool,
}

/// Whether a target may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Replace,
    CreateNew,
}

impl<'dir> Temp<'dir> {
    /// Makes an empty file in `dir`. It gets the owner and the mode of the file that it will replace, if there
    /// is one.
    pub(crate) fn create(dir: BorrowedFd<'dir>, replaced: Option<&Meta>) -> io::Result<Self> {
        // Until it has the right owner, nobody else may open the copy of a file that they may not read.
        let mode = if replaced.is_some() { 0o600 } else { 0o666 };
        let temp = Self::create_with(dir, Mode::from_raw_mode(mode))?;
        if let Some(replaced) = replaced {
            temp.resemble(replaced)?;
        }
        Ok(temp)
    }

    fn create_with(dir: BorrowedFd<'dir>, mode: Mode) -> io::Result<Self> {
        for _ in 0..RACES {
            let name = names::temporary();
            let file: File = match retry(|| openat(dir, &name, CREATE | OFlags::NOCTTY, mode)) {
                Ok(file) => file.into(),
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error.into()),
            };
            let temp = Self {
                dir,
                name,
                file,
                in_place: false,
            };
            let locked = flock(&temp.file, FlockOperation::NonBlockingLockExclusive);
            // In the moment before the lock it looked like a leftover, and may have been removed as one.
            if locked == Err(Errno::WOULDBLOCK) || Meta::of(&temp.file)?.names() == 0 {
                continue;
            }
            return Ok(temp);
        }
        Err(Errno::EXIST.into())
    }

    /// Gives the file a time of modification that no other write of this process has. The kernel's own has the
    /// grain of a clock tick on some systems, in which two writes and the reuse of an inode fit easily; a
    /// version must not.
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
        // A file system that cannot do it leaves what the kernel set.
        let _ = futimens(&self.file, &times);
    }

    fn resemble(&self, replaced: &Meta) -> io::Result<()> {
        let own = Meta::of(&self.file)?;
        let mut mode = replaced.mode();
        let (owner, group) = (replaced.owner(), replaced.group());
        if own.owner() != owner || own.group() != group {
            let (owner, group) = (Uid::from_raw(owner), Gid::from_raw(group));
            let both = fchown(&self.file, Some(owner), Some(group));
            if both.is_err() && fchown(&self.file, None, Some(group)).is_err() {
                // The group is another one now: it gets no more than everybody.
                let others = Mode::from_raw_mode((mode.as_raw_mode() & 0o007) << 3);
                mode = mode.difference(Mode::RWXG) | (mode & others);
            }
        }
        // New content does not run with the owner's rights, as after any write.
        let mode = mode.difference(Mode::SUID.union(Mode::SGID));
        if own.mode() != mode {
            fchmod(&self.file, mode)?;
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.touch();
        Ok(())
    }

    /// Puts the file in the place of `name` in its directory, and returns its version.
    pub(crate) fn put(mut self, name: &OsStr, target: Target, fsync: bool) -> io::Result<Version> {
        if fsync {
            self.file.sync_all()?;
        }
        match target {
            Target::Replace => renameat(self.dir, &self.name, self.dir, name)?,
            Target::CreateNew => self.put_exclusive(name)?,
        }
        self.in_place = true;
        if fsync {
            sync_dir(self.dir)?;
        }
        Ok(Meta::of(&self.file)?.version())
    }

    fn put_exclusive(&self, name: &OsStr) -> rustix::io::Result<()> {
        match rename_exclusive(self.dir, OsStr::new(&self.name), self.dir, name) {
            Err(error) if cannot(error) => self.link_exclusive(name),
            outcome => outcome,
        }
    }

    /// The old way: a second name for the file, which cannot be given twice, instead of the first one.
    fn link_exclusive(&self, name: &OsStr) -> rustix::io::Result<()> {
        match linkat(self.dir, &self.name, self.dir, name, AtFlags::empty()) {
            Ok(()) => unlinkat(self.dir, &self.name, AtFlags::empty()),
            Err(Errno::PERM | Errno::MLINK) => self.claim_exclusive(name),
            Err(error) if cannot(error) => self.claim_exclusive(name),
            Err(error) => Err(error),
        }
    }

    /// Where there are no hard links: whoever can make the empty file may replace it.
    fn claim_exclusive(&self, name: &OsStr) -> rustix::io::Result<()> {
        drop(openat(self.dir, name, CREATE, Mode::from_raw_mode(0o600))?);
        let renamed = renameat(self.dir, &self.name, self.dir, name);
        if renamed.is_err() {
            let _ = unlinkat(self.dir, name, AtFlags::empty());
        }
        renamed
    }
}

impl AsFd for Temp<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if !self.in_place {
            let _ = unlinkat(self.dir, &self.name, AtFlags::empty());
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
        // Nobody makes a thousand million files in a second: further ahead than that is a clock that was wrong.
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
