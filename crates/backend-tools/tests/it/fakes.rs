//! Workspaces that misbehave: that hang, that fail in the middle, that claim to run commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, Entry, Error, ExecOutput, ExecRequest,
    GlobRequest, GrepRequest, Grepped, Liveness, LsRequest, MadeDirectory, MkdirRequest,
    OutputRequest, Page, ProcessId, ProcessInfo, ProcessOutput, ReadBytesRequest, RenameRequest,
    Renamed, Result, Sandbox, SandboxId, Signal, StatRequest, StdinRequest, TerminalSize,
    VirtualPath, WriteRequest, Written,
};
use backend_state::StateBackend;

/// The behaviour of a [`Fake`] before it answers.
pub(crate) type Hook = Box<dyn Fn(&Fake, Operation<'_>) -> Trouble + Send + Sync>;

/// A requested operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation<'a> {
    Look,
    Write(&'a WriteRequest),
    Delete,
    Rename,
    Execute,
}

/// The outcome of an operation.
#[derive(Debug)]
pub(crate) enum Trouble {
    None,
    Hang,
    Fail(Error),
}

/// Files in memory, with trouble; as a sandbox it lists nothing and runs nothing.
pub(crate) struct Fake {
    pub files: Arc<StateBackend>,
    pub capabilities: Capabilities,
    pub work_dir: VirtualPath,
    pub hook: Hook,
    /// Number of requested changes.
    pub changes: AtomicUsize,
    id: SandboxId,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    pub(crate) fn new(
        hook: impl Fn(&Self, Operation<'_>) -> Trouble + Send + Sync + 'static,
    ) -> Self {
        let mut capabilities = Capabilities::none();
        capabilities.executes = true;
        capabilities.processes = true;
        Self {
            files: Arc::new(StateBackend::new()),
            capabilities,
            work_dir: VirtualPath::root(),
            hook: Box::new(hook),
            changes: AtomicUsize::new(0),
            id: SandboxId::parse("fake").unwrap(),
        }
    }

    async fn pass(&self, operation: Operation<'_>) -> Result<()> {
        if !matches!(operation, Operation::Look) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
        match (self.hook)(self, operation) {
            Trouble::None => Ok(()),
            Trouble::Hang => std::future::pending().await,
            Trouble::Fail(error) => Err(error),
        }
    }
}

/// A sandbox without trouble, for tests that only ask for its capabilities.
pub(crate) fn sandbox() -> Arc<dyn Sandbox> {
    Arc::new(Fake::new(|_, _| Trouble::None))
}

#[async_trait]
impl Backend for Fake {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
    fn work_dir(&self) -> VirtualPath {
        self.work_dir.clone()
    }
    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.pass(Operation::Look).await?;
        self.files.stat_with(request).await
    }
    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.pass(Operation::Look).await?;
        self.files.ls_with(request).await
    }
    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        self.pass(Operation::Look).await?;
        self.files.read_bytes_with(request).await
    }
    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.pass(Operation::Write(request)).await?;
        self.files.write_with(request).await
    }
    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.pass(Operation::Delete).await?;
        self.files.delete_with(request).await
    }
    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.pass(Operation::Rename).await?;
        self.files.rename_with(request).await
    }
    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.files.mkdir_with(request).await
    }
    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.pass(Operation::Look).await?;
        self.files.glob_with(request).await
    }
    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.pass(Operation::Look).await?;
        self.files.grep_with(request).await
    }
}

#[async_trait]
impl Sandbox for Fake {
    fn id(&self) -> &SandboxId {
        &self.id
    }
    async fn liveness(&self) -> Liveness {
        Liveness::Alive
    }
    async fn execute_with(&self, _request: &ExecRequest) -> Result<ExecOutput> {
        self.pass(Operation::Execute).await?;
        Err(Error::unsupported("commands"))
    }
    async fn spawn_with(&self, _request: &ExecRequest) -> Result<ProcessInfo> {
        Err(Error::unsupported("processes"))
    }
    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        Ok(Vec::new())
    }
    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        Err(Error::unknown_process(&request.process))
    }
    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        Err(Error::unknown_process(&request.process))
    }
    async fn signal(&self, process: &ProcessId, _signal: Signal) -> Result<()> {
        Err(Error::unknown_process(process))
    }
    async fn resize(&self, process: &ProcessId, _size: TerminalSize) -> Result<()> {
        Err(Error::unknown_process(process))
    }
    async fn stop(&self) -> Result<()> {
        Ok(())
    }
}
