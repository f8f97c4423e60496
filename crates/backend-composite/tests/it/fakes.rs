//! Backends that fail, and a sandbox that runs nothing and records its requests.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Captured, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry,
    Error, ExecOutput, ExecRequest, ExecStatus, GlobRequest, GrepRequest, Grepped, Liveness,
    LsRequest, MadeDirectory, MkdirRequest, OutputRequest, Page, ProcessId, ProcessInfo,
    ProcessOutput, ReadBytesRequest, ReadRequest, RenameRequest, Renamed, Result, Sandbox,
    SandboxId, Signal, StatRequest, StdinRequest, TerminalSize, TextPage, VirtualPath,
    WriteRequest, Written,
};
use backend_state::StateBackend;

/// Returns the error of an operation on a path, if it fails.
type Rule = dyn Fn(&str, &VirtualPath) -> Option<Error> + Send + Sync;

/// A backend in front of a store, which can fail by a rule.
pub(crate) struct Rigged {
    pub(crate) store: StateBackend,
    rule: Box<Rule>,
}

impl Rigged {
    pub(crate) fn new(
        store: StateBackend,
        rule: impl Fn(&str, &VirtualPath) -> Option<Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            store,
            rule: Box::new(rule),
        }
    }

    /// A backend that is gone.
    pub(crate) fn gone() -> Self {
        Self::new(StateBackend::new(), |_, _| Some(gone()))
    }

    /// A backend that fails with an error about the path that it was asked for.
    pub(crate) fn denying() -> Self {
        Self::new(StateBackend::new(), |_, path| {
            Some(Error::permission_denied(path, "no"))
        })
    }

    fn check(&self, operation: &str, path: &VirtualPath) -> Result<()> {
        (self.rule)(operation, path).map_or(Ok(()), Err)
    }
}

pub(crate) fn gone() -> Error {
    Error::unavailable("it is gone")
}

impl std::fmt::Debug for Rigged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rigged")
    }
}

macro_rules! rigged {
    ($self:ident.$method:ident($request:ident), $path:expr) => {{
        $self.check(stringify!($method), &$path)?;
        $self.store.$method($request).await
    }};
}

#[async_trait]
impl Backend for Rigged {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        rigged!(self.stat_with(request), request.path)
    }
    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        rigged!(self.ls_with(request), request.path)
    }
    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        rigged!(self.read_with(request), request.path)
    }
    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        rigged!(self.read_bytes_with(request), request.path)
    }
    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        rigged!(self.write_with(request), request.path)
    }
    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        rigged!(self.edit_with(request), request.path)
    }
    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        rigged!(self.delete_with(request), request.path)
    }
    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        rigged!(self.rename_with(request), request.from)
    }
    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        rigged!(self.mkdir_with(request), request.path)
    }
    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        rigged!(self.glob_with(request), request.path)
    }
    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        rigged!(self.grep_with(request), request.path)
    }
    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let mut outcomes = Vec::new();
        for request in requests {
            outcomes.push(self.read_with(request).await);
        }
        // One too few, if the rule says so.
        if (self.rule)("forget", &VirtualPath::root()).is_some() {
            outcomes.pop();
        }
        outcomes
    }
}

/// A store that claims to be a sandbox. It records its requests.
#[derive(Debug)]
pub(crate) struct FakeSandbox {
    pub(crate) store: StateBackend,
    id: SandboxId,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl FakeSandbox {
    pub(crate) fn new(store: StateBackend) -> Self {
        Self {
            store,
            id: SandboxId::parse("fake").unwrap(),
            asked: Mutex::new(Vec::new()),
        }
    }

    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

macro_rules! stored {
    ($($method:ident($request:ty) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Backend for FakeSandbox {
            fn capabilities(&self) -> Capabilities {
                let mut capabilities = self.store.capabilities();
                capabilities.executes = true;
                capabilities.processes = true;
                capabilities
            }
            $(async fn $method(&self, request: &$request) -> Result<$outcome> {
                self.store.$method(request).await
            })*
        }
    };
}

stored! {
    stat_with(StatRequest) -> Entry;
    ls_with(LsRequest) -> Page<Entry>;
    read_bytes_with(ReadBytesRequest) -> Content;
    write_with(WriteRequest) -> Written;
    delete_with(DeleteRequest) -> Deleted;
    rename_with(RenameRequest) -> Renamed;
    mkdir_with(MkdirRequest) -> MadeDirectory;
    glob_with(GlobRequest) -> Page<Entry>;
    grep_with(GrepRequest) -> Grepped;
}

#[async_trait]
impl Sandbox for FakeSandbox {
    fn id(&self) -> &SandboxId {
        &self.id
    }
    async fn liveness(&self) -> Liveness {
        self.note("liveness");
        Liveness::Alive
    }
    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        self.note(format!("execute in {:?}", request.cwd));
        Ok(ExecOutput::new(
            ExecStatus::Exited(0),
            Captured::default(),
            Captured::default(),
            Duration::ZERO,
        ))
    }
    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        self.note(format!("spawn in {:?}", request.cwd));
        let id = ProcessId::new("1");
        Ok(ProcessInfo::new(
            id,
            request.command.clone(),
            SystemTime::UNIX_EPOCH,
        ))
    }
    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.note("processes");
        Ok(Vec::new())
    }
    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        self.note(format!("read_output {}", request.process));
        Ok(ProcessOutput::new(Vec::new(), 0, 0, None))
    }
    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        self.note(format!("write_stdin {}", request.process));
        Ok(())
    }
    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        self.note(format!("signal {process} {signal:?}"));
        Ok(())
    }
    async fn resize(&self, process: &ProcessId, _size: TerminalSize) -> Result<()> {
        self.note(format!("resize {process}"));
        Ok(())
    }
    async fn stop(&self) -> Result<()> {
        self.note("stop");
        Ok(())
    }
}
