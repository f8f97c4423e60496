//! The files of a session are those of its sandbox.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    SandboxProvider, StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

use super::Session;

/// Runs an operation on the sandbox, and checks its outcome.
macro_rules! on_sandbox {
    ($session:ident, $operation:ident($($argument:expr),*)) => {{
        let pass = $session.begin_op().await?;
        let outcome = pass.running.sandbox.$operation($($argument),*).await;
        $session.checked(pass, outcome).await
    }};
}

pub(super) use on_sandbox;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: SandboxProvider> Backend for Session<P> {
    fn capabilities(&self) -> Capabilities {
        let descriptor = self.entry.descriptor.get();
        descriptor.map_or(Capabilities::none(), |descriptor| descriptor.capabilities)
    }

    fn work_dir(&self) -> VirtualPath {
        let descriptor = self.entry.descriptor.get();
        descriptor.map_or_else(VirtualPath::root, |descriptor| descriptor.work_dir.clone())
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        on_sandbox!(self, resolve_with(request))
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        on_sandbox!(self, stat_with(request))
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        on_sandbox!(self, ls_with(request))
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        on_sandbox!(self, read_with(request))
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        on_sandbox!(self, read_bytes_with(request))
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        on_sandbox!(self, write_with(request))
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        on_sandbox!(self, edit_with(request))
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        on_sandbox!(self, delete_with(request))
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        on_sandbox!(self, rename_with(request))
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        on_sandbox!(self, mkdir_with(request))
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        on_sandbox!(self, glob_with(request))
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        on_sandbox!(self, grep_with(request))
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let pass = match self.begin_op().await {
            Ok(pass) => pass,
            Err(error) => return requests.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut outcomes = pass.running.sandbox.read_many_with(requests).await;
        self.check_last(pass, &mut outcomes).await;
        outcomes
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let pass = match self.begin_op().await {
            Ok(pass) => pass,
            Err(error) => return requests.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut outcomes = pass.running.sandbox.write_many_with(requests).await;
        self.check_last(pass, &mut outcomes).await;
        outcomes
    }
}

impl<P: SandboxProvider> Session<P> {
    /// Checks the sandbox by the last of several outcomes: once it is dead, all later ones fail too.
    async fn check_last<T: Send>(&self, pass: super::Pass<P>, outcomes: &mut Vec<Result<T>>) {
        if let Some(last) = outcomes.pop() {
            outcomes.push(self.checked(pass, last).await);
        }
    }
}
