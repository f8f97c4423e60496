//! From a virtual path to a [`Place`], below the root at every step.
//!
//! cap-std opens the directory; the last name is examined by hand, and if it is a link to follow, the link's
//! text gives the next path. So the last step never follows anything, and a write lands on the file that a link
//! leads to.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backend_core::VirtualPath;
use rustix::io::Errno;

use super::chroot;
use super::created_dirs::CreatedDirs;
use super::fault::{escape, is_escape};
use super::following::check_following;
use super::meta::Meta;
use super::place::{Handle, Place};
use super::retry::retry_io;
use super::root::{Links, Root};
use super::sys::MAX_LINKS;

/// What to do if a directory above the place is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingParents {
    Refuse,
    Create,
}

/// A place, and the entry that was there when it was found.
#[derive(Debug)]
pub(crate) struct Found<'root> {
    pub(crate) place: Place<'root>,
    pub(crate) meta: Option<Meta>,
}

impl Root {
    /// Finds the place of a path. A link at the place itself is not followed.
    pub(crate) fn place(
        &self,
        path: &VirtualPath,
        parents: MissingParents,
    ) -> io::Result<Place<'_>> {
        self.place_at(Path::new(path.relative()), parents)
    }

    /// Finds the place that a path leads to, following links. The entry there is not a link.
    pub(crate) fn follow(
        &self,
        path: &VirtualPath,
        parents: MissingParents,
    ) -> io::Result<Found<'_>> {
        let mut at = PathBuf::from(path.relative());
        for _ in 0..=MAX_LINKS {
            let place = self.place_at(&at, parents)?;
            let Some(meta) = place.lstat()? else {
                return Ok(Found { place, meta: None });
            };
            if !meta.is_link() {
                let meta = Some(meta);
                return Ok(Found { place, meta });
            }
            check_following(&place.dir, &meta)?;
            match place.read_link() {
                Ok(target) => at = self.link_target(&at, &target)?,
                // It was a link a moment ago. Check again.
                Err(Errno::INVAL | Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::LOOP.into())
    }

    /// Opens a directory as the base of further lookups, following links.
    pub(crate) fn open_dir(&self, path: &Path) -> io::Result<Handle<'_>> {
        if path.as_os_str().is_empty() || path == Path::new(".") {
            return Ok(Handle::Root(self.dir().as_fd()));
        }
        match retry_io(|| self.dir().open_dir(path)) {
            Ok(dir) => Ok(Handle::Below(dir.into_std_file().into())),
            Err(error) if self.links() == Links::Chroot && leads_out(&error) => {
                let path = chroot::without_links(self.dir(), path)?;
                if path.as_os_str().is_empty() {
                    return Ok(Handle::Root(self.dir().as_fd()));
                }
                let dir = retry_io(|| self.dir().open_dir(&path))?;
                Ok(Handle::Below(dir.into_std_file().into()))
            }
            Err(error) => Err(error),
        }
    }

    fn place_at(&self, path: &Path, parents: MissingParents) -> io::Result<Place<'_>> {
        let named = path.file_name().filter(|_| !means_directory(path));
        let (dir, name) = match named {
            Some(name) => (path.parent().unwrap_or(Path::new("")), name),
            None => (path, OsStr::new(".")),
        };
        let (dir, made) = match (self.open_dir(dir), parents) {
            (Err(error), MissingParents::Create) if error.kind() == io::ErrorKind::NotFound => {
                let made = self.make_dirs(dir)?;
                (made.dir, made.all)
            }
            (outcome, _) => (outcome?, CreatedDirs::default()),
        };
        Ok(Place::new(dir, name.to_owned(), made))
    }

    /// Returns the path that a link at `at` leads to. It is left as written: `..` after a link means the parent
    /// of the link's target, which only the system can resolve.
    fn link_target(&self, at: &Path, target: &Path) -> io::Result<PathBuf> {
        match (target.strip_prefix("/"), self.links()) {
            (Ok(_), Links::Beneath) => Err(escape()),
            (Ok(target), Links::Chroot) => Ok(target.to_path_buf()),
            (Err(_), _) => Ok(at.parent().unwrap_or(Path::new("")).join(target)),
        }
    }
}

/// Whether a path can only be that of a directory. `Path` drops what says so.
fn means_directory(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.") || bytes == b"." || bytes.is_empty()
}

/// Whether cap-std refused a path that may well lead somewhere in a chroot. A magic link of `/proc` is refused
/// with `ELOOP`, although its text is a path.
fn leads_out(error: &io::Error) -> bool {
    is_escape(error) || Errno::from_io_error(error) == Some(Errno::LOOP)
}
