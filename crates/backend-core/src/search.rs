//! The search engine: one glob and one grep for every backend.

use std::io;

use bytes::Bytes;

use crate::{Entry, EntryKind, GlobRequest, GrepRequest, Grepped, Page, Result, VirtualPath};

/// What an engine needs to know of a child before it decides to look closer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Child {
    /// Its name.
    pub name: Box<str>,
    /// Its kind, links not followed.
    pub kind: EntryKind,
}

/// The children of a directory.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Children {
    /// Those with a name that a path can have, in any order.
    pub named: Vec<Child>,
    /// How many have another name.
    pub unnameable: u64,
    /// How many could not be read.
    pub unreadable: u64,
}

/// Where a search starts.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Base<D, R> {
    /// A directory.
    Directory(D),
    /// One regular file, with its entry at the path that was asked for.
    File(Entry, Opened<R>),
}

/// The content of a file: in memory already, or to be read.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Opened<R> {
    /// It is in memory.
    Bytes(Bytes),
    /// It is to be read from the start.
    Reader(R),
}

/// A tree of files as the engine walks it. Nothing in it follows a link, but for [`base`](Self::base).
pub trait Tree: Sync {
    /// A directory that is open.
    type Dir: Send + Sync;
    /// The content of a file that is open.
    type Reader: io::Read + Send;

    /// Opens the place where a search starts. Links inside the workspace are followed.
    ///
    /// # Errors
    ///
    /// `not_found`, `not_a_directory`, `permission_denied`.
    fn base(&self, path: &VirtualPath) -> Result<Base<Self::Dir, Self::Reader>>;

    /// Lists a directory.
    ///
    /// # Errors
    ///
    /// Any; the engine counts the directory as unreadable.
    fn children(&self, dir: &Self::Dir) -> Result<Children>;

    /// Opens a directory in a directory.
    ///
    /// # Errors
    ///
    /// Any; the engine counts the directory as unreadable.
    fn open_dir(&self, dir: &Self::Dir, name: &str) -> Result<Self::Dir>;

    /// Opens a regular file in a directory, without waiting for anything.
    ///
    /// # Errors
    ///
    /// Any; the engine counts the file as unreadable.
    fn open_file(&self, dir: &Self::Dir, name: &str) -> Result<Opened<Self::Reader>>;

    /// Returns the entry of a child, as a listing shows it. `path` is its path.
    ///
    /// # Errors
    ///
    /// Any; the engine counts the entry as unreadable.
    fn entry(&self, dir: &Self::Dir, name: &str, path: VirtualPath) -> Result<Entry>;
}

/// Tells a running search that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub struct Cancel(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Cancel {
    /// Makes a mark that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the search soon: within a file.
    pub fn cancel(&self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Returns whether the search should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Returns the entries that match, in path order.
///
/// # Errors
///
/// As [`Backend::glob_with`](crate::Backend::glob_with).
pub fn glob<T: Tree>(_tree: &T, _request: &GlobRequest, _cancel: &Cancel) -> Result<Page<Entry>> {
    unimplemented!()
}

/// Returns the lines that match, in path order, then by line, and searches on up to `threads` threads.
///
/// # Errors
///
/// As [`Backend::grep_with`](crate::Backend::grep_with).
pub fn grep<T: Tree>(
    _tree: &T,
    _request: &GrepRequest,
    _cancel: &Cancel,
    _threads: usize,
) -> Result<Grepped> {
    unimplemented!()
}
