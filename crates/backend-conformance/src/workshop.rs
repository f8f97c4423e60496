//! What a law about commands sees: the subject's sandbox, with every answer checked on the way.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backend_core::{
    ExecOutput, ExecRequest, OutputRequest, ProcessId, ProcessInfo, ProcessOutput, Result, Sandbox,
    Signal, StdinRequest, TerminalSize, VirtualPath,
};

use crate::{Subject, Workspace, check};

mod helpers;
mod tree;

pub(crate) use helpers::{LONG, bytes_of, quoted, text_of};
pub(crate) use tree::{TOOLS, TREES};

/// How long one call may take before it counts as hanging. It says nothing about speed: the machine may be
/// busy with other things, and a command is killed long before.
const HANG: Duration = Duration::from_secs(180);

/// A sandbox as a law sees it. Each call panics if its answer breaks one of the rules that hold for every answer, or
/// does not come at all.
#[derive(Debug)]
pub(crate) struct Workshop {
    sandbox: Arc<dyn Sandbox>,
    files: Workspace,
    /// Where the files of the law are and its commands run; `None` where commands do not see files.
    directory: Option<VirtualPath>,
    /// The names of variables that every command has.
    variables: Vec<String>,
    spawned: Mutex<Vec<ProcessId>>,
}

impl Workshop {
    /// Wraps a subject, which is a sandbox.
    pub(crate) fn new(mut subject: Subject) -> Self {
        let sandbox = subject
            .sandbox
            .clone()
            .expect("a subject made by `Subject::sandbox`");
        let directory = subject
            .directory
            .get_or_insert_with(|| sandbox.work_dir())
            .clone();
        let directory = (!subject.files_apart).then_some(directory);
        Self {
            variables: std::mem::take(&mut subject.variables),
            sandbox,
            files: Workspace::new(subject),
            directory,
            spawned: Mutex::default(),
        }
    }

    /// Returns the sandbox itself.
    pub(crate) fn sandbox(&self) -> &Arc<dyn Sandbox> {
        &self.sandbox
    }

    /// Returns the files in the directory where commands run, which is their root.
    pub(crate) fn files(&self) -> &Workspace {
        &self.files
    }

    /// Returns a path of [`files`](Self::files) as the sandbox knows it.
    pub(crate) fn outer(&self, path: &str) -> VirtualPath {
        let path = VirtualPath::parse(path).expect("a path");
        let directory = self.directory.clone().unwrap_or_default();
        path.rebase(&directory).expect("a path below the directory")
    }

    /// Returns whether a variable of this name is one that the sandbox gives to every command.
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.variables.iter().any(|given| given == name)
    }

    /// Kills the processes that the law has spawned.
    pub(crate) async fn clean(&self) {
        let spawned = std::mem::take(&mut *self.spawned());
        for process in spawned {
            let _ = self.signal(&process, Signal::Kill).await;
        }
    }

    pub(crate) async fn execute(&self, request: &ExecRequest) -> Result<ExecOutput> {
        let result = within("execute", self.sandbox.execute_with(request)).await;
        if let Ok(output) = &result {
            check::captured(request.output_bytes, &output.stdout);
            check::captured(request.output_bytes, &output.stderr);
        }
        self.checked(request.cwd.as_ref(), result)
    }

    pub(crate) async fn spawn(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        let result = within("spawn", self.sandbox.spawn_with(request)).await;
        if let Ok(process) = &result {
            assert_eq!(process.command, request.command, "{process:?}");
            self.spawned().push(process.id.clone());
        }
        self.checked(request.cwd.as_ref(), result)
    }

    pub(crate) async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        let result = within("processes", self.sandbox.processes()).await;
        self.checked(None, result)
    }

    pub(crate) async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        let result = within("read_output", self.sandbox.read_output(request)).await;
        if let Ok(output) = &result {
            check::process_output(request, output);
        }
        self.checked(None, result)
    }

    pub(crate) async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        let result = within("write_stdin", self.sandbox.write_stdin(request)).await;
        self.checked(None, result)
    }

    pub(crate) async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        let result = within("signal", self.sandbox.signal(process, signal)).await;
        self.checked(None, result)
    }

    pub(crate) async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        let result = within("resize", self.sandbox.resize(process, size)).await;
        self.checked(None, result)
    }

    fn checked<T>(&self, asked: Option<&VirtualPath>, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            let asked: Vec<_> = asked.into_iter().collect();
            check::error(error, &asked, self.files.host_paths());
        }
        result
    }

    fn spawned(&self) -> std::sync::MutexGuard<'_, Vec<ProcessId>> {
        self.spawned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for an answer that must come.
pub(crate) async fn within<T>(what: &str, answer: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANG, answer).await {
        Ok(answer) => answer,
        Err(_) => panic!("{what} does not answer"),
    }
}
