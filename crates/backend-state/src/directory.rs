//! The nodes of a store: files, and directories that share unchanged content.
//!
//! A directory is copied when it is about to change while another holder still has it; both copies share the children.
//! So a fork or a snapshot of a whole store is the clone of one pointer.

use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::sync::Arc;
use std::time::SystemTime;

use backend_core::{Entry, EntryKind, Version, VirtualPath};
use bytes::Bytes;

use crate::limits::Usage;

/// The node behind a name in a directory.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Directory(Arc<Directory>),
    File(File),
}

/// A file. Cloning it shares its content.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) content: Bytes,
    pub(crate) version: Version,
    pub(crate) modified: SystemTime,
}

/// A directory, with sums over everything below it, so that a quota and a recursive delete cost no walk.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    children: BTreeMap<Arc<str>, Node>,
    pub(crate) modified: SystemTime,
    usage: Usage,
    /// An upper bound on the length of the paths below this directory, relative to it and with their leading `/`. It
    /// may be too high after a longer path was removed.
    longest: usize,
}

impl Node {
    /// Returns what this node adds to its directory, including itself.
    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::Directory(directory) => directory.usage.plus(Usage::directories(1)),
            Self::File(file) => Usage::file(file.size()),
        }
    }

    pub(crate) fn kind(&self) -> EntryKind {
        match self {
            Self::Directory(_) => EntryKind::Directory,
            Self::File(_) => EntryKind::File,
        }
    }

    pub(crate) fn entry(&self, path: VirtualPath) -> Entry {
        match self {
            Self::Directory(directory) => directory.entry(path),
            Self::File(file) => file.entry(path),
        }
    }
}

impl File {
    pub(crate) fn size(&self) -> u64 {
        self.content.len() as u64
    }

    pub(crate) fn entry(&self, path: VirtualPath) -> Entry {
        let mut entry = Entry::new(path, EntryKind::File);
        entry.size = self.size();
        entry.modified = Some(self.modified);
        entry.version = Some(self.version);
        entry
    }
}

impl Directory {
    pub(crate) fn new(modified: SystemTime) -> Self {
        Self {
            children: BTreeMap::new(),
            modified,
            usage: Usage::default(),
            longest: 0,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        self.children.get(name)
    }

    /// Returns the children in byte order of their names.
    pub(crate) fn children(&self) -> Iter<'_, Arc<str>, Node> {
        self.children.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }

    /// Returns what is below this directory, excluding itself.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns a bound for the length of the paths below this directory, relative to it and with their leading `/`.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    pub(crate) fn entry(&self, path: VirtualPath) -> Entry {
        let mut entry = Entry::new(path, EntryKind::Directory);
        entry.modified = Some(self.modified);
        entry
    }

    /// Puts a node in this directory. The caller must update the sums with [`account`](Self::account).
    pub(crate) fn put(&mut self, name: &str, node: Node) -> Option<Node> {
        match self.children.get_mut(name) {
            Some(place) => Some(std::mem::replace(place, node)),
            None => self.children.insert(name.into(), node),
        }
    }

    /// Takes a node out of this directory. The caller must update the sums with [`account`](Self::account).
    pub(crate) fn take(&mut self, name: &str) -> Option<Node> {
        self.children.remove(name)
    }

    /// Returns the directory by this name, and creates it if the name is free. `None` if the name is a file.
    pub(crate) fn descend(&mut self, name: &str, now: SystemTime) -> Option<Descent<'_>> {
        let made = !self.children.contains_key(name);
        if made {
            self.modified = now;
            let directory = Node::Directory(Arc::new(Self::new(now)));
            self.children.insert(name.into(), directory);
        }
        let directory = self.directory_mut(name)?;
        Some(Descent { directory, made })
    }

    /// Returns the directory by this name, if it is one.
    pub(crate) fn directory_mut(&mut self, name: &str) -> Option<&mut Arc<Self>> {
        match self.children.get_mut(name) {
            Some(Node::Directory(directory)) => Some(directory),
            _ => None,
        }
    }

    /// Updates the sums after additions and removals at or below this directory.
    pub(crate) fn account(&mut self, added: Usage, removed: Usage) {
        self.usage = self.usage.plus(added).minus(removed);
    }

    /// Records that there is a path of this length below this directory.
    pub(crate) fn note_path(&mut self, length: usize) {
        self.longest = self.longest.max(length);
    }
}

/// A step from a directory to one in it.
#[derive(Debug)]
pub(crate) struct Descent<'a> {
    pub(crate) directory: &'a mut Arc<Directory>,
    pub(crate) made: bool,
}

impl Drop for Directory {
    // A path can have 2000 directories; dropping them recursively would need a large stack.
    fn drop(&mut self) {
        let mut pending = Vec::new();
        self.move_directories_to(&mut pending);
        while let Some(directory) = pending.pop() {
            if let Some(mut directory) = Arc::into_inner(directory) {
                directory.move_directories_to(&mut pending);
            }
        }
    }
}

impl Directory {
    fn move_directories_to(&mut self, pending: &mut Vec<Arc<Self>>) {
        if self.usage.directories == 0 {
            return;
        }
        for node in std::mem::take(&mut self.children).into_values() {
            if let Node::Directory(directory) = node {
                pending.push(directory);
            }
        }
    }
}
