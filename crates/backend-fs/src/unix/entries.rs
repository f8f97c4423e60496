//! The names in a directory, as the system returns them.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::FileType;

/// How much is read at a time. Some file systems in user space lose entries where a listing is read in small parts.
#[cfg(any(target_os = "linux", target_os = "android"))]
const BUFFER_BYTES: usize = 32 << 10;

/// Calls `found` with every name in a directory that was opened with [`LIST`](super::sys::LIST), and with its kind as
/// the system reports it, from the first name on. `.` and `..` are among them.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn entries(dir: &OwnedFd, mut found: impl FnMut(&CStr, FileType)) -> io::Result<()> {
    use rustix::fs::{RawDir, SeekFrom, seek};

    // It may have been read before.
    seek(dir, SeekFrom::Start(0))?;
    let mut part = Vec::with_capacity(BUFFER_BYTES);
    let mut stream = RawDir::new(dir, part.spare_capacity_mut());
    while let Some(entry) = stream.next() {
        let entry = entry?;
        found(entry.file_name(), entry.file_type());
    }
    Ok(())
}

/// Calls `found` with every name in a directory, and with its kind as the system reports it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn entries(dir: &OwnedFd, mut found: impl FnMut(&CStr, FileType)) -> io::Result<()> {
    use rustix::fs::Dir;

    // The stream owns its descriptor, and the duplicate shares the position of the original: it must start over.
    let mut stream = Dir::new(dir.try_clone()?)?;
    stream.rewind();
    while let Some(entry) = stream.read() {
        let entry = entry?;
        found(entry.file_name(), entry.file_type());
    }
    Ok(())
}
