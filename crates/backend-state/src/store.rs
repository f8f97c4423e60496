//! One store: a root behind a lock, and every operation on it as a plain function.
//!
//! The lock is held no longer than a walk down a path. Longer work (searches, edits, freeing removed nodes) happens
//! outside of it, on a snapshot.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use backend_core::text::{Applied, MAX_EDIT_BYTES, apply_edits};
use backend_core::{
    DeleteRequest, Deleted, EditRequest, Edited, Error, MadeDirectory, RenameMode, RenameRequest,
    Renamed, Result, Version, VirtualPath, WriteMode, WriteRequest, Written,
};
use bytes::Bytes;

use crate::directory::{Directory, File, Node};
use crate::limits::{Limits, Usage};
use crate::tree::{self, Place, Room};
use crate::versions::Versions;

/// How often an edit is tried optimistically before it is done under the lock, with all other writers waiting.
const EDIT_TRIES: usize = 8;

/// The size, in bytes, up to which written content is copied: 64 KiB. It may be a slice of a much larger buffer, which
/// it would keep in memory.
const COPIED_BYTES: usize = 64 << 10;

/// The clock of a store.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

pub(crate) struct Store {
    root: RwLock<Arc<Directory>>,
    limits: Limits,
    clock: Clock,
    versions: Versions,
}

/// The nodes that a change removed. They are freed after the lock is released.
type Garbage = Option<Node>;

impl Store {
    pub(crate) fn new(
        root: Arc<Directory>,
        limits: Limits,
        clock: Clock,
        versions: Versions,
    ) -> Self {
        Self {
            root: RwLock::new(root),
            limits,
            clock,
            versions,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns a store that shares all content with this one, but no later changes.
    pub(crate) fn fork(&self) -> Self {
        Self::new(
            self.snapshot(),
            self.limits,
            Arc::clone(&self.clock),
            self.versions,
        )
    }

    /// Returns the state of everything at this moment.
    pub(crate) fn snapshot(&self) -> Arc<Directory> {
        self.read(Arc::clone)
    }

    /// Replaces everything with `root`.
    pub(crate) fn restore(&self, root: Arc<Directory>) {
        let mut place = self.root.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, root);
        drop(place);
        drop(old);
    }

    /// Calls `look` with the root. `look` must do no more than walk down a path.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&Arc<Directory>) -> R) -> R {
        look(&self.root.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<R>(
        &self,
        change: impl FnOnce(&mut Arc<Directory>) -> Result<(R, Garbage)>,
    ) -> Result<R> {
        let mut root = self.root.write().unwrap_or_else(PoisonError::into_inner);
        let outcome = change(&mut root);
        drop(root);
        let (outcome, garbage) = outcome?;
        drop(garbage);
        Ok(outcome)
    }

    pub(crate) fn write(&self, request: &WriteRequest) -> Result<Written> {
        let path = &request.path;
        let size = request.content.len() as u64;
        self.limits.check_file(size)?;
        let file = self.new_file(own(&request.content));
        self.change(|root| {
            if path.is_root() {
                return Err(Error::is_a_directory(path));
            }
            let place = tree::place(root, path)?;
            match place {
                Place::Directory(_) if request.mode == WriteMode::CreateNew => {
                    return Err(Error::already_exists(path));
                }
                Place::Directory(_) => return Err(Error::is_a_directory(path)),
                Place::File(old) => check_mode(request, old.version)?,
                Place::Free { .. } if matches!(request.mode, WriteMode::IfVersion(_)) => {
                    return Err(Error::conflict(path, "the file does not exist", None));
                }
                Place::Free { .. } => {}
            }
            let room = place.room();
            self.check(root, Usage::file(size), room)?;
            let (version, modified) = (file.version, file.modified);
            let old = tree::put(root, path, Node::File(file), room, modified);
            Ok((Written::new(version, old.is_none(), size), old))
        })
    }

    pub(crate) fn edit(&self, request: &EditRequest) -> Result<Edited> {
        for _ in 0..EDIT_TRIES {
            let old = self.read(|root| tree::file(root, &request.path).cloned())?;
            let applied = apply(request, &old)?;
            if request.dry_run {
                return Ok(edited(applied, old.version));
            }
            let outcome = self.change(|root| {
                let now = tree::file(root, &request.path)?;
                if now.version != old.version {
                    return Ok((None, None));
                }
                let (outcome, garbage) = self.finish_edit(root, request, applied)?;
                Ok((Some(outcome), garbage))
            })?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        self.change(|root| {
            let old = tree::file(root, &request.path)?;
            let applied = apply(request, old)?;
            self.finish_edit(root, request, applied)
        })
    }

    fn finish_edit(
        &self,
        root: &mut Arc<Directory>,
        request: &EditRequest,
        mut applied: Applied,
    ) -> Result<(Edited, Garbage)> {
        let mut bytes = std::mem::take(&mut applied.bytes);
        bytes.shrink_to_fit();
        let file = self.new_file(bytes.into());
        self.limits.check_file(file.size())?;
        let room = Place::File(tree::file(root, &request.path)?).room();
        self.check(root, Usage::file(file.size()), room)?;
        let (version, modified) = (file.version, file.modified);
        let old = tree::put(root, &request.path, Node::File(file), room, modified);
        Ok((edited(applied, version), old))
    }

    pub(crate) fn delete(&self, request: &DeleteRequest) -> Result<Deleted> {
        let path = &request.path;
        let now = (self.clock)();
        self.change(|root| {
            if path.is_root() {
                return Err(Error::invalid_request_at(
                    path,
                    "the root cannot be deleted",
                ));
            }
            match tree::place(root, path)? {
                Place::Free { .. } => return Err(Error::not_found(path)),
                Place::File(file) => {
                    if request
                        .expected
                        .is_some_and(|version| version != file.version)
                    {
                        return Err(stale(path, file.version));
                    }
                }
                Place::Directory(_) if request.expected.is_some() => {
                    let reason = "it is a directory, which has no version";
                    return Err(Error::conflict(path, reason, None));
                }
                Place::Directory(directory) if directory.len() > 0 && !request.recursive => {
                    let message =
                        "the directory is not empty; delete it recursively, or empty it first";
                    return Err(Error::invalid_request_at(path, message));
                }
                Place::Directory(_) => {}
            }
            let old = tree::remove(root, path, now);
            let entries = old.as_ref().map_or(0, |node| node.usage().entries());
            Ok((Deleted::new(entries), old))
        })
    }

    pub(crate) fn rename(&self, request: &RenameRequest) -> Result<Renamed> {
        let (from, to) = (&request.from, &request.to);
        let now = (self.clock)();
        self.change(|root| {
            if from.is_root() || to.is_root() {
                let root = VirtualPath::root();
                let message = "the root cannot be moved or replaced";
                return Err(Error::invalid_request_at(&root, message));
            }
            let (version, moved) = match tree::place(root, from)? {
                Place::Free { .. } => return Err(Error::not_found(from)),
                Place::File(file) => (Some(file.version), None),
                Place::Directory(directory) => (None, Some(directory)),
            };
            if from == to {
                return Ok((Renamed::new(version), None));
            }
            if moved.is_some() && to.starts_with(from) {
                let message = "a directory cannot be moved into itself";
                return Err(Error::invalid_request_at(from, message));
            }
            let place = tree::place(root, to)?;
            match place {
                Place::Free { .. } => {}
                _ if request.mode == RenameMode::CreateNew || moved.is_some() => {
                    return Err(Error::already_exists(to));
                }
                Place::Directory(_) => return Err(Error::is_a_directory(to)),
                Place::File(_) => {}
            }
            if let Some(directory) = moved {
                tree::check_lengths(directory, to)?;
            }
            let room = place.room();
            self.check(root, Usage::default(), room)?;
            // The nodes at `to` and above it are unaffected: `from` is neither above nor below it.
            let node = tree::remove(root, from, now);
            let old = node.and_then(|node| tree::put(root, to, node, room, now));
            Ok((Renamed::new(version), old))
        })
    }

    pub(crate) fn mkdir(&self, path: &VirtualPath) -> Result<MadeDirectory> {
        let now = (self.clock)();
        self.change(|root| {
            let place = tree::place(root, path)?;
            match place {
                Place::Directory(_) => return Ok((MadeDirectory::new(false), None)),
                Place::File(_) => return Err(Error::already_exists(path)),
                Place::Free { .. } => {}
            }
            let room = place.room();
            let node = Node::Directory(Arc::new(Directory::new(now)));
            self.check(root, node.usage(), room)?;
            let old = tree::put(root, path, node, room, now);
            Ok((MadeDirectory::new(true), old))
        })
    }

    /// Checks that the limits allow `added` more in place of `room`.
    fn check(&self, root: &Directory, added: Usage, room: Room) -> Result<()> {
        let added = added.plus(Usage::directories(room.missing));
        self.limits.check(root.usage(), added, room.removed)
    }

    fn new_file(&self, content: Bytes) -> File {
        let modified = (self.clock)();
        File {
            version: self.versions.of(&content, modified),
            content,
            modified,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("usage", &self.read(|root| root.usage()))
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn own(content: &Bytes) -> Bytes {
    if content.len() <= COPIED_BYTES {
        Bytes::copy_from_slice(content)
    } else {
        content.clone()
    }
}

fn check_mode(request: &WriteRequest, current: Version) -> Result<()> {
    match request.mode {
        WriteMode::CreateNew => Err(Error::already_exists(&request.path)),
        WriteMode::IfVersion(version) if version != current => Err(stale(&request.path, current)),
        _ => Ok(()),
    }
}

fn apply(request: &EditRequest, file: &File) -> Result<Applied> {
    if request
        .expected
        .is_some_and(|version| version != file.version)
    {
        return Err(stale(&request.path, file.version));
    }
    if file.size() > MAX_EDIT_BYTES {
        return Err(Error::TooLarge {
            path: request.path.clone(),
            size: file.size(),
            limit: MAX_EDIT_BYTES,
        });
    }
    apply_edits(&request.path, &file.content, &request.edits)
}

fn edited(applied: Applied, version: Version) -> Edited {
    Edited::new(
        applied.replacements,
        version,
        applied.diff,
        applied.diff_cut,
    )
}

fn stale(path: &VirtualPath, current: Version) -> Error {
    Error::conflict(path, "the file changed since it was read", Some(current))
}
