//! A backend as the engine sees it: directories, their children, and the content of files.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Entry, EntryKind, Result, VirtualPath};

/// What an engine needs to know about a child before it decides to examine it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind, links not followed.
    pub kind: EntryKind,
}

/// The children of a directory.
#[derive(Clone, Debug, Default)]
pub struct Children {
    /// Those with a valid name, in any order.
    pub named: Vec<Child>,
    /// The number with an invalid name.
    pub unnameable: u64,
    /// The number that could not be read.
    pub unreadable: u64,
}

/// Where a search starts.
#[derive(Debug)]
pub enum Base<D, R> {
    /// A directory.
    Directory(D),
    /// One regular file, with its entry at the requested path.
    File(Entry, Opened<R>),
}

/// The content of a file: already in memory, or to be read.
#[derive(Debug)]
pub enum Opened<R> {
    /// It is in memory.
    Bytes(Bytes),
    /// It is to be read from the start.
    Reader(R),
}

/// A tree of files as the engine walks it. Links are never followed, except by [`base`](Self::base).
///
/// The engine keeps at most 64 directories of the current path open, plus those of entries waiting to be examined or
/// searched, at most 64 for each thread. It also walks deeper trees: a closed directory is reopened from the base.
pub trait Tree: Sync {
    /// An open directory.
    type Dir: Send + Sync;
    /// The content of an open file.
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

    /// Returns the entry of a child, as listed. `path` is its path.
    ///
    /// # Errors
    ///
    /// Any; the engine counts the entry as unreadable.
    fn entry(&self, dir: &Self::Dir, name: &str, path: VirtualPath) -> Result<Entry>;
}
