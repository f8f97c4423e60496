//! The root: one open directory and the options it was opened with.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use backend_core::{Error, Result, VirtualPath};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::stat;

use super::fault::Fault;
use super::flush::Flush;
use super::meta::Meta;
use super::sys::{MAX_RACES, is_local};
use crate::Durability;
use crate::builder::Options;

/// The meaning of absolute links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// They lead outside.
    Beneath,
    /// They start at the root.
    Chroot,
}

/// A directory that is held open, with all operations below it.
pub(crate) struct Root {
    dir: Dir,
    links: Links,
    read_only: bool,
    durability: Durability,
    local: bool,
}

impl Root {
    pub(crate) fn open(dir: &Path, options: Options) -> Result<Self> {
        if options.create_root {
            create(dir, options.durability).map_err(not_opened)?;
        }
        let dir = Dir::open_ambient_dir(dir, ambient_authority()).map_err(not_opened)?;
        let here = Meta::of(&dir).map_err(not_opened)?;
        if !here.is_dir() {
            return Err(not_opened(io::ErrorKind::NotADirectory.into()));
        }
        // Below `/` nothing is outside, so links lead to the same place as for any process.
        let is_top = stat("/").is_ok_and(|top| Meta::new(top).id() == here.id());
        let links = if options.links_within_root || is_top {
            Links::Chroot
        } else {
            Links::Beneath
        };
        Ok(Self {
            local: is_local(&dir),
            dir,
            links,
            read_only: options.read_only,
            durability: options.durability,
        })
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    pub(crate) fn links(&self) -> Links {
        self.links
    }

    /// Whether the kernel has the full state of this file system, so that no server has to be asked.
    pub(crate) fn is_local(&self) -> bool {
        self.local
    }

    #[cfg(test)]
    pub(crate) fn set_local(&mut self, local: bool) {
        self.local = local;
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Flushes to disk as the durability demands.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// Refuses changes in a read-only backend.
    pub(crate) fn check_writable(&self, path: &VirtualPath) -> Result<()> {
        if self.read_only {
            return Err(Error::permission_denied(path, "the backend is read-only"));
        }
        Ok(())
    }

    /// Does something at a path, retrying if something was swapped meanwhile.
    pub(crate) fn retry_races<T>(
        &self,
        path: &VirtualPath,
        mut work: impl FnMut() -> Result<T, Fault>,
    ) -> Result<T> {
        let mut tries = MAX_RACES;
        loop {
            tries -= 1;
            match work() {
                Err(Fault::Raced(_) | Fault::Conflict) if tries > 0 => {}
                outcome => return outcome.map_err(|fault| self.error_at(path, fault)),
            }
        }
    }

    /// Creates the error for the caller.
    pub(crate) fn error_at(&self, path: &VirtualPath, fault: Fault) -> Error {
        // If it is unknown which directory it was about, the root's disk is the likeliest.
        fault.explain_quota(&self.dir).at(path)
    }
}

/// Creates a directory and its ancestors if missing. If everything confirmed must survive, the disk has them then.
fn create(dir: &Path, durability: Durability) -> io::Result<()> {
    if !durability.is_full() {
        return fs::create_dir_all(dir);
    }
    let missing = dir.ancestors().take_while(|dir| !dir.exists());
    let missing: Vec<_> = missing.collect();
    fs::create_dir_all(dir)?;
    for made in missing {
        // A relative path begins in the working directory.
        let parent = made.parent().filter(|dir| *dir != Path::new(""));
        let parent = parent.unwrap_or(Path::new("."));
        let parent = Dir::open_ambient_dir(parent, ambient_authority())?;
        Flush::of(&parent)?.wait()?;
    }
    Ok(())
}

/// Creates the error of a root that cannot be opened. It does not name it: the message may reach an agent.
fn not_opened(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::invalid_request("the root directory does not exist"),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Error::invalid_request("the root is not a directory")
        }
        io::ErrorKind::PermissionDenied => Error::permission_denied(
            &VirtualPath::root(),
            "the file system denies access to the root directory",
        ),
        _ => Error::internal_from(None, "the root directory cannot be opened", error),
    }
}

impl fmt::Debug for Root {
    /// Shows the options, but not the directory: the `Debug` form of a handle has its path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root")
            .field("links", &self.links)
            .field("read_only", &self.read_only)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}
