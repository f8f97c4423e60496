//! The private error, and its conversion to [`Error`]: with the virtual path, without the host's.

use std::io;

use backend_core::{Error, PathError, PathReason, VirtualPath};
use rustix::io::Errno;

/// Why a step of an operation failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The system refused it.
    Io(io::Error),
    /// Something was swapped between two steps. The operation is retried; if it keeps happening, this is the error.
    Raced(io::Error),
    /// Another program changed the file meanwhile. The operation is retried too.
    Conflict,
    /// The contract refuses it.
    Error(Error),
}

impl Fault {
    pub(crate) fn raced(error: impl Into<io::Error>) -> Self {
        Self::Raced(error.into())
    }

    /// Returns the error number, where the system gave one.
    pub(crate) fn errno(&self) -> Option<Errno> {
        match self {
            Self::Io(error) | Self::Raced(error) => Errno::from_io_error(error),
            Self::Conflict | Self::Error(_) => None,
        }
    }

    /// Treats the fault as a race if it is one of these errors.
    pub(crate) fn race_if(self, races: &[Errno]) -> Self {
        match (self.errno(), self) {
            (Some(errno), Self::Io(error)) if races.contains(&errno) => Self::Raced(error),
            (_, fault) => fault,
        }
    }

    /// Converts it to the error for the caller.
    pub(crate) fn at(self, path: &VirtualPath) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Conflict => Error::conflict(path, "lost the race to other writers", None),
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
        Self::Error(error)
    }
}

/// Returns the error of a path that leads out of the root, like cap-std's: without an errno.
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
        // An error created where more was known, such as which disk is full.
        if let Some(known) = error
            .get_ref()
            .and_then(|cause| cause.downcast_ref::<Error>())
        {
            return known.clone();
        }
        return Error::internal_from(Some(path), "the file system failed", error);
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
        Errno::LOOP => denied("the path has a link that cannot be followed"),
        // FreeBSD's answer to an open that must not follow a link.
        Errno::MLINK if cfg!(any(target_os = "freebsd", target_os = "dragonfly")) => {
            denied("the path has a link that cannot be followed")
        }
        Errno::MLINK => denied(
            "the directory has as many subdirectories, or the file as many hard links, as the \
             file system allows",
        ),
        Errno::NXIO => not_regular(path),
        Errno::NOTEMPTY => Error::conflict(path, "the directory is not empty", None),
        Errno::NAMETOOLONG => PathError::new(path.as_str(), PathReason::PathTooLong).into(),
        Errno::XDEV => Error::unsupported("moving a directory or link to another file system"),
        Errno::MFILE | Errno::NFILE => Error::unavailable_from("too many files are open", error),
        Errno::NOMEM => Error::unavailable_from("the system is out of memory", error),
        Errno::AGAIN => {
            Error::unavailable_from("the file has nothing to read at the moment", error)
        }
        Errno::INTR => Error::unavailable_from("the file system interrupts every call", error),
        errno => match disk_failure(errno) {
            Some(message) => Error::unavailable_from(message, error),
            None => Error::internal_from(Some(path), "the file system failed", error),
        },
    }
}

/// Describes a failure of the disk, server or program behind a file system, if the error is one: the request may be
/// right, and may work later.
fn disk_failure(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::IO => {
            "the disk, or whatever backs the file system, failed to read or write; the operator \
             should check it"
        }
        Errno::NOTCONN
        | Errno::CONNABORTED
        | Errno::CONNRESET
        | Errno::CONNREFUSED
        | Errno::PIPE
        | Errno::SHUTDOWN => {
            "the program or server behind the file system is gone; it must be remounted"
        }
        Errno::STALE => {
            "the file system's server no longer knows the file; it was replaced there, or the \
             file system must be remounted"
        }
        Errno::NODEV => "the device of the file system is gone",
        Errno::TIMEDOUT
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::NETDOWN
        | Errno::NETUNREACH => "the file system's server does not answer",
        Errno::BADMSG => "the file system is damaged: a checksum is wrong",
        Errno::NOLCK => "the file system has run out of locks",
        errno => return linux_disk_failure(errno),
    })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn linux_disk_failure(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::UCLEAN => "the file system is damaged and must be checked",
        Errno::REMOTEIO => "the file system's server failed to read or write",
        Errno::NOMEDIUM => "the device of the file system has no medium",
        Errno::NOKEY => "the file is encrypted, and its key is not available",
        _ => return None,
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn linux_disk_failure(_errno: Errno) -> Option<&'static str> {
    None
}

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
        check(Errno::DEADLK, ErrorKind::Internal, failed);
        check(io::Error::other("odd"), ErrorKind::Internal, failed);
        let many = "/a: permission denied: the directory has as many subdirectories, or the file \
                    as many hard links, as the file system allows";
        check(Errno::MLINK, denied, many);
        let full = "/a: conflict: the directory is not empty";
        check(Errno::NOTEMPTY, ErrorKind::Conflict, full);
    }

    #[test]
    fn a_failing_disk_or_server_is_unavailable_and_not_internal() {
        let path = VirtualPath::parse("/a").unwrap();
        for errno in [
            Errno::IO,
            Errno::NOTCONN,
            Errno::STALE,
            Errno::NODEV,
            Errno::TIMEDOUT,
            Errno::BADMSG,
            Errno::INTR,
            #[cfg(target_os = "linux")]
            Errno::UCLEAN,
        ] {
            let error = Fault::from(errno).at(&path);
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
    }

    #[test]
    fn a_real_refusal_is_not_taken_for_an_escape() {
        assert!(super::is_escape(&escape()));
        assert!(!super::is_escape(&Errno::ACCESS.into()));
        assert!(!super::is_escape(&Errno::PERM.into()));
    }
}
