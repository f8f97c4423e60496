//! Sandboxes to test, and a way to find processes that survived.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backend_core::{ExecOutput, ExecRequest, ExecStatus, Sandbox};
use backend_fs::FsBackend;
use sandbox_local::LocalSandbox;
use tempfile::TempDir;

/// How long anything here may take before it counts as hanging. The machine may be busy with other things.
pub(crate) const HANG: Duration = Duration::from_secs(300);

/// The variable that marks the processes of one test.
pub(crate) const MARK: &str = "SANDBOX_LOCAL_TEST";

/// A sandbox over a directory of its own.
pub(crate) fn sandbox() -> (LocalSandbox<FsBackend>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let backend = FsBackend::open(dir.path()).unwrap();
    let sandbox = LocalSandbox::without_isolation(backend, dir.path()).unwrap();
    (sandbox, dir)
}

/// A text that no other test's processes have in their environment.
pub(crate) fn mark() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    format!("mark-{}-{number}-end", std::process::id())
}

/// A line of shell whose processes all have the mark.
pub(crate) fn marked(line: &str, mark: &str) -> ExecRequest {
    ExecRequest::shell(line).env(MARK, mark)
}

/// The processes that have the mark, with their command lines. A zombie does not count.
pub(crate) fn marked_processes(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().as_encoded_bytes()[0].is_ascii_digit() {
            continue;
        }
        let environ = fs::read(path.join("environ")).unwrap_or_default();
        if contains(&environ, mark.as_bytes()) {
            let line = fs::read(path.join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            found.push(format!("{}: {line}", path.display()));
        }
    }
    found
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

/// Waits until a condition holds, so long that only a failure can exceed it.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + HANG;
    while !holds() {
        assert!(Instant::now() < limit, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Asserts that soon no process with the mark is left. Returns how long that took.
#[track_caller]
pub(crate) fn no_survivors(mark: &str) -> Duration {
    let start = Instant::now();
    loop {
        let found = marked_processes(mark);
        let elapsed = start.elapsed();
        if found.is_empty() {
            return elapsed;
        }
        assert!(elapsed < HANG, "survivors: {found:#?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How long each tree took to be gone.
#[derive(Debug, Default)]
pub(crate) struct Ends(Vec<Duration>);

impl Ends {
    /// Waits until no process with the mark is left, as [`no_survivors`] does.
    #[track_caller]
    pub(crate) fn of(&mut self, mark: &str) {
        self.0.push(no_survivors(mark));
    }

    /// Asserts that a tree is gone within a second: checks the median, because on a busy machine a single one may
    /// take longer through no fault of ours.
    #[track_caller]
    pub(crate) fn within_a_second(mut self, after: &str) {
        self.0.sort_unstable();
        let (median, last) = (self.0[self.0.len() / 2], self.0[self.0.len() - 1]);
        println!(
            "{} trees were gone after {after}: half of them in {median:?}, the last in {last:?}",
            self.0.len()
        );
        assert!(median < Duration::from_secs(1), "{median:?}");
    }
}

/// Waits until a file exists: the process has reached that point.
pub(crate) fn await_file(path: &Path) {
    eventually(&format!("{} is there", path.display()), || path.exists());
}

pub(crate) async fn run(sandbox: &dyn Sandbox, line: &str) -> ExecOutput {
    sandbox
        .execute_with(&ExecRequest::shell(line))
        .await
        .unwrap()
}

/// Runs a line that must succeed, and returns what it printed.
pub(crate) async fn printed(sandbox: &dyn Sandbox, line: &str) -> String {
    let output = run(sandbox, line).await;
    assert_eq!(output.status, ExecStatus::Exited(0), "{line}: {output:?}");
    output.stdout.to_text()
}

/// Runs a single test of this binary in a process of its own, marked by a variable.
pub(crate) fn in_own_process(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, test);
    command
}

/// Whether this process was started by [`in_own_process`] for this test.
pub(crate) fn is_own_process(test: &str) -> bool {
    std::env::var_os(ALONE).is_some_and(|alone| alone == test)
}

const ALONE: &str = "SANDBOX_LOCAL_ALONE";

/// Runs the body of a test in a process of its own.
pub(crate) fn alone(test: &str, check: impl AsyncFnOnce()) {
    if !is_own_process(test) {
        let status = in_own_process(test).status().unwrap();
        assert!(status.success(), "{test}");
        return;
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(check());
}
