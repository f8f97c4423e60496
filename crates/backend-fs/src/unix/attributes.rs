//! Extended attributes, where the system has them. Elsewhere a file has none.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr,
};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use unsupported::*;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod unsupported {
    use std::ffi::CStr;
    use std::os::fd::AsFd;

    use rustix::io::{Errno, Result};

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct XattrFlags;

    impl XattrFlags {
        pub(crate) fn empty() -> Self {
            Self
        }
    }

    pub(crate) fn fgetxattr(_: impl AsFd, _: &CStr, _: &mut [u8]) -> Result<usize> {
        Err(Errno::OPNOTSUPP)
    }

    pub(crate) fn flistxattr(_: impl AsFd, _: &mut [u8]) -> Result<usize> {
        Err(Errno::OPNOTSUPP)
    }

    pub(crate) fn fremovexattr(_: impl AsFd, _: &CStr) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    pub(crate) fn fsetxattr(_: impl AsFd, _: &CStr, _: &[u8], _: XattrFlags) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    pub(crate) fn lgetxattr(_: &[u8], _: &CStr, _: &mut [u8]) -> Result<usize> {
        Err(Errno::OPNOTSUPP)
    }

    pub(crate) fn llistxattr(_: &[u8], _: &mut [u8]) -> Result<usize> {
        Err(Errno::OPNOTSUPP)
    }
}
