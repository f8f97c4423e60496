//! Finding, putting and removing nodes by path. No lock, no limits: plain functions on a root.

use std::sync::Arc;
use std::time::SystemTime;

use backend_core::{Error, MAX_PATH_BYTES, PathError, PathReason, Result, VirtualPath};

use crate::directory::{Directory, File, Node};
use crate::limits::Usage;

/// The node at a path.
#[derive(Debug)]
pub(crate) enum Place<'a> {
    Directory(&'a Arc<Directory>),
    File(&'a File),
    /// Nothing, and this many directories are missing above it.
    Free {
        missing: u64,
    },
}

/// The side effects of putting a node at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The previous node.
    pub(crate) removed: Usage,
    /// How many directories above it are created.
    pub(crate) missing: u64,
}

impl Place<'_> {
    /// Returns the side effects of putting a node here.
    pub(crate) fn room(&self) -> Room {
        let (removed, missing) = match self {
            Self::Free { missing } => (Usage::default(), *missing),
            Self::File(file) => (Usage::file(file.size()), 0),
            Self::Directory(old) => (old.usage().plus(Usage::directories(1)), 0),
        };
        Room { removed, missing }
    }
}

/// Returns what is at a path.
///
/// # Errors
///
/// `not_a_directory` if the path leads through a file.
pub(crate) fn place<'a>(root: &'a Arc<Directory>, path: &VirtualPath) -> Result<Place<'a>> {
    let mut here = Place::Directory(root);
    let mut segments = path.segments();
    while let Some(name) = segments.next() {
        let Place::Directory(directory) = here else {
            return Err(Error::not_a_directory(path));
        };
        here = match directory.get(name) {
            Some(Node::Directory(directory)) => Place::Directory(directory),
            Some(Node::File(file)) => Place::File(file),
            None => {
                let missing = segments.count() as u64;
                return Ok(Place::Free { missing });
            }
        };
    }
    Ok(here)
}

/// Returns the directory at a path.
///
/// # Errors
///
/// `not_found`; `not_a_directory`.
pub(crate) fn directory<'a>(
    root: &'a Arc<Directory>,
    path: &VirtualPath,
) -> Result<&'a Arc<Directory>> {
    match place(root, path)? {
        Place::Directory(directory) => Ok(directory),
        Place::File(_) => Err(Error::not_a_directory(path)),
        Place::Free { .. } => Err(Error::not_found(path)),
    }
}

/// Returns the file at a path.
///
/// # Errors
///
/// `not_found`; `not_a_directory`; `is_a_directory`.
pub(crate) fn file<'a>(root: &'a Arc<Directory>, path: &VirtualPath) -> Result<&'a File> {
    match place(root, path)? {
        Place::File(file) => Ok(file),
        Place::Directory(_) => Err(Error::is_a_directory(path)),
        Place::Free { .. } => Err(Error::not_found(path)),
    }
}

/// Puts a node at a path, with all directories above it, and returns the previous node. The path is not the root,
/// and `room` is that of the current [`place`].
pub(crate) fn put(
    root: &mut Arc<Directory>,
    path: &VirtualPath,
    node: Node,
    room: Room,
    now: SystemTime,
) -> Option<Node> {
    let Room { removed, missing } = room;
    let below = match &node {
        Node::Directory(directory) => directory.longest(),
        Node::File(_) => 0,
    };
    let mut added = node.usage().plus(Usage::directories(missing));
    let mut length = path.as_str().len() + below;
    let (parents, name) = split(path)?;
    let mut here = root;
    for parent in parents {
        let directory = Arc::make_mut(here);
        directory.account(added, removed);
        directory.note_path(length);
        length -= parent.len() + 1;
        here = if missing == 0 {
            directory.directory_mut(parent)?
        } else {
            let step = directory.descend(parent, now)?;
            if step.made {
                added = added.minus(Usage::directories(1));
            }
            step.directory
        };
    }
    let directory = Arc::make_mut(here);
    directory.account(added, removed);
    directory.note_path(length);
    let old = directory.put(name, node);
    if old.is_none() {
        directory.modified = now;
    }
    old
}

/// Removes the node at a path, and returns it.
pub(crate) fn remove(
    root: &mut Arc<Directory>,
    path: &VirtualPath,
    now: SystemTime,
) -> Option<Node> {
    let place = place(root, path).ok()?;
    if matches!(place, Place::Free { .. }) {
        return None;
    }
    let removed = place.room().removed;
    let (parents, name) = split(path)?;
    let mut here = root;
    for parent in parents {
        let directory = Arc::make_mut(here);
        directory.account(Usage::default(), removed);
        here = directory.directory_mut(parent)?;
    }
    let directory = Arc::make_mut(here);
    directory.account(Usage::default(), removed);
    directory.modified = now;
    directory.take(name)
}

/// Sets the modified time of a directory. Does nothing if there is none.
pub(crate) fn set_modified(root: &mut Arc<Directory>, path: &VirtualPath, modified: SystemTime) {
    if directory(root, path).is_err() {
        return;
    }
    let mut here = root;
    for name in path.segments() {
        match Arc::make_mut(here).directory_mut(name) {
            Some(directory) => here = directory,
            None => return,
        }
    }
    Arc::make_mut(here).modified = modified;
}

/// Checks that everything in a directory still has a valid path when the directory is at `to`.
///
/// # Errors
///
/// `invalid_path` if one would be too long.
pub(crate) fn check_lengths(directory: &Directory, to: &VirtualPath) -> Result<()> {
    let room = MAX_PATH_BYTES.saturating_sub(to.as_str().len());
    // The bound may be too high; only if it exceeds the limit is everything measured.
    if directory.longest() <= room || longest_path(directory) <= room {
        return Ok(());
    }
    Err(PathError::new(to.as_str(), PathReason::PathTooLong).into())
}

fn longest_path(directory: &Directory) -> usize {
    let mut longest = 0;
    let mut pending = vec![(directory, 0)];
    while let Some((directory, above)) = pending.pop() {
        for (name, node) in directory.children() {
            let length = above + 1 + name.len();
            longest = longest.max(length);
            if let Node::Directory(child) = node {
                pending.push((child, length));
            }
        }
    }
    longest
}

/// Splits a path into the names above it and its own. `None` for the root.
fn split(path: &VirtualPath) -> Option<(impl Iterator<Item = &str>, &str)> {
    let mut segments = path.segments();
    let name = segments.next_back()?;
    Some((segments, name))
}
