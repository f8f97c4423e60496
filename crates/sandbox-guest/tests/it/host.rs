//! Guests as processes, and connections to them.

use std::ffi::OsStr;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backend_core::wire::{self, Remote};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

/// How long anything here may take before it counts as hanging. The machine may be busy with other things.
const HANG: Duration = Duration::from_secs(300);

/// Returns the path of the guest: one that was passed in, or the one that cargo built for these tests.
pub(crate) fn guest() -> PathBuf {
    handed_over().unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_agent-guest")))
}

/// Returns the guest that was passed in, if there is one.
pub(crate) fn handed_over() -> Option<PathBuf> {
    let variable = format!(
        "AGENT_BACKENDS_GUEST_{}",
        std::env::consts::ARCH.to_uppercase()
    );
    std::env::var_os(variable).map(PathBuf::from)
}

/// Starts a program with pipes as its streams, and connects to the guest on them.
pub(crate) async fn over_stdio(command: &mut Command) -> (Remote, Child) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (output, input) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let remote = soon(wire::connect(tokio::io::join(output, input)))
        .await
        .unwrap();
    (remote, child)
}

/// A guest that serves a temporary directory on its streams.
pub(crate) struct Served {
    pub(crate) remote: Remote,
    pub(crate) child: Child,
    pub(crate) root: TempDir,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new(guest());
        command.arg("serve").arg("--root").arg(root.path());
        let (remote, child) = over_stdio(&mut command).await;
        Self {
            remote,
            child,
            root,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }
}

/// A guest that listens on a socket in a temporary directory, and serves another one.
pub(crate) struct Init {
    pub(crate) child: Child,
    pub(crate) root: TempDir,
    pub(crate) socket: PathBuf,
    _place: TempDir,
}

impl Init {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(more: &[&str]) -> Self {
        let (root, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let socket = place.path().join("guest.sock");
        let child = init(root.path(), &socket, more).spawn().unwrap();
        let init = Self {
            child,
            root,
            socket,
            _place: place,
        };
        init.listens().await;
        init
    }

    /// Waits until it listens.
    async fn listens(&self) {
        soon(async {
            while UnixStream::connect(&self.socket).await.is_err() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }

    /// Connects to the socket.
    pub(crate) async fn connect(&self) -> Remote {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        soon(wire::connect(stream)).await.unwrap()
    }

    /// Connects by way of `agent-guest connect`.
    pub(crate) async fn splice(&self) -> (Remote, Child) {
        let mut command = Command::new(guest());
        command.arg("connect").arg("--socket").arg(&self.socket);
        over_stdio(&mut command).await
    }
}

/// Returns the command that starts an init.
pub(crate) fn init(root: &Path, socket: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(guest());
    command
        .args([OsStr::new("init"), OsStr::new("--root"), root.as_ref()])
        .arg("--socket")
        .arg(socket)
        .args(more)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Returns a duration for `sleep` that no other process of this machine uses.
pub(crate) fn mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("8{:07}.{number:03}", std::process::id())
}

/// Returns the command lines of all processes that have a mark in theirs.
fn marked(mark: &str) -> Vec<Vec<u8>> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            line.windows(mark.len())
                .any(|window| window == mark.as_bytes())
        })
        .collect()
}

/// Returns how many processes sleep for the duration of a mark.
fn sleeping(mark: &str) -> usize {
    let sleep = format!("sleep\0{mark}\0");
    marked(mark)
        .iter()
        .filter(|line| line.as_slice() == sleep.as_bytes())
        .count()
}

/// Returns how many processes have a mark, whether they sleep or not.
pub(crate) fn survivors(mark: &str) -> usize {
    marked(mark).len()
}

/// Waits until this many processes sleep for the duration of a mark.
pub(crate) async fn until_sleeping(mark: &str, count: usize) {
    until(|| sleeping(mark) == count).await;
}

/// Waits until no process has a mark, shells that wait for the sleeping ones included.
pub(crate) async fn until_none(mark: &str) {
    until(|| marked(mark).is_empty()).await;
}

/// Returns whether a process with a mark is running.
pub(crate) fn lives(mark: &str) -> bool {
    sleeping(mark) > 0
}

/// Returns a line of the kernel's status of a process, in KiB.
pub(crate) fn memory(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until a condition holds.
pub(crate) async fn until(holds: impl Fn() -> bool + Send + Sync) {
    soon(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Fails a test that hangs.
pub(crate) async fn soon<T>(future: impl Future<Output = T> + Send) -> T {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}
