//! Retries calls that a signal interrupts, and opens that have to wait for a lease.
//!
//! Network and FUSE file systems answer `EINTR` where others do not, in any program that handles signals.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::sys::READ;

/// How often an interrupted call is retried. A file system that always answers so must not hold a thread forever.
const MAX_INTERRUPTS: usize = 1000;

/// How long an open waits for the holder of a lease. By then the kernel has ended the lease: it gives a holder 45
/// seconds, unless `/proc/sys/fs/lease-break-time` was changed.
const LEASE_TIMEOUT: Duration = Duration::from_secs(60);

/// The first and the longest pause between two attempts to open a file under a lease.
const LEASE_BACKOFF: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// Makes a call again while a signal interrupts it.
pub(crate) fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    for _ in 0..MAX_INTERRUPTS {
        match call() {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
    Err(Errno::INTR)
}

/// Makes a call again while a signal interrupts it.
pub(crate) fn retry_io<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..MAX_INTERRUPTS {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
    Err(Errno::INTR.into())
}

/// Opens a name in a directory. The flags are those of [`sys`](super::sys), and nothing is created.
pub(crate) fn open_in(
    dir: impl AsFd,
    name: impl rustix::path::Arg + Copy,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    retry(|| openat(&dir, name, flags, Mode::empty()))
}

/// Opens an entry that was a regular file a moment ago.
///
/// A file server (Samba, nfsd) holds a lease on a file that one of its clients has open. A non-blocking open notifies
/// the holder, and fails; the file can be opened once the holder has released the lease. An entry that was swapped in
/// meanwhile still cannot block, so the caller only has to check what it got.
pub(crate) fn open_regular(
    dir: impl AsFd,
    name: impl rustix::path::Arg + Copy,
    is_over: impl Fn() -> bool,
) -> rustix::io::Result<OwnedFd> {
    let (mut pause, longest) = LEASE_BACKOFF;
    let mut since = None;
    loop {
        match open_in(&dir, name, READ) {
            Err(Errno::WOULDBLOCK) => {}
            outcome => return outcome,
        }
        if since.get_or_insert_with(Instant::now).elapsed() >= LEASE_TIMEOUT || is_over() {
            return Err(Errno::WOULDBLOCK);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
}

#[cfg(test)]
mod tests {
    use super::{Errno, MAX_INTERRUPTS, retry, retry_io};

    #[test]
    fn an_interrupted_call_is_retried_but_not_forever() {
        let mut left = 3;
        let mut call = || {
            left -= 1;
            if left > 0 { Err(Errno::INTR) } else { Ok(7) }
        };
        assert_eq!(retry(&mut call), Ok(7));
        let mut calls = 0;
        let interrupted = retry::<()>(|| {
            calls += 1;
            Err(Errno::INTR)
        });
        assert_eq!((interrupted, calls), (Err(Errno::INTR), MAX_INTERRUPTS));
        assert_eq!(retry::<()>(|| Err(Errno::IO)), Err(Errno::IO));
    }

    #[test]
    fn the_same_holds_for_calls_of_the_standard_library() {
        let mut left = 3;
        let outcome = retry_io(|| {
            left -= 1;
            if left > 0 {
                Err(Errno::INTR.into())
            } else {
                Ok(7)
            }
        });
        assert_eq!(outcome.unwrap(), 7);
        assert!(retry_io::<()>(|| Err(Errno::INTR.into())).is_err());
    }
}
