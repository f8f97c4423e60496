//! The files of a [`FakeSandbox`] are its backend's, as long as it runs.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, Result, StatRequest, TextPage,
    VirtualPath, WriteRequest, Written,
};

use super::FakeSandbox;

#[async_trait]
impl<B: Backend> Backend for FakeSandbox<B> {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.files.capabilities();
        capabilities.executes = true;
        capabilities.processes = true;
        capabilities
    }

    fn work_dir(&self) -> VirtualPath {
        self.files.work_dir()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.check()?;
        self.files.stat_with(request).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.check()?;
        self.files.ls_with(request).await
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        self.check()?;
        self.files.read_with(request).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        self.check()?;
        self.files.read_bytes_with(request).await
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.check_room()?;
        self.files.write_with(request).await
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        self.check_room()?;
        self.files.edit_with(request).await
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.check()?;
        self.files.delete_with(request).await
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.check()?;
        self.files.rename_with(request).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.check_room()?;
        self.files.mkdir_with(request).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.check()?;
        self.files.glob_with(request).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.check()?;
        self.files.grep_with(request).await
    }
}
