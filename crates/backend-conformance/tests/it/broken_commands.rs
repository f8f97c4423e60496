//! The laws about commands find faults: each sandbox here has a fault that a real sandbox has had, and a law rejects it.

use std::panic::AssertUnwindSafe;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use backend_conformance::{Subject, law};
use backend_core::{
    Backend, Capabilities, Captured, Command, Content, DeleteRequest, Deleted, Entry, ErrorKind,
    ExecOutput, ExecRequest, ExecStatus, GlobRequest, GrepRequest, Grepped, Liveness, LsRequest,
    MadeDirectory, MkdirRequest, OutputRequest, Page, ProcessId, ProcessInfo, ProcessOutput,
    ReadBytesRequest, RenameRequest, Renamed, Result, Sandbox, SandboxId, Signal, StatRequest,
    StdinRequest, TerminalSize, WriteRequest, Written,
};
use backend_fs::FsBackend;
use sandbox_local::LocalSandbox;
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    JoinsTheStreams,
    DecodesOutput,
    DropsAnUnfinishedLine,
    KeepsTheHeadAlone,
    ForgetsWhatItOmitted,
    CeilingIsOneTooHigh,
    TakesZeroForNoTimeout,
    SaysTimeoutBy124,
    LosesOutputOnTimeout,
    EatsLineBreaks,
    RunsWordsByAShell,
    InheritsVariables,
    SaysSignalsByCodes,
    FailsWithoutProgram,
    IgnoresTheDirectory,
    StartsAtTheRoot,
    HasNoInput,
    KillsTheShellAlone,
    ForgetsTheEnded,
    ListsBackwards,
    SaysTheStatusEarly,
    AnswersPastTheEnd,
    RestartsWhatIsMissed,
    SwallowsLateInput,
    ResizesNothing,
    SignalsTheUnknown,
    LivesForEver,
    KeepsFilesAfterStop,
}

#[derive(Debug)]
struct Broken {
    inner: LocalSandbox<FsBackend>,
    directory: TempDir,
    fault: Fault,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let backend = FsBackend::open(directory.path()).unwrap();
        let inner = LocalSandbox::without_isolation(backend, directory.path()).unwrap();
        Self {
            inner,
            directory,
            fault,
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Returns a request as this sandbox misreads it.
    fn misread(&self, request: &ExecRequest) -> ExecRequest {
        let mut request = request.clone();
        match (self.fault, &request.command) {
            (Fault::EatsLineBreaks, Command::Shell(line)) => {
                request.command = Command::Shell(line.replace('\n', "n"));
            }
            (Fault::RunsWordsByAShell, Command::Argv(words)) if !words.is_empty() => {
                request.command = Command::Shell(words.join(" "));
            }
            (Fault::TakesZeroForNoTimeout, _) if request.timeout == Some(Duration::ZERO) => {
                request.timeout = None;
            }
            (Fault::InheritsVariables, _) => {
                let own = std::env::vars().filter(|(name, _)| !name.contains('='));
                for (name, value) in own {
                    request.env.entry(name).or_insert(value);
                }
            }
            (Fault::IgnoresTheDirectory, _) => request.cwd = None,
            (Fault::StartsAtTheRoot, _) if request.cwd.is_none() => {
                request.command = Command::Shell("cd /; exit 0".to_owned());
            }
            (Fault::HasNoInput, _) => request.stdin = Vec::new().into(),
            (Fault::CeilingIsOneTooHigh, _) => {
                request.output_ceiling = request.output_ceiling.map(|bytes| bytes + 1);
            }
            _ => {}
        }
        request
    }

    /// Returns an outcome as this sandbox gets it wrong.
    fn mistell(&self, mut output: ExecOutput) -> ExecOutput {
        match (self.fault, output.status) {
            (Fault::JoinsTheStreams, _) => {
                let both = [&output.stdout.head[..], &output.stderr.head].concat();
                output.stdout = Captured::new(both, 0, "");
                output.stderr = Captured::default();
            }
            (Fault::DecodesOutput, _) => {
                let text = output.stdout.to_text();
                output.stdout = Captured::new(text, 0, "");
            }
            (Fault::DropsAnUnfinishedLine, _) => {
                let end = output.stdout.head.iter().rposition(|byte| *byte == b'\n');
                output.stdout.head.truncate(end.map_or(0, |end| end + 1));
            }
            (Fault::KeepsTheHeadAlone, _) => {
                output.stdout.omitted += output.stdout.tail.len() as u64;
                output.stdout.tail = Vec::new().into();
            }
            (Fault::ForgetsWhatItOmitted, _) => output.stdout.omitted = 0,
            (Fault::SaysTimeoutBy124, ExecStatus::TimedOut) => {
                output.status = ExecStatus::Exited(124);
            }
            (Fault::LosesOutputOnTimeout, ExecStatus::TimedOut) => {
                output.stdout = Captured::default();
                output.stderr = Captured::default();
            }
            (Fault::SaysSignalsByCodes, ExecStatus::Signaled(number)) => {
                output.status = ExecStatus::Exited(128 + number);
            }
            _ => {}
        }
        output
    }

    /// Runs a line without regard to process groups.
    async fn run_naively(&self, request: &ExecRequest) -> Result<ExecOutput> {
        let Command::Shell(line) = &request.command else {
            return self.inner.execute_with(request).await;
        };
        let mut child = tokio::process::Command::new("/bin/sh")
            .arg("-c")
            // Its last child records its pid too, for `drop`.
            .arg(line.replace("echo up; sleep 5000", "echo up; sh ./sleeper"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let limit = request.timeout.unwrap_or(Duration::MAX);
        let status = match tokio::time::timeout(limit, child.wait()).await {
            Ok(ended) => ExecStatus::Exited(ended.unwrap().code().unwrap_or(1)),
            Err(_) => {
                child.kill().await.unwrap();
                ExecStatus::TimedOut
            }
        };
        let nothing = Captured::default;
        Ok(ExecOutput::new(status, nothing(), nothing(), limit))
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        // The processes that `run_naively` has left behind.
        let pids = std::fs::read_to_string(self.directory.path().join("pids"));
        for pid in pids.unwrap_or_default().split_whitespace() {
            let _ = std::process::Command::new("kill")
                .args(["-9", pid])
                .status();
        }
    }
}

#[async_trait]
impl Backend for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.files().stat_with(request).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.files().ls_with(request).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        self.files().read_bytes_with(request).await
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.files().write_with(request).await
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.files().delete_with(request).await
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.files().rename_with(request).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.files().mkdir_with(request).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.files().glob_with(request).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.files().grep_with(request).await
    }
}

impl Broken {
    fn files(&self) -> &dyn Backend {
        if self.has(Fault::KeepsFilesAfterStop) {
            return self.inner.backend();
        }
        &self.inner
    }
}

#[async_trait]
impl Sandbox for Broken {
    fn id(&self) -> &SandboxId {
        self.inner.id()
    }

    async fn liveness(&self) -> Liveness {
        if self.has(Fault::LivesForEver) {
            return Liveness::Alive;
        }
        self.inner.liveness().await
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        if self.has(Fault::KillsTheShellAlone) && request.stdin.is_empty() {
            let ends = request
                .timeout
                .is_none_or(|limit| limit < Duration::from_secs(100));
            if ends {
                return self.run_naively(request).await;
            }
        }
        let output = self.inner.execute_with(&self.misread(request)).await?;
        if self.has(Fault::FailsWithoutProgram) && output.status == ExecStatus::Exited(127) {
            return Err(backend_core::Error::invalid_request("no such program"));
        }
        Ok(self.mistell(output))
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        let mut process = self.inner.spawn_with(&self.misread(request)).await?;
        process.command = request.command.clone();
        Ok(process)
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        let mut list = self.inner.processes().await?;
        match self.fault {
            Fault::ForgetsTheEnded => list.retain(|process| process.status.is_none()),
            Fault::ListsBackwards => list.reverse(),
            _ => {}
        }
        Ok(list)
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        let result = self.inner.read_output(request).await;
        match (self.fault, result) {
            (Fault::AnswersPastTheEnd, Err(error))
                if error.kind() == ErrorKind::InvalidRequest && request.limit > 0 =>
            {
                Ok(ProcessOutput::new(Vec::new(), 0, request.cursor, None))
            }
            (Fault::RestartsWhatIsMissed, Ok(mut output)) => {
                output.missed = 0;
                Ok(output)
            }
            (Fault::SaysTheStatusEarly, Ok(mut output)) => {
                let list = self.inner.processes().await?;
                let found = list.into_iter().find(|one| one.id == request.process);
                output.status = found.and_then(|process| process.status);
                Ok(output)
            }
            (_, result) => result,
        }
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        let result = self.inner.write_stdin(request).await;
        if self.has(Fault::SwallowsLateInput) {
            return Ok(());
        }
        result
    }

    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        let result = self.inner.signal(process, signal).await;
        if self.has(Fault::SignalsTheUnknown) {
            return Ok(());
        }
        result
    }

    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        let result = self.inner.resize(process, size).await;
        if self.has(Fault::ResizesNothing) {
            return Ok(());
        }
        result
    }

    async fn stop(&self) -> Result<()> {
        self.inner.stop().await
    }
}

/// Returns whether the law holds for a sandbox with this fault.
fn holds(id: &str, fault: Fault) -> bool {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (law, subject) = (law(id).unwrap(), Subject::sandbox(Broken::new(fault)));
    assert_eq!(law.lacks(&subject), None, "{id}");
    let check = AssertUnwindSafe(|| runtime.block_on(law.check(subject)));
    std::panic::catch_unwind(check).is_ok()
}

#[test]
fn each_fault_of_a_sandbox_breaks_the_law_against_it() {
    let faults = [
        (Fault::JoinsTheStreams, "CO1"),
        (Fault::DecodesOutput, "CO2"),
        (Fault::DropsAnUnfinishedLine, "CO2"),
        (Fault::KeepsTheHeadAlone, "CO6"),
        (Fault::ForgetsWhatItOmitted, "CO8"),
        (Fault::CeilingIsOneTooHigh, "CO9"),
        (Fault::TakesZeroForNoTimeout, "CR4"),
        (Fault::SaysTimeoutBy124, "CD1"),
        (Fault::LosesOutputOnTimeout, "CD2"),
        (Fault::EatsLineBreaks, "CL4"),
        (Fault::EatsLineBreaks, "CL5"),
        (Fault::RunsWordsByAShell, "CL2"),
        (Fault::InheritsVariables, "CE4"),
        (Fault::SaysSignalsByCodes, "CX3"),
        (Fault::FailsWithoutProgram, "CX4"),
        (Fault::IgnoresTheDirectory, "CW2"),
        (Fault::IgnoresTheDirectory, "CW3"),
        (Fault::StartsAtTheRoot, "CW1"),
        (Fault::HasNoInput, "CI2"),
        (Fault::KillsTheShellAlone, "CT1"),
        (Fault::KillsTheShellAlone, "CT2"),
        (Fault::ForgetsTheEnded, "PS3"),
        (Fault::ListsBackwards, "PS3"),
        (Fault::SaysTheStatusEarly, "PO9"),
        (Fault::AnswersPastTheEnd, "PO10"),
        (Fault::RestartsWhatIsMissed, "PO7"),
        (Fault::SwallowsLateInput, "PI3"),
        (Fault::SwallowsLateInput, "PI4"),
        (Fault::ResizesNothing, "PT5"),
        (Fault::SignalsTheUnknown, "PS5"),
        (Fault::LivesForEver, "SS1"),
        (Fault::KeepsFilesAfterStop, "SS5"),
    ];
    let pending = Mutex::new(faults.into_iter());
    let next = || pending.lock().unwrap().next();
    let check = || {
        let mut unseen = Vec::new();
        while let Some((fault, id)) = next() {
            if holds(id, fault) {
                unseen.push((fault, id));
            }
        }
        unseen
    };
    // Most of them are waiting most of the time.
    let unseen: Vec<_> = std::thread::scope(|scope| {
        let workers = [(); 8].map(|()| scope.spawn(check));
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(unseen.is_empty(), "laws that miss the fault: {unseen:?}");
}
