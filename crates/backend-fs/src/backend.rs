//! The public type: every operation runs once on a blocking thread, where [`Root`] does it. Stats and small reads that need
//! not wait are done at once.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backend_core::search::{PartialGlob, PartialGrep};
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

use crate::blocking::{PoolShare, SearchTask, has_runtime, spawn_blocking, spawn_search};
use crate::{Durability, FsBackendBuilder, Root};

/// A directory of the real file system as a [`Backend`].
///
/// Nothing outside the directory can be reached, despite any links and races in it. A clone is a second handle on the same
/// open directory, and costs a reference count. Methods need a tokio runtime, and answer `unsupported` without one.
///
/// # Versions
///
/// A [`Version`](backend_core::Version) consists of a file's device, inode, size, and times of modification and of change.
/// Every write of this crate gives the file a unique time of modification, so two writes never share a version. Where times
/// are whole seconds (ext2, ext3, ext4 with small inodes, NFS and overlays of them), the file's generation distinguishes
/// two writes. A change in place by another program that keeps the size and falls into the same tick of the file system's
/// clock as the previous change cannot be detected. A tick is up to 10 ms, next to nothing since Linux 6.13, a second where
/// times are whole seconds, two on FAT.
///
/// # Security
///
/// A hard link is a file like any other: one to a file outside cannot be distinguished from one inside. The host's
/// `fs.protected_hardlinks` keeps other users from creating one.
#[derive(Clone)]
pub struct FsBackend {
    root: Arc<Root>,
    share: PoolShare,
}

impl FsBackend {
    /// Opens a directory with the default options. It must exist.
    ///
    /// # Errors
    ///
    /// As [`FsBackendBuilder::build`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> backend_core::Result<()> {
    /// use backend_core::BackendExt;
    /// use backend_fs::FsBackend;
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// let workspace = FsBackend::open(dir.path())?;
    /// workspace.write("/notes/today.md", "- water the plants\n").await?;
    /// assert_eq!(workspace.read("/notes/today.md").await?.text, "- water the plants\n");
    /// # Ok(()) }
    /// ```
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Self::builder(dir).build()
    }

    /// Returns a builder, to open a directory with options.
    pub fn builder(dir: impl AsRef<Path>) -> FsBackendBuilder {
        FsBackendBuilder::new(dir.as_ref().to_path_buf())
    }

    pub(crate) fn from_root(root: Arc<Root>) -> Self {
        Self {
            root,
            share: PoolShare::new(),
        }
    }

    /// Removes the temporary files that killed writers left anywhere in the directory, and returns how many.
    ///
    /// They are never listed and do no harm except for the space that they take. Those of a running writer, in this process
    /// or another, are left alone. This reads every directory below the root, so it belongs at the start of a program
    /// rather than in a loop.
    ///
    /// # Errors
    ///
    /// `permission_denied` if the backend is read-only; any error of reading the root. Unreadable entries below it are
    /// skipped.
    pub async fn remove_leftovers(&self) -> Result<u64> {
        self.run_blocking(Root::remove_leftovers).await
    }

    /// Tries an operation on this thread without blocking it. `None` if it cannot be answered at once.
    fn try_nonblocking<T>(&self, work: impl FnOnce(&Root) -> Option<T>) -> Option<T> {
        // Without a runtime nothing is answered, even if it is in memory.
        has_runtime().then(|| work(&self.root)).flatten()
    }

    /// Runs an operation on a blocking thread.
    async fn run_blocking<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Root) -> Result<T> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        spawn_blocking(&self.share, move || work(&root)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for FsBackend {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::none();
        capabilities.read_only = self.root.is_read_only();
        capabilities.durable = self.root.durability() == Durability::Full;
        capabilities.symlinks = true;
        capabilities
    }

    fn work_dir(&self) -> VirtualPath {
        VirtualPath::root()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        if let Some(outcome) = self.try_nonblocking(|root| root.stat_cached(request)) {
            return outcome;
        }
        let request = request.clone();
        self.run_blocking(move |root| root.stat(&request)).await
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        let request = request.clone();
        self.run_blocking(move |root| root.resolve(&request)).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        let request = request.clone();
        self.run_blocking(move |root| root.ls(&request)).await
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        if let Some(outcome) = self.try_nonblocking(|root| root.read_cached(request)) {
            return outcome;
        }
        let request = request.clone();
        self.run_blocking(move |root| root.read(&request)).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        if let Some(outcome) = self.try_nonblocking(|root| root.read_bytes_cached(request)) {
            return outcome;
        }
        let request = request.clone();
        self.run_blocking(move |root| root.read_bytes(&request))
            .await
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        let request = request.clone();
        self.run_blocking(move |root| root.write(&request)).await
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        let request = request.clone();
        self.run_blocking(move |root| root.edit(&request)).await
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        let request = request.clone();
        self.run_blocking(move |root| root.delete(&request)).await
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        let request = request.clone();
        self.run_blocking(move |root| root.rename(&request)).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        let request = request.clone();
        self.run_blocking(move |root| root.mkdir(&request)).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let (root, request, timeout) = (Arc::clone(&self.root), request.clone(), request.timeout);
        let partial = PartialGlob::new();
        let found = partial.clone();
        let work = move |task: &SearchTask| root.glob(&request, task, &found);
        spawn_search(&self.share, timeout, move || partial.take(), work).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        let (root, request, timeout) = (Arc::clone(&self.root), request.clone(), request.timeout);
        let partial = PartialGrep::new();
        let found = partial.clone();
        let work = move |task: &SearchTask| root.grep(&request, task, &found);
        spawn_search(&self.share, timeout, move || partial.take(), work).await
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let (count, requests) = (requests.len(), requests.to_vec());
        let outcomes =
            self.run_blocking(move |root| Ok(requests.iter().map(|r| root.read(r)).collect()));
        outcome_of_each(outcomes.await, count)
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let (count, requests) = (requests.len(), requests.to_vec());
        let outcomes =
            self.run_blocking(move |root| Ok(requests.iter().map(|r| root.write(r)).collect()));
        outcome_of_each(outcomes.await, count)
    }
}

/// Gives each item its outcome, or each the failure of the whole batch.
fn outcome_of_each<T>(outcomes: Result<Vec<Result<T>>>, count: usize) -> Vec<Result<T>> {
    outcomes.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}

impl fmt::Debug for FsBackend {
    /// Shows the options, but not the directory: logs may reach an agent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FsBackend").field(&self.root).finish()
    }
}
