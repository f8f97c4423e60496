//! Stored files that can be read and not changed, whatever backend opened them.

use std::sync::Arc;

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, Error,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

/// A backend that cannot be changed through this.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    inner: Arc<dyn Backend>,
}

impl ReadOnly {
    pub(crate) fn new(inner: Arc<dyn Backend>) -> Self {
        Self { inner }
    }
}

fn refuse<T>(path: &VirtualPath) -> Result<T> {
    Err(Error::permission_denied(
        path,
        "the stored files of a session are read-only",
    ))
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for ReadOnly {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.read_only = true;
        capabilities.executes = false;
        capabilities.processes = false;
        capabilities.pty = false;
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
        refuse(&request.path)
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        if request.dry_run {
            return self.inner.edit_with(request).await;
        }
        refuse(&request.path)
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        refuse(&request.path)
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        refuse(&request.from)
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        refuse(&request.path)
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
        requests
            .iter()
            .map(|request| refuse(&request.path))
            .collect()
    }
}
