//! A backend in which nothing can be changed, whatever the one behind it allows.

use std::sync::Arc;

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, Error,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

/// Files to look at.
#[derive(Clone, Debug)]
pub(crate) struct ReadOnly {
    inner: Arc<dyn Backend>,
}

impl ReadOnly {
    pub(crate) fn new(inner: Arc<dyn Backend>) -> Self {
        Self { inner }
    }
}

fn refused(path: &VirtualPath) -> Error {
    Error::permission_denied(path, "the workspace is read-only")
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for ReadOnly {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use backend_state::StateBackend;

    use super::ReadOnly;

    backend_conformance::read_only_laws!(laws, || async {
        let store = StateBackend::new();
        backend_conformance::populate(&store).await.unwrap();
        ReadOnly::new(Arc::new(store))
    });
}
