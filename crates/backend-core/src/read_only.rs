//! A wrapper that rejects changes, whatever the wrapped backend allows.

use async_trait::async_trait;

use crate::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, Error,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

/// Wraps a backend and refuses every change with `permission_denied`; every other operation is forwarded. A dry run of an edit
/// changes nothing, so it is allowed.
///
/// It never executes anything, whatever it wraps. The wrapped backend itself can still change its files.
///
/// # Examples
///
/// ```
/// use backend_core::{Backend, BackendExt, ErrorKind, ReadOnly};
///
/// async fn show(files: impl Backend) -> backend_core::Result<()> {
///     let files = ReadOnly::new(files);
///     files.read("/notes.txt").await?;
///     let refused = files.write("/notes.txt", "mine").await.unwrap_err();
///     assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ReadOnly<B> {
    inner: B,
}

impl<B: Backend> ReadOnly<B> {
    /// Wraps a backend.
    pub fn new(inner: B) -> Self {
        Self { inner }
    }
}

fn refused(path: &VirtualPath) -> Error {
    Error::permission_denied(path, "the backend is read-only")
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<B: Backend> Backend for ReadOnly<B> {
    fn capabilities(&self) -> Capabilities {
        let inner = self.inner.capabilities();
        let mut capabilities = Capabilities::none();
        capabilities.read_only = true;
        capabilities.durable = inner.durable;
        capabilities.symlinks = inner.symlinks;
        capabilities
    }

    fn work_dir(&self) -> VirtualPath {
        self.inner.work_dir()
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        self.inner.resolve_with(request).await
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.inner.stat_with(request).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.inner.ls_with(request).await
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        self.inner.read_with(request).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        self.inner.read_bytes_with(request).await
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        Err(refused(&request.path))
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        if request.dry_run {
            return self.inner.edit_with(request).await;
        }
        Err(refused(&request.path))
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        Err(refused(&request.path))
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        Err(refused(&request.from))
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        Err(refused(&request.path))
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.inner.glob_with(request).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.inner.grep_with(request).await
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        self.inner.read_many_with(requests).await
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let refusals = requests.iter().map(|request| Err(refused(&request.path)));
        refusals.collect()
    }
}
