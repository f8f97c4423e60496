//! A sandbox with files in memory and a few built-in commands.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use backend_core::*;
use backend_state::StateBackend;
use bytes::Bytes;
use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct Fake {
    id: SandboxId,
    pub(super) files: StateBackend,
    processes: Mutex<Vec<(ProcessInfo, Vec<u8>)>>,
    /// How many commands are running.
    running: watch::Sender<usize>,
    /// The last command or process that was requested, as it arrived.
    pub(super) last: Mutex<Option<ExecRequest>>,
    /// How many reads that start deep in a file find that it was rewritten.
    pub(super) rewrites: AtomicU32,
    /// The most bytes of a file that were read at once.
    pub(super) most_read: AtomicUsize,
}

/// Counts a command while it runs, however it ends.
struct Running<'a>(&'a watch::Sender<usize>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Fake {
    pub(super) fn new() -> Self {
        Self {
            id: SandboxId::parse("fake-1").unwrap(),
            files: StateBackend::new(),
            processes: Mutex::default(),
            running: watch::Sender::new(0),
            last: Mutex::default(),
            rewrites: AtomicU32::new(0),
            most_read: AtomicUsize::new(0),
        }
    }

    /// Waits until this many commands run.
    pub(super) async fn running(&self, count: usize) {
        self.running
            .subscribe()
            .wait_for(|now| *now == count)
            .await
            .unwrap();
    }

    /// Rewrites a file unchanged, if rewrites are left.
    async fn rewrite(&self, path: &VirtualPath) -> Result<()> {
        let fewer = |left: u32| left.checked_sub(1);
        let due = self
            .rewrites
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer);
        if due.is_ok() {
            let content = self.files.read_bytes(path).await?;
            self.files.write(path, content).await?;
        }
        Ok(())
    }

    fn process<T>(
        &self,
        id: &ProcessId,
        use_it: impl FnOnce(&mut (ProcessInfo, Vec<u8>)) -> T,
    ) -> Result<T> {
        let mut processes = self.processes.lock().unwrap();
        match processes.iter_mut().find(|(info, _)| info.id == *id) {
            Some(process) => Ok(use_it(process)),
            None => Err(Error::invalid_request(format!("no process {id}"))),
        }
    }
}

fn captured(bytes: Bytes, keep: usize) -> Captured {
    if bytes.len() <= keep {
        return Captured::new(bytes, 0, Bytes::new());
    }
    let (head, tail) = (keep / 2, bytes.len() - keep / 2);
    Captured::new(
        bytes.slice(..head),
        (tail - head) as u64,
        bytes.slice(tail..),
    )
}

#[async_trait]
impl Backend for Fake {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.files.capabilities();
        (capabilities.executes, capabilities.processes) = (true, true);
        capabilities
    }
    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.files.stat_with(request).await
    }
    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.files.ls_with(request).await
    }
    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        self.files.read_with(request).await
    }
    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        let range = request.range.as_ref();
        if range.is_some_and(|range| range.start > 1 << 20) {
            self.rewrite(&request.path).await?;
        }
        let content = self.files.read_bytes_with(request).await?;
        self.most_read
            .fetch_max(content.bytes.len(), Ordering::SeqCst);
        Ok(content)
    }
    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.files.write_with(request).await
    }
    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        self.files.edit_with(request).await
    }
    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.files.delete_with(request).await
    }
    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.files.rename_with(request).await
    }
    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.files.mkdir_with(request).await
    }
    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.files.glob_with(request).await
    }
    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
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

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        *self.last.lock().unwrap() = Some(request.clone());
        self.running.send_modify(|count| *count += 1);
        let _running = Running(&self.running);
        let Command::Shell(line) = &request.command else {
            return Err(Error::invalid_request("only lines"));
        };
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut stderr = Bytes::new();
        let stdout: Bytes = match word {
            "echo" => format!("{rest}\n").into(),
            "cat" => request.stdin.clone(),
            "both" => {
                stderr = Bytes::from_static(b"\xff err");
                Bytes::from_static(b"out \xfe")
            }
            "bytes" => vec![b'x'; rest.parse().unwrap()].into(),
            "forever" => std::future::pending().await,
            "panic" => panic!("asked to"),
            _ => {
                let status = ExecStatus::Exited(127);
                let (none, took) = (Captured::default(), Duration::ZERO);
                return Ok(ExecOutput::new(status, none.clone(), none, took));
            }
        };
        tokio::task::yield_now().await;
        Ok(ExecOutput::new(
            ExecStatus::Exited(0),
            captured(stdout, request.output_bytes),
            captured(stderr, request.output_bytes),
            Duration::from_millis(1),
        ))
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        let mut processes = self.processes.lock().unwrap();
        let id = ProcessId::new(format!("p{}", processes.len()));
        let info = ProcessInfo::new(id, request.command.clone(), SystemTime::UNIX_EPOCH);
        processes.push((info.clone(), request.stdin.to_vec()));
        *self.last.lock().unwrap() = Some(request.clone());
        Ok(info)
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        let processes = self.processes.lock().unwrap();
        Ok(processes.iter().map(|(info, _)| info.clone()).collect())
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        self.process(&request.process, |(info, printed)| {
            let start = (request.cursor as usize).min(printed.len());
            let end = (start + request.limit).min(printed.len());
            let (first, second) = printed[start..end].split_at((end - start) / 2);
            let chunks = vec![
                OutputChunk::new(OutputStream::Stdout, Bytes::copy_from_slice(first)),
                OutputChunk::new(OutputStream::Stderr, Bytes::copy_from_slice(second)),
            ];
            ProcessOutput::new(chunks, 0, end as u64, info.status)
        })
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        self.process(&request.process, |(_, printed)| {
            printed.extend_from_slice(&request.bytes);
        })
    }

    async fn signal(&self, process: &ProcessId, _signal: Signal) -> Result<()> {
        self.process(process, |(info, _)| {
            info.status = Some(ExecStatus::Signaled(15))
        })
    }

    async fn resize(&self, process: &ProcessId, _size: TerminalSize) -> Result<()> {
        self.process(process, |_| ())?;
        Err(Error::invalid_request("it has no terminal"))
    }

    async fn stop(&self) -> Result<()> {
        Ok(())
    }
}
