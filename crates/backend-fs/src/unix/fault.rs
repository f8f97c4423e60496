//! The private error, and how the system's errors become [`Error`]s: with the virtual path, without the host's.

use std::io;

use backend_core::{Error, PathError, PathReason, VirtualPath};
use rustix::io::Errno;

/// Why a step of an operation failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The system refused it.
    Io(io::Error),
    /// Something was swapped between two steps. The operation starts again; if it happens each time, this is
    /// why.
    Raced(io::Error),
    /// Another program changed the file meanwhile. The operation starts again too.
    Outrun,
    /// The contract refuses it.
    Told(Error),
}

impl Fault {
    pub(crate) fn raced(error: impl Into<io::Error>) -> Self {
        Self::Raced(error.into())
    }

    /// Returns the error number, where the system gave one.
    pub(crate) fn errno(&self) -> Option<Errno> {
        match self {
            Self::Io(error) | Self::Raced(error) => Errno::from_io_error(error),
            Self::Outrun | Self::Told(_) => None,
        }
    }

    /// Takes the fault for a race if it is one of these errors.
    pub(crate) fn race_if(self, races: &[Errno]) -> Self {
        match (self.errno(), self) {
            (Some(errno), Self::Io(error)) if races.contains(&errno) => Self::Raced(error),
            (_, fault) => fault,
        }
    }

    /// Makes the error that a caller sees.
    pub(crate) fn at(self, path: &VirtualPath) -> Error {
        match self {
            Self::Told(error) => error,
            Self::Outrun => Error::conflict(path, "other writers were faster each time", None),
            Self::Io(error) | Self::Raced(error) => from_io(path, error),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Fault {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

/// Returns the error of a path that leads out of the root, as cap-std makes it: without a number of the
/// system's.
pub(crate) fn escape() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

/// Returns whether this is cap-std's error for a path that leads out of the root.
pub(crate) fn is_escape(error: &io::Error) -> bool {
    error.raw_os_error().is_none() && error.kind() == io::ErrorKind::PermissionDenied
}

fn from_io(path: &VirtualPath, error: io::Error) -> Error {
    if is_escape(&error) {
        return Error::permission_denied(path, "the path leads outside of the workspace");
    }
    let Some(errno) = Errno::from_io_error(&error) else {
        return Error::internal(Some(path), "the file system failed", error);
    };
    let denied = |reason: &str| Error::permission_denied(path, reason);
    match errno {
        Errno::NOENT => Error::not_found(path),
        Errno::NOTDIR => Error::not_a_directory(path),
        Errno::ISDIR => Error::is_a_directory(path),
        Errno::EXIST => Error::already_exists(path),
        Errno::ACCESS | Errno::PERM => denied("the file system refuses it"),
        Errno::ROFS => denied("the file system is read-only"),
        Errno::BUSY | Errno::TXTBSY => denied("it is a mount point, or the system is using it"),
        Errno::LOOP | Errno::MLINK => denied("the path has a link that cannot be followed"),
        Errno::NXIO | Errno::NODEV => not_regular(path),
        // The limit is filled in by those who can ask the file system for it.
        Errno::NOSPC | Errno::DQUOT => Error::QuotaExceeded {
            what: STORAGE.to_owned(),
            limit: 0,
        },
        Errno::FBIG => Error::QuotaExceeded {
            what: "bytes of one file".to_owned(),
            limit: most_of_a_file(),
        },
        Errno::NAMETOOLONG => PathError::new(path.as_str(), PathReason::PathTooLong).into(),
        Errno::XDEV => Error::unsupported("moving a directory or link to another file system"),
        Errno::MFILE | Errno::NFILE => Error::unavailable("too many files are open", error),
        Errno::NOMEM => Error::unavailable("the system is out of memory", error),
        Errno::AGAIN => Error::unavailable("the file has nothing to read at the moment", error),
        _ => Error::internal(Some(path), "the file system failed", error),
    }
}

/// Returns how many bytes this process may write to a file. Where it has no limit, it is the file system that has one.
fn most_of_a_file() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    limit.current.unwrap_or(i64::MAX.unsigned_abs())
}

/// What a full disk lacks.
pub(crate) const STORAGE: &str = "bytes of storage";

/// Returns the error of a FIFO, a socket or a device.
pub(crate) fn not_regular(path: &VirtualPath) -> Error {
    Error::permission_denied(path, "not a regular file")
}

#[cfg(test)]
mod tests {
    use std::io;

    use backend_core::{ErrorKind, VirtualPath};
    use rustix::io::Errno;

    use super::{Fault, escape};

    #[track_caller]
    fn check(error: impl Into<io::Error>, kind: ErrorKind, message: &str) {
        let path = VirtualPath::parse("/a").unwrap();
        let error = Fault::Io(error.into()).at(&path);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn every_error_of_the_system_has_a_kind() {
        let denied = ErrorKind::PermissionDenied;
        let leads_out = "/a: permission denied: the path leads outside of the workspace";
        check(escape(), denied, leads_out);
        check(Errno::NOENT, ErrorKind::NotFound, "/a: not found");
        check(
            Errno::NOTDIR,
            ErrorKind::NotADirectory,
            "/a: not a directory",
        );
        check(Errno::ISDIR, ErrorKind::IsADirectory, "/a: is a directory");
        check(Errno::EXIST, ErrorKind::AlreadyExists, "/a: already exists");
        let refuses = "/a: permission denied: the file system refuses it";
        check(Errno::ACCESS, denied, refuses);
        check(Errno::PERM, denied, refuses);
        let read_only = "/a: permission denied: the file system is read-only";
        check(Errno::ROFS, denied, read_only);
        let many = "unavailable: too many files are open";
        check(Errno::MFILE, ErrorKind::Unavailable, many);
        check(Errno::NFILE, ErrorKind::Unavailable, many);
        let failed = "/a: internal error: the file system failed";
        check(Errno::IO, ErrorKind::Internal, failed);
        check(io::Error::other("odd"), ErrorKind::Internal, failed);
    }

    #[test]
    fn a_real_refusal_is_not_taken_for_an_escape() {
        assert!(super::is_escape(&escape()));
        assert!(!super::is_escape(&Errno::ACCESS.into()));
        assert!(!super::is_escape(&Errno::PERM.into()));
    }
}
