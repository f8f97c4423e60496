//! Where commands run: the directory of the host that is the backend's `/`, or a temporary one of the sandbox's own.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use backend_core::{Error, Result, VirtualPath};
use rustix::fs::{Access, AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use tempfile::TempDir;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The directory that commands run in, opened once.
#[derive(Debug)]
pub(super) struct HostRoot {
    directory: OwnedFd,
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The root of the host: no path leads out of it.
    FilesystemRoot,
    /// A directory of the host.
    Directory,
    /// A temporary directory, removed with the sandbox.
    Temporary(Mutex<Option<TempDir>>),
}

impl HostRoot {
    /// Opens a directory of the host, or creates a temporary one.
    pub(super) fn open(host_root: Option<&Path>) -> Result<Self> {
        let Some(path) = host_root else {
            return Self::temporary();
        };
        let unusable = || {
            Error::invalid_request(
                "the host root of the sandbox is not a directory that can be opened",
            )
        };
        let path = path.canonicalize().map_err(|_| unusable())?;
        let directory =
            rustix::fs::open(&path, DIRECTORY, Mode::empty()).map_err(|_| unusable())?;
        let kind = if path == Path::new("/") {
            Kind::FilesystemRoot
        } else {
            Kind::Directory
        };
        Ok(Self {
            directory,
            path,
            kind,
        })
    }

    fn temporary() -> Result<Self> {
        let unavailable = |error| {
            Error::unavailable_from("cannot create a temporary directory for commands", error)
        };
        let made = tempfile::Builder::new()
            .prefix("sandbox-local-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir()
            .map_err(unavailable)?;
        let path = made.path().to_owned();
        let directory = rustix::fs::open(&path, DIRECTORY, Mode::empty())
            .map_err(|error| unavailable(error.into()))?;
        Ok(Self {
            directory,
            path,
            kind: Kind::Temporary(Mutex::new(Some(made))),
        })
    }

    /// Returns where it is on the host.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the directory to run a command in.
    ///
    /// A link that leads out of the root is refused, not for safety (there is none here) but to be consistent with file
    /// operations.
    pub(super) fn open_cwd(&self, cwd: Option<&VirtualPath>) -> Result<OwnedFd> {
        let Some(cwd) = cwd else {
            return rustix::fs::openat(&self.directory, c".", DIRECTORY, Mode::empty()).map_err(
                |error| Error::unavailable_from("the directory of the sandbox is gone", error),
            );
        };
        let opened = match self.kind {
            Kind::Temporary(_) => {
                return Err(Error::unsupported(
                    "a working directory when commands do not see the backend's files",
                ));
            }
            Kind::FilesystemRoot => {
                rustix::fs::openat(&self.directory, cwd.relative(), DIRECTORY, Mode::empty())
            }
            Kind::Directory => self.open_beneath(cwd),
        };
        let opened = opened.map_err(|error| match error {
            Errno::NOENT => Error::not_found(cwd),
            Errno::NOTDIR => Error::not_a_directory(cwd),
            Errno::XDEV => Error::permission_denied(cwd, "it leads out of the workspace"),
            Errno::ACCESS | Errno::LOOP => Error::permission_denied(cwd, "it cannot be entered"),
            error => Error::internal_from(Some(cwd), "opening the working directory failed", error),
        })?;
        let enter = rustix::fs::accessat(opened.as_fd(), c".", Access::EXEC_OK, AtFlags::EACCESS);
        match enter {
            Err(Errno::ACCESS) => Err(Error::permission_denied(cwd, "it cannot be entered")),
            // The command itself will find any other problem.
            _ => Ok(opened),
        }
    }

    fn open_beneath(&self, cwd: &VirtualPath) -> Result<OwnedFd, Errno> {
        // A rename anywhere on the path makes the kernel give up; then try again.
        for _ in 0..64 {
            let opened = rustix::fs::openat2(
                &self.directory,
                cwd.relative(),
                DIRECTORY,
                Mode::empty(),
                ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
            );
            match opened {
                Err(Errno::AGAIN | Errno::INTR) => {}
                // Before Linux 5.6, or where a seccomp filter forbids it.
                Err(Errno::NOSYS | Errno::PERM) => return self.open_beneath_by_name(cwd),
                opened => return opened,
            }
        }
        Err(Errno::AGAIN)
    }

    fn open_beneath_by_name(&self, cwd: &VirtualPath) -> Result<OwnedFd, Errno> {
        let path = self.path.join(cwd.relative());
        let path = path
            .canonicalize()
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        if !path.starts_with(&self.path) {
            return Err(Errno::XDEV);
        }
        rustix::fs::open(&path, DIRECTORY, Mode::empty())
    }

    /// Removes a temporary directory. Blocks.
    pub(super) fn remove(&self) {
        if let Kind::Temporary(made) = &self.kind {
            drop(made.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}
