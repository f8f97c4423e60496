//! What a workspace holds: entries and their kinds.

use std::cmp::Ordering;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{Version, VirtualPath};

/// The kind of an [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, whatever it leads to.
    Symlink,
    /// Anything else: a FIFO, a socket, a device. It can be listed and deleted, never opened.
    Other,
}

/// A file, directory or link, as a listing shows it. Links are shown, not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Where the entry is.
    pub path: VirtualPath,
    /// What it is.
    pub kind: EntryKind,
    /// How many bytes a read of it returns: 0 for a directory and for what cannot be read. For a link, the size
    /// of the file that it leads to, and 0 where it leads to none inside the workspace.
    pub size: u64,
    /// When its content last changed, where the backend knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<SystemTime>,
    /// The version of a file; `None` for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// For a link, the kind of what it leads to inside the workspace; `None` if it is dangling or leads out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<EntryKind>,
}

impl Entry {
    /// Makes an entry without size, time, version or target.
    pub fn new(path: VirtualPath, kind: EntryKind) -> Self {
        Self {
            path,
            kind,
            size: 0,
            modified: None,
            version: None,
            target: None,
        }
    }

    /// Returns whether this is a directory. A link to one is not.
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// Orders entries as a listing does: directories first, then everything else, each in byte order of names.
    pub fn listing_order(&self, other: &Self) -> Ordering {
        (!self.is_directory(), self.path.name()).cmp(&(!other.is_directory(), other.path.name()))
    }

    /// Returns whether this is a regular file. A link to one is not.
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }
}
