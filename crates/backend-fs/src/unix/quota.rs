//! Which resource is short, and on which disk, when a file system is full.

use std::io;
use std::os::fd::AsFd;

use backend_core::Error;
use rustix::fs::{StatVfs, fstatvfs};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::fault::Fault;

impl Fault {
    /// Adds which resource is short, if the fault is that one is. `dir` is on the disk that was written to.
    pub(crate) fn explain_quota(self, dir: impl AsFd) -> Self {
        match self.errno().and_then(|errno| short(errno, dir)) {
            Some(error) => Self::Error(error),
            None => self,
        }
    }
}

/// Does the same for an error of the system, which then has the error for the caller as its cause.
pub(crate) fn explain_quota(error: io::Error, dir: impl AsFd) -> io::Error {
    match Errno::from_io_error(&error).and_then(|errno| short(errno, dir)) {
        Some(reported) => io::Error::new(io::ErrorKind::StorageFull, reported),
        None => error,
    }
}

fn short(errno: Errno, dir: impl AsFd) -> Option<Error> {
    let (what, limit) = match errno {
        Errno::NOSPC => resource(fstatvfs(dir).ok().as_ref()),
        // The system does not report the quota itself. On XFS the directory of a project shows it as its disk's
        // size.
        Errno::DQUOT => {
            let (_, limit) = resource(fstatvfs(dir).ok().as_ref());
            (
                "storage of this user, group or project by a disk quota",
                limit,
            )
        }
        Errno::FBIG => largest_file(),
        _ => return None,
    };
    Some(Error::QuotaExceeded {
        what: what.to_owned(),
        limit,
    })
}

/// Returns which resource a full disk lacks, and how much of it the disk has in total.
fn resource(disk: Option<&StatVfs>) -> (&'static str, u64) {
    match disk {
        // A file system without an inode table reports 0, and has no limit on files.
        Some(disk) if disk.f_files > 0 && disk.f_ffree == 0 => {
            ("files and directories on the disk", disk.f_files)
        }
        Some(disk) => (
            "bytes of storage",
            disk.f_blocks.saturating_mul(disk.f_frsize),
        ),
        None => ("bytes of storage", 0),
    }
}

/// Returns what a file that is too large for the system exceeds.
fn largest_file() -> (&'static str, u64) {
    match getrlimit(Resource::Fsize).current {
        Some(limit) => ("bytes in one file", limit),
        // No system has larger files. The limit of this file system is not known.
        None => (
            "bytes in one file on this file system",
            i64::MAX.unsigned_abs(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use backend_core::{Error, ErrorKind, VirtualPath};
    use rustix::io::Errno;

    use super::{Fault, explain_quota, resource};

    #[test]
    fn a_full_disk_says_whether_it_lacks_bytes_or_files() {
        let dir = tempfile::tempdir().unwrap();
        let dir = std::fs::File::open(dir.path()).unwrap();
        let mut disk = rustix::fs::fstatvfs(&dir).unwrap();
        (disk.f_files, disk.f_ffree) = (16, 0);
        (disk.f_blocks, disk.f_frsize) = (10, 4096);
        let files = ("files and directories on the disk", 16);
        assert_eq!(resource(Some(&disk)), files);
        disk.f_ffree = 1;
        assert_eq!(resource(Some(&disk)), ("bytes of storage", 40_960));
        // As on btrfs.
        (disk.f_files, disk.f_ffree) = (0, 0);
        assert_eq!(resource(Some(&disk)), ("bytes of storage", 40_960));
    }

    #[test]
    fn every_error_of_a_limit_is_an_exceeded_quota_and_no_other_is() {
        let dir = tempfile::tempdir().unwrap();
        let dir = std::fs::File::open(dir.path()).unwrap();
        let path = VirtualPath::root();
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            let fault: Fault = explain_quota(errno.into(), &dir).into();
            let error = fault.at(&path);
            assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{errno:?}");
            assert!(!matches!(error, Error::QuotaExceeded { limit: 0, .. }));
        }
        let other = explain_quota(Errno::ACCESS.into(), &dir);
        assert_eq!(other.kind(), io::ErrorKind::PermissionDenied);
    }
}
