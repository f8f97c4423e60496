//! The contents of a workspace: entries and their kinds.

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
    /// A symbolic link, whatever its target.
    Symlink,
    /// Anything else: a FIFO, a socket, a device. It can be listed and deleted, but never opened.
    Other,
}

/// A file, directory or link, as listed. Links are shown, not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its path.
    pub path: VirtualPath,
    /// Its kind.
    pub kind: EntryKind,
    /// How many bytes a read returns: 0 for a directory and for anything unreadable. For a link, the size of its target
    /// file, and 0 where the target is not a file inside the workspace.
    pub size: u64,
    /// When its content last changed, if the backend knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<SystemTime>,
    /// The version of a file; `None` for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// For a link, the kind of its target inside the workspace; `None` if it is dangling or leads out.
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
