//! A spawned process: its newest output, its input, its terminal.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use backend_core::{
    Command, Error, ExecStatus, OutputRequest, OutputStream, ProcessId, ProcessInfo, ProcessOutput,
    Result, StdinRequest, TerminalSize,
};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::timeout;

use super::ring::Ring;
use super::source::Sink;
use super::terminal::{self, END_OF_INPUT};
use super::tree::Tree;

/// The input of a process, until it is closed.
type Input = Arc<tokio::sync::Mutex<Option<pipe::Sender>>>;

/// A spawned process.
#[derive(Debug)]
pub(super) struct Process {
    id: ProcessId,
    command: Command,
    started: SystemTime,
    /// Its process tree. Many processes are listed long after they have ended, so the list must hold no descriptors: the
    /// registry owns the tree while any of it runs.
    tree: Weak<Tree>,
    output: Mutex<Output>,
    changed: watch::Sender<()>,
    input: Input,
    has_terminal: bool,
    /// Our end of its terminal, until it has ended.
    terminal: Mutex<Option<OwnedFd>>,
}

#[derive(Debug)]
struct Output {
    ring: Ring,
    /// How it ended, once all of its output has arrived.
    status: Option<ExecStatus>,
}

impl Process {
    /// Creates a process that keeps this many bytes of its output.
    pub(super) fn new(id: ProcessId, command: Command, output_bytes: usize) -> Self {
        Self {
            id,
            command,
            started: SystemTime::now(),
            tree: Weak::new(),
            output: Mutex::new(Output {
                ring: Ring::new(output_bytes),
                status: None,
            }),
            changed: watch::Sender::new(()),
            input: Input::default(),
            has_terminal: false,
            terminal: Mutex::default(),
        }
    }

    /// Adds the running tree.
    pub(super) fn running(
        mut self,
        tree: &Arc<Tree>,
        input: pipe::Sender,
        terminal: Option<OwnedFd>,
    ) -> Self {
        self.tree = Arc::downgrade(tree);
        self.input = Arc::new(tokio::sync::Mutex::new(Some(input)));
        self.has_terminal = terminal.is_some();
        self.terminal = Mutex::new(terminal);
        self
    }

    pub(super) fn id(&self) -> &ProcessId {
        &self.id
    }

    /// Returns its tree, if any of it still runs.
    pub(super) fn tree(&self) -> Option<Arc<Tree>> {
        self.tree.upgrade()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.output().status.is_some()
    }

    pub(super) fn info(&self) -> ProcessInfo {
        let mut info = ProcessInfo::new(self.id.clone(), self.command.clone(), self.started);
        info.status = self.output().status;
        info
    }

    /// Records how it ended. All of its output must have arrived.
    pub(super) fn end(&self, status: ExecStatus) {
        self.output().status = Some(status);
        self.close_input();
        drop(self.terminal().take());
        self.changed.send_replace(());
    }

    /// Closes the input, unless a write is in progress: the writer closes it when it sees that the process has ended.
    fn close_input(&self) {
        if let Ok(mut input) = self.input.try_lock() {
            *input = None;
        }
    }

    /// Returns output from a cursor onward; waits for its first byte, or for the end.
    pub(super) async fn read(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        if request.limit == 0 {
            return Err(Error::invalid_request(
                "the output limit must be at least 1",
            ));
        }
        let mut changed = self.changed.subscribe();
        let news = async {
            loop {
                let output = self.snapshot(request)?;
                if output.next > request.cursor || output.status.is_some() {
                    return Ok(output);
                }
                if changed.changed().await.is_err() {
                    return Ok(output);
                }
            }
        };
        match timeout(request.wait, news).await {
            Ok(output) => output,
            Err(_) => self.snapshot(request),
        }
    }

    fn snapshot(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        let output = self.output();
        let end = output.ring.end();
        if request.cursor > end {
            return Err(Error::invalid_request(format!(
                "the cursor {} is past the end of the output, {end}",
                request.cursor
            )));
        }
        let piece = output.ring.read(request.cursor, request.limit);
        let status = output.status.filter(|_| piece.next == end);
        Ok(ProcessOutput::new(
            piece.chunks,
            piece.missed,
            piece.next,
            status,
        ))
    }

    /// Takes the input to write the bytes that precede all others.
    pub(super) fn take_input(&self) -> Option<OwnedMutexGuard<Option<pipe::Sender>>> {
        Arc::clone(&self.input).try_lock_owned().ok()
    }

    /// Writes to the input, waiting until the process accepts it.
    pub(super) async fn write(&self, request: &StdinRequest) -> Result<()> {
        let mut changed = self.changed.subscribe();
        let ended = async { while !self.has_ended() && changed.changed().await.is_ok() {} };
        let written = tokio::select! {
            // First, so that an ended process takes no input, even if its pipe has room.
            biased;
            () = ended => Err(closed()),
            written = self.write_input(request) => written,
        };
        if self.has_ended() {
            self.close_input();
        }
        written
    }

    async fn write_input(&self, request: &StdinRequest) -> Result<()> {
        let mut guard = self.input.lock().await;
        let Some(input) = guard.as_mut() else {
            return Err(closed());
        };
        let mut written = input.write_all(&request.bytes).await;
        if request.close {
            if written.is_ok() && self.has_terminal {
                written = input.write_all(END_OF_INPUT).await;
            }
            *guard = None;
        }
        written.map_err(|_| {
            *guard = None;
            closed()
        })
    }

    /// Sets the size of its terminal. Does nothing once the process has ended.
    pub(super) fn resize(&self, size: TerminalSize) -> Result<()> {
        if !self.has_terminal {
            return Err(Error::invalid_request("the process has no terminal"));
        }
        match &*self.terminal() {
            Some(end) => terminal::resize(end, size).map_err(|error| {
                Error::internal_from(None, "setting the size of a terminal failed", error)
            }),
            None => Ok(()),
        }
    }

    fn terminal(&self) -> MutexGuard<'_, Option<OwnedFd>> {
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for &Process {
    fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        self.output().ring.push(stream, bytes);
        self.changed.send_replace(());
    }
}

fn closed() -> Error {
    Error::invalid_request("the input of the process is closed")
}
