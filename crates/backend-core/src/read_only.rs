//! A wrapper that rejects changes, whatever the wrapped backend allows.

use async_trait::async_trait;

use crate::{
    Backend, Capabilities, DeleteRequest, Deleted, EditRequest, Edited, Error, MadeDirectory,
    MkdirRequest, ReadRequest, RenameRequest, Renamed, Result, TextPage, VirtualPath, WriteRequest,
    Written, delegate,
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

macro_rules! to_inner {
    ($self:ident, $operation:ident($request:expr)) => {
        $self.inner.$operation($request).await
    };
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

    delegate!(reads by to_inner);

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

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        self.inner.read_many_with(requests).await
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let refusals = requests.iter().map(|request| Err(refused(&request.path)));
        refusals.collect()
    }
}
