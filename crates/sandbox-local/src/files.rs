//! The files of the sandbox are the backend's, until the sandbox is stopped.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

use crate::{Engine, LocalSandbox};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<B: Backend> Backend for LocalSandbox<B> {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.backend().capabilities();
        capabilities.executes = Engine::SUPPORTED;
        capabilities.processes = Engine::SUPPORTED;
        capabilities.pty = Engine::SUPPORTED;
        capabilities
    }

    fn work_dir(&self) -> VirtualPath {
        self.engine().work_dir().clone()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.engine().check()?;
        self.backend().stat_with(request).await
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        self.engine().check()?;
        self.backend().resolve_with(request).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.engine().check()?;
        self.backend().ls_with(request).await
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        self.engine().check()?;
        self.backend().read_with(request).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        self.engine().check()?;
        self.backend().read_bytes_with(request).await
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.engine().check()?;
        self.backend().write_with(request).await
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        self.engine().check()?;
        self.backend().edit_with(request).await
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.engine().check()?;
        self.backend().delete_with(request).await
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.engine().check()?;
        self.backend().rename_with(request).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.engine().check()?;
        self.backend().mkdir_with(request).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.engine().check()?;
        self.backend().glob_with(request).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.engine().check()?;
        self.backend().grep_with(request).await
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        match self.engine().check() {
            Ok(()) => self.backend().read_many_with(requests).await,
            Err(gone) => requests.iter().map(|_| Err(gone.clone())).collect(),
        }
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        match self.engine().check() {
            Ok(()) => self.backend().write_many_with(requests).await,
            Err(gone) => requests.iter().map(|_| Err(gone.clone())).collect(),
        }
    }
}
