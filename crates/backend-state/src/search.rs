//! Searches: the tree that the engine walks, and the thread that they run on.

use std::io;
use std::sync::Arc;

use backend_core::search::{Base, Cancel, Child, Children, Opened, Tree};
use backend_core::{Entry, Error, Result, VirtualPath};

use crate::directory::{Directory, Node};
use crate::tree::{self, Place};

/// A store at one moment. A search of it does not see later changes.
#[derive(Debug)]
pub(crate) struct Snapshot(pub(crate) Arc<Directory>);

impl Tree for Snapshot {
    type Dir = Arc<Directory>;
    type Reader = io::Empty;

    fn base(&self, path: &VirtualPath) -> Result<Base<Self::Dir, Self::Reader>> {
        Ok(match tree::place(&self.0, path)? {
            Place::Directory(directory) => Base::Directory(Arc::clone(directory)),
            Place::File(file) => {
                let opened = Opened::Bytes(file.content.clone());
                Base::File(file.entry(path.clone()), opened)
            }
            Place::Free { .. } => return Err(Error::not_found(path)),
        })
    }

    fn children(&self, dir: &Self::Dir) -> Result<Children> {
        let named = dir
            .children()
            .map(|(name, node)| Child {
                name: Arc::clone(name),
                kind: node.kind(),
            })
            .collect();
        Ok(Children {
            named,
            ..Children::default()
        })
    }

    fn open_dir(&self, dir: &Self::Dir, name: &str) -> Result<Self::Dir> {
        match dir.get(name) {
            Some(Node::Directory(directory)) => Ok(Arc::clone(directory)),
            _ => Err(gone(name)),
        }
    }

    fn open_file(&self, dir: &Self::Dir, name: &str) -> Result<Opened<Self::Reader>> {
        match dir.get(name) {
            Some(Node::File(file)) => Ok(Opened::Bytes(file.content.clone())),
            _ => Err(gone(name)),
        }
    }

    fn entry(&self, dir: &Self::Dir, name: &str, path: VirtualPath) -> Result<Entry> {
        match dir.get(name) {
            Some(node) => Ok(node.entry(path)),
            None => Err(Error::not_found(&path)),
        }
    }
}

/// A snapshot does not change, so this is only for a name that was not listed.
fn gone(name: &str) -> Error {
    match VirtualPath::root().child(name) {
        Ok(path) => Error::not_found(&path),
        Err(error) => error.into(),
    }
}

/// Runs work that can take long: on a blocking thread within a tokio runtime, and on this thread otherwise.
pub(crate) async fn run<R, F>(work: F) -> Result<R>
where
    R: Send + 'static,
    F: FnOnce(&Cancel) -> Result<R> + Send + 'static,
{
    let cancel = Cancel::new();
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return work(&cancel);
    };
    let guard = CancelOnDrop(cancel.clone());
    let outcome = runtime.spawn_blocking(move || work(&cancel)).await;
    drop(guard);
    match outcome {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => {
            Err(Error::internal_from(None, "the operation panicked", error))
        }
        Err(error) => Err(Error::unavailable_from(
            "the runtime is shutting down",
            error,
        )),
    }
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Returns how many threads a search uses.
pub(crate) fn threads() -> usize {
    const MAX_THREADS: usize = 8;
    std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS))
}
