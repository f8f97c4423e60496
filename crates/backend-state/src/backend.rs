//! The backend: each operation of the protocol on a [`Store`].

use std::sync::Arc;

use async_trait::async_trait;
use backend_core::search::{glob, grep};
use backend_core::text::{Scan, WindowScanner};
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, EntryKind,
    Error, GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, Result, Skipped, StatRequest, TextPage,
    Truncation, VirtualPath, WriteRequest, Written,
};

use crate::builder::StateBackendBuilder;
use crate::directory::File;
use crate::document::{Document, DocumentError};
use crate::limits::{Limits, Usage};
use crate::search::{self, Snapshot};
use crate::store::Store;
use crate::tree::{self, Place};

/// The file size, in bytes, from which a read runs on a blocking thread: 256 KiB.
const LONG_READ_BYTES: u64 = 256 << 10;

/// The file size, in bytes, from which an edit runs on a blocking thread: 64 KiB.
const LONG_EDIT_BYTES: u64 = 64 << 10;

/// How much of a file the scanner gets at a time, so that it can stop early.
const PIECE_BYTES: usize = 256 << 10;

/// Files in memory.
///
/// A clone is another handle to the same files; a [`fork`](Self::fork) has files of its own.
///
/// # Versions
///
/// Each write and edit gives a file a new version, unique across processes. A rename keeps the version. With
/// [`derived_versions`](StateBackendBuilder::derived_versions) they are the same after the content was saved and loaded.
///
/// # Runtime
///
/// No operation needs a runtime. Within a tokio runtime, searches and work on large files run on its blocking threads;
/// otherwise on the polling thread.
#[derive(Clone, Debug)]
pub struct StateBackend {
    store: Arc<Store>,
}

impl StateBackend {
    /// Creates an empty store without limits.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder, to set limits.
    pub fn builder() -> StateBackendBuilder {
        StateBackendBuilder::new()
    }

    /// Creates a store without limits with the content of a document.
    ///
    /// # Errors
    ///
    /// Returns a [`DocumentError`] for a document that contradicts itself.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        Self::builder().load(document)
    }

    /// Creates a store without limits with the content of a JSON document, of this crate or of the Python original: see
    /// [`Document`].
    ///
    /// # Errors
    ///
    /// Returns a [`DocumentError`] if it is not such a document.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, DocumentError> {
        Self::from_document(&Document::from_json(json)?)
    }

    /// Returns the whole content as a document. The files' bytes are shared, not copied.
    pub fn to_document(&self) -> Document {
        Document::from_root(&self.store.snapshot())
    }

    /// Returns the whole content as a JSON document: see [`Document`].
    pub fn to_json(&self) -> String {
        self.to_document().to_json()
    }

    /// Returns an independent store with the same content and limits.
    ///
    /// It costs the same whatever the store holds: content and directories are shared until one of the two stores changes
    /// them.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::from_store(self.store.fork())
    }

    /// Gives this store the content of another one, such as a fork that was kept for this. Limits are unchanged and not
    /// checked. It costs the same whatever the stores hold, and running searches are not affected.
    pub fn restore(&self, other: &Self) {
        self.store.restore(other.store.snapshot());
    }

    /// Returns how much this store holds.
    pub fn usage(&self) -> Usage {
        self.store.read(|root| root.usage())
    }

    /// Returns how much this store may hold.
    pub fn limits(&self) -> Limits {
        self.store.limits()
    }

    pub(crate) fn from_store(store: Store) -> Self {
        Self {
            store: Arc::new(store),
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot(self.store.snapshot())
    }

    fn size_at(&self, path: &VirtualPath) -> u64 {
        self.store
            .read(|root| tree::file(root, path).map_or(0, File::size))
    }
}

impl Default for StateBackend {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Backend for StateBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        let path = &request.path;
        self.store.read(|root| match tree::place(root, path)? {
            Place::Directory(directory) => Ok(directory.entry(path.clone())),
            Place::File(file) => Ok(file.entry(path.clone())),
            Place::Free { .. } => Err(Error::not_found(path)),
        })
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        if request.limit == 0 {
            let message = "the limit must be at least 1";
            return Err(Error::invalid_request_at(&request.path, message));
        }
        // Keeps the directory, not the lock: a listing can be long.
        let directory = self
            .store
            .read(|root| tree::directory(root, &request.path).map(Arc::clone))?;
        let of_kind = |directories: bool| {
            directory
                .children()
                .filter(move |(_, node)| (node.kind() == EntryKind::Directory) == directories)
        };
        let items = of_kind(true)
            .chain(of_kind(false))
            .take(request.limit)
            .map(|(name, node)| Ok(node.entry(request.path.child(name)?)))
            .collect::<Result<Vec<_>>>()?;
        let cut = (directory.len() > items.len()).then_some(Truncation::Limit);
        Ok(Page::new(items, cut, Skipped::default()))
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        let file = self
            .store
            .read(|root| tree::file(root, &request.path).cloned())?;
        if file.size() < LONG_READ_BYTES {
            return read(request, &file);
        }
        let request = request.clone();
        search::run(move |_| read(&request, &file)).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        let path = &request.path;
        self.store.read(|root| {
            let file = tree::file(root, path)?;
            let range = request.resolve(file.size())?;
            // Both ends are within the content, whose length is a usize.
            let bytes = file.content.slice(range.start as usize..range.end as usize);
            Ok(Content::new(bytes, file.size(), file.version))
        })
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.store.write(request)
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        if self.size_at(&request.path) < LONG_EDIT_BYTES {
            return self.store.edit(request);
        }
        let (store, request) = (Arc::clone(&self.store), request.clone());
        search::run(move |_| store.edit(&request)).await
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.store.delete(request)
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.store.rename(request)
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.store.mkdir(&request.path)
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let (tree, request) = (self.snapshot(), request.clone());
        search::run(move |cancel| glob(&tree, &request, cancel, 1)).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        let (tree, request) = (self.snapshot(), request.clone());
        search::run(move |cancel| grep(&tree, &request, cancel, search::threads())).await
    }
}

fn read(request: &ReadRequest, file: &File) -> Result<TextPage> {
    let mut scanner = WindowScanner::new(request, file.size(), file.version)?;
    for piece in file.content.chunks(PIECE_BYTES) {
        if scanner.push(piece)? == Scan::Done {
            break;
        }
    }
    scanner.finish()
}
