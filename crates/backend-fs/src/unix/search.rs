//! `glob` and `grep`: the shared engine, on directory handles.
//!
//! Below the start of a search nothing is opened by path, and no link is followed: it cannot escape.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use backend_core::search::{self, Base, Child, Children, Opened, PartialGlob, PartialGrep, Tree};
use backend_core::{Entry, Error, GlobRequest, GrepRequest, Grepped, Page, Result, VirtualPath};
use rustix::io::Errno;

use super::descent::open_list;
use super::fault::{Fault, not_regular};
use super::list::list;
use super::meta::Meta;
use super::names;
use super::open::open_at_until;
use super::place::lstat;
use super::resolve::MissingParents;
use super::retry::open_regular;
use super::root::Root;
use super::sys::{LIST, is_kernel_view};
use crate::blocking::SearchTask;
use crate::watchdog::Progress;

impl Root {
    pub(crate) fn glob(
        &self,
        request: &GlobRequest,
        task: &SearchTask,
        partial: &PartialGlob,
    ) -> Result<Page<Entry>> {
        names::check(&request.path)?;
        let files = Files { root: self, task };
        search::glob_into(&files, request, &task.cancel, task.threads, partial)
    }

    pub(crate) fn grep(
        &self,
        request: &GrepRequest,
        task: &SearchTask,
        partial: &PartialGrep,
    ) -> Result<Grepped> {
        names::check(&request.path)?;
        let files = Files { root: self, task };
        search::grep_into(&files, request, &task.cancel, task.threads, partial)
    }
}

/// The files below the root, for the engine to walk.
struct Files<'a> {
    root: &'a Root,
    task: &'a SearchTask,
}

/// A directory that is open for listing, and the file system that it is on.
struct OpenDir {
    dir: OwnedFd,
    device: u64,
}

impl OpenDir {
    fn new(dir: OwnedFd) -> std::io::Result<Self> {
        let device = Meta::of(&dir)?.id().device;
        Ok(Self { dir, device })
    }
}

/// A file that is read up to its length when it was opened, which saves a read to detect the end.
struct Content<'a> {
    file: File,
    progress: &'a Progress,
    /// How much is left. A file without a size is read to its end: it may be generated while it is
    /// read.
    left: Option<u64>,
}

impl<'a> Content<'a> {
    fn new(file: File, size: u64, progress: &'a Progress) -> Self {
        let left = (size > 0).then_some(size);
        Self {
            file,
            progress,
            left,
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.progress.step();
        let Some(left) = &mut self.left else {
            return self.file.read(buffer);
        };
        let most = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(into) = buffer.get_mut(..most).filter(|into| !into.is_empty()) else {
            return Ok(0);
        };
        let count = self.file.read(into)?;
        *left -= count as u64;
        Ok(count)
    }
}

impl<'a> Tree for Files<'a> {
    type Dir = OpenDir;
    type Reader = Content<'a>;

    fn base(&self, path: &VirtualPath) -> Result<Base<OpenDir, Content<'a>>> {
        self.root.retry_races(path, || {
            let found = self.root.follow(path, MissingParents::Refuse)?;
            let meta = found.meta.ok_or(Errno::NOENT)?;
            if meta.is_dir() {
                let dir = found
                    .place
                    .open(LIST)
                    .map_err(|error| Fault::from(error).race_if(&[Errno::LOOP, Errno::NOTDIR]))?;
                return Ok(Base::Directory(OpenDir::new(dir)?));
            }
            if !meta.is_file() {
                return Err(not_regular(path).into());
            }
            let opened = open_at_until(&found.place, || self.task.cancel.is_cancelled())?;
            let entry = self.root.entry(path.clone(), &opened.meta);
            let content = Content::new(opened.file, opened.meta.size(), &self.task.progress);
            Ok(Base::File(entry, Opened::Reader(content)))
        })
    }

    fn children(&self, dir: &OpenDir) -> Result<Children> {
        self.task.progress.step();
        let listing = list(&dir.dir).map_err(unreadable)?;
        let mut children = Children {
            named: Vec::with_capacity(listing.entries.len()),
            unnameable: 0,
            unreadable: listing.unreadable(),
        };
        for entry in listing.entries {
            match names::nameable(&entry.name) {
                Some(name) => children.named.push(Child {
                    name: name.into(),
                    kind: entry.kind,
                }),
                None => children.unnameable += 1,
            }
        }
        Ok(children)
    }

    fn open_dir(&self, dir: &OpenDir, name: &str) -> Result<OpenDir> {
        self.task.progress.step();
        let below = open_list(&dir.dir, name).map_err(unreadable)?;
        let below = OpenDir::new(below).map_err(unreadable)?;
        // A search from `/` must not wander into /proc; one that starts there is intended.
        if below.device != dir.device && is_kernel_view(&below.dir) {
            return Err(Error::unsupported("searching a view of the kernel"));
        }
        Ok(below)
    }

    fn open_file(&self, dir: &OpenDir, name: &str) -> Result<Opened<Content<'a>>> {
        self.task.progress.step();
        let file =
            open_regular(&dir.dir, name, || self.task.cancel.is_cancelled()).map_err(unreadable)?;
        let meta = Meta::of(&file).map_err(unreadable)?;
        if !meta.is_file() {
            return Err(unreadable(Errno::NXIO));
        }
        Ok(Opened::Reader(Content::new(
            file.into(),
            meta.size(),
            &self.task.progress,
        )))
    }

    fn entry(&self, dir: &OpenDir, name: &str, path: VirtualPath) -> Result<Entry> {
        // A pattern can name it outright, and is answered as a listing would.
        if names::is_reserved(name.as_bytes()) {
            return Err(Error::not_found(&path));
        }
        self.task.progress.step();
        let meta = lstat(&dir.dir, name)
            .map_err(unreadable)?
            .ok_or_else(|| Error::not_found(&path))?;
        Ok(self.root.entry(path, &meta))
    }
}

/// Creates an error that the engine counts, or shows with the path where the search starts.
fn unreadable(error: impl Into<std::io::Error>) -> Error {
    Fault::Io(error.into()).at(&VirtualPath::root())
}
