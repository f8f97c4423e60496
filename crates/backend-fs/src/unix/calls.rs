//! The system calls that no safe wrapper has, and the only `unsafe` of this crate.

#![expect(
    unsafe_code,
    reason = "a close that reports its error, and file handles, have no safe wrapper"
)]

use std::os::fd::{IntoRawFd, OwnedFd};

use rustix::io::try_close;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use handle::{NOT_TO_OPEN, file_handle};

/// Closes a descriptor, and returns the error if there is one. It is closed in any case.
pub(crate) fn close(fd: OwnedFd) -> rustix::io::Result<()> {
    // SAFETY: the descriptor is owned, and given up here: it cannot be used or closed afterwards.
    unsafe { try_close(fd.into_raw_fd()) }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod handle {
    use std::ffi::{CStr, c_int, c_uint};
    use std::os::fd::{AsFd, AsRawFd};

    use rustix::fs::AtFlags;
    use rustix::io::Errno;

    /// The maximum size of a handle in bytes.
    const MAX_HANDLE_BYTES: usize = 128;

    /// Requests a handle that need not be usable for opening the file.
    pub(crate) const NOT_TO_OPEN: AtFlags = AtFlags::from_bits_retain(0x200);

    /// The kernel's `struct file_handle`.
    #[repr(C)]
    struct Handle {
        length: c_uint,
        kind: c_int,
        bytes: [u8; MAX_HANDLE_BYTES],
    }

    /// Returns the handle by which a file system knows a file, its generation included: another file that gets
    /// the same inode later has another handle.
    pub(crate) fn file_handle(
        dir: impl AsFd,
        name: &CStr,
        flags: AtFlags,
    ) -> rustix::io::Result<Vec<u8>> {
        let mut handle = Handle {
            // Fits: it is 128.
            length: MAX_HANDLE_BYTES as c_uint,
            kind: 0,
            bytes: [0; MAX_HANDLE_BYTES],
        };
        let mut mount: c_int = 0;
        // SAFETY: the descriptor is open during the call, the name ends with a NUL, `handle` has room for as many
        // bytes as it says, and only the kernel writes to either pointer.
        let outcome = unsafe {
            libc::syscall(
                libc::SYS_name_to_handle_at,
                dir.as_fd().as_raw_fd(),
                name.as_ptr(),
                &raw mut handle,
                &raw mut mount,
                flags.bits(),
            )
        };
        if outcome != 0 {
            return Err(
                Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::NOSYS)
            );
        }
        let length = usize::try_from(handle.length)
            .unwrap_or(MAX_HANDLE_BYTES)
            .min(MAX_HANDLE_BYTES);
        let mut bytes = handle.kind.to_ne_bytes().to_vec();
        bytes.extend(handle.bytes.iter().take(length));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::close;

    #[test]
    fn a_copy_is_closed_and_the_file_stays_open() {
        let mut file = tempfile::tempfile().unwrap();
        close(file.try_clone().unwrap().into()).unwrap();
        file.write_all(b"more").unwrap();
        assert_eq!(file.metadata().unwrap().len(), 4);
    }
}
