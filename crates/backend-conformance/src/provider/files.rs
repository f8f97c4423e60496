//! The files of a [`FakeSandbox`] are its backend's, as long as it runs.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, DeleteRequest, Deleted, EditRequest, Edited, MadeDirectory,
    MkdirRequest, RenameRequest, Renamed, Result, VirtualPath, WriteRequest, Written, delegate,
};

use super::FakeSandbox;

macro_rules! while_running {
    ($self:ident, $operation:ident($request:expr)) => {{
        $self.check()?;
        $self.files.$operation($request).await
    }};
}

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

    delegate!(reads by while_running);

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
}
