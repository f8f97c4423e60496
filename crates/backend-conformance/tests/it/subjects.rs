//! The suites on the plainest possible backend: memory, with only what the trait requires.
//!
//! The backends of this workspace run the suites in their own crates. Here the laws check the provided methods of the
//! trait, and the view of a directory.

use async_trait::async_trait;
use backend_conformance::{Below, Subject, populate};
use backend_core::{
    Backend, BackendExt, Capabilities, Content, DeleteRequest, Deleted, Entry, Error, GlobRequest,
    GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page, ReadBytesRequest,
    RenameRequest, Renamed, Result, StatRequest, VirtualPath, WriteRequest, Written,
};
use backend_state::StateBackend;

/// Has only the required methods, so that reads, edits and batches are those that the trait provides.
#[derive(Debug)]
struct Bare {
    store: StateBackend,
    read_only: bool,
}

impl Bare {
    fn new() -> Self {
        Self {
            store: StateBackend::new(),
            read_only: false,
        }
    }

    fn writable(&self, path: &VirtualPath) -> Result<()> {
        if self.read_only {
            return Err(Error::permission_denied(path, "it is read-only"));
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for Bare {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::none();
        capabilities.read_only = self.read_only;
        capabilities
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.store.stat_with(request).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.store.ls_with(request).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        self.store.read_bytes_with(request).await
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.writable(&request.path)?;
        self.store.write_with(request).await
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.writable(&request.path)?;
        self.store.delete_with(request).await
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.writable(&request.from)?;
        self.store.rename_with(request).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.writable(&request.path)?;
        self.store.mkdir_with(request).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.store.glob_with(request).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.store.grep_with(request).await
    }
}

backend_conformance::file_laws!(provided, || async { Bare::new() });

backend_conformance::file_laws!(below, || async {
    let store = StateBackend::new();
    store.write("/beside", "beside").await.unwrap();
    store.mkdir("/.some/where").await.unwrap();
    Subject::new(Below::new(
        store,
        VirtualPath::parse("/.some/where").unwrap(),
    ))
    .boxed()
});

backend_conformance::read_only_laws!(read_only, || async {
    let mut bare = Bare::new();
    populate(&bare).await.unwrap();
    bare.read_only = true;
    bare
});
