//! Each operation of the protocol: forwarded to the backend of the path, or handled here.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, EntryKind,
    Error, GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    PathError, PathReason, ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest,
    Resolved, Result, StatRequest, TextPage, VirtualPath, WriteMode, WriteRequest, Written,
};

use crate::CompositeBackend;
use crate::outward::Outward;
use crate::shadow::Wants;

/// Forwards a request to the backend of its path. A request to the default is passed on unchanged.
macro_rules! forward {
    ($self:ident.$method:ident($request:ident)) => {
        match $self.routes.owner(&$request.path) {
            None => (*$self.default).$method($request).await,
            Some(mount) => {
                let mut request = $request.clone();
                request.path = mount.inner(&$request.path);
                match (*mount.backend).$method(&request).await {
                    Ok(outcome) => Ok(outcome.outward(mount)),
                    Err(error) => Err(error.outward(mount)),
                }
            }
        }
    };
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<D: Backend + ?Sized> Backend for CompositeBackend<D> {
    fn capabilities(&self) -> Capabilities {
        self.all_capabilities()
    }

    fn work_dir(&self) -> VirtualPath {
        self.default.work_dir()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        let is_above = self.routes.is_above(&request.path);
        match forward!(self.stat_with(request)) {
            Ok(entry) if !is_above || entry.is_directory() => Ok(entry),
            Err(error) if !is_above => Err(self.explain(&request.path, error, Wants::ToLook).await),
            _ => Ok(Entry::new(request.path.clone(), EntryKind::Directory)),
        }
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        if self.routes.is_above(&request.path) {
            return Ok(Resolved::new(request.path.clone()));
        }
        let path = &request.path;
        let Some(mount) = self.routes.owner(path) else {
            return (*self.default).resolve_with(request).await;
        };
        let inner = ResolveRequest::new(mount.inner(path));
        match (*mount.backend).resolve_with(&inner).await {
            Ok(led) => match mount.outer(&led.path) {
                Some(led) => Ok(Resolved::new(led)),
                None => Err(PathError::new(path.as_str(), PathReason::PathTooLong).into()),
            },
            Err(error) => Err(error.outward(mount)),
        }
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        if self.routes.is_above(&request.path) {
            return self.list_above(request).await;
        }
        match forward!(self.ls_with(request)) {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToLook).await),
            page => page,
        }
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        if self.routes.is_above(&request.path) {
            return Err(Error::is_a_directory(&request.path));
        }
        match forward!(self.read_with(request)) {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToLook).await),
            page => page,
        }
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        if self.routes.is_above(&request.path) {
            return Err(Error::is_a_directory(&request.path));
        }
        match forward!(self.read_bytes_with(request)) {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToLook).await),
            content => content,
        }
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        if let Some(error) = self.refuse_write(request) {
            return Err(error);
        }
        match forward!(self.write_with(request)) {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToPut).await),
            written => written,
        }
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        let path = &request.path;
        if self.routes.is_above(path) {
            return Err(Error::is_a_directory(path));
        }
        let outcome = match self.routes.owner(path) {
            None => (*self.default).edit_with(request).await,
            Some(mount) => {
                let mut request = request.clone();
                request.path = mount.inner(path);
                match (*mount.backend).edit_with(&request).await {
                    Ok(edited) => Ok(edited.at_path(path)),
                    Err(error) => Err(error.outward(mount)),
                }
            }
        };
        match outcome {
            Err(error) => Err(self.explain(path, error, Wants::ToLook).await),
            edited => edited,
        }
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        if request.path.is_root() {
            let message = "the root cannot be deleted";
            return Err(Error::invalid_request_at(&request.path, message));
        }
        self.check_not_pinned(&request.path)?;
        match forward!(self.delete_with(request)) {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToLook).await),
            deleted => deleted,
        }
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.rename(request).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        if self.routes.is_above(&request.path) {
            return Ok(MadeDirectory::new(false));
        }
        match forward!(self.mkdir_with(request)) {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToPut).await),
            made => made,
        }
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.glob(request).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.grep(request).await
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        self.read_many(requests).await
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        self.write_many(requests).await
    }
}

impl<D: Backend + ?Sized> CompositeBackend<D> {
    /// Returns why a write is refused, before asking its backend.
    pub(crate) fn refuse_write(&self, request: &WriteRequest) -> Option<Error> {
        let path = &request.path;
        let is_directory = self.routes.is_above(path) || self.is_mount_point(path);
        match request.mode {
            _ if !is_directory => None,
            WriteMode::CreateNew if !path.is_root() => Some(Error::already_exists(path)),
            _ => Some(Error::is_a_directory(path)),
        }
    }

    /// Refuses operations that would remove a mount point.
    ///
    /// # Errors
    ///
    /// `permission_denied`.
    pub(crate) fn check_not_pinned(&self, path: &VirtualPath) -> Result<()> {
        let Some(mount) = self.routes.pinned_by(path) else {
            return Ok(());
        };
        // Named relative to the path, so that it stays correct when another composite rebases the
        // path.
        let reason = match mount.at.strip_prefix(path) {
            Some(below) if !below.is_root() => {
                format!("a backend is mounted in it, at '{}'", below.relative())
            }
            _ => "a backend is mounted here".to_owned(),
        };
        Err(Error::permission_denied(path, reason))
    }
}
