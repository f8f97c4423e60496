//! A directory on the host with a root, something outside of it, and access to both that bypasses the
//! backend.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use backend_core::{Error, ErrorKind, VirtualPath};
use backend_fs::{Durability, FsBackend};
use tempfile::TempDir;

/// The content outside, which must never appear in an answer.
pub(crate) const SECRET: &str = "the-outside-secret";

/// `root/` for the backend, and `outside/` next to it, which it must not reach.
#[derive(Debug)]
pub(crate) struct Host {
    dir: TempDir,
}

/// The whole state of a directory: content, mode and identity, by path.
pub(crate) type Snapshot = BTreeMap<PathBuf, (Vec<u8>, u32, u64, i64)>;

impl Host {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        fs::create_dir_all(dir.path().join("outside/sub")).unwrap();
        fs::write(dir.path().join("outside/f"), SECRET).unwrap();
        fs::write(dir.path().join("outside/only-outside"), SECRET).unwrap();
        fs::write(dir.path().join("outside/sub/f"), SECRET).unwrap();
        Self { dir }
    }

    pub(crate) fn base(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.dir.path().join("outside")
    }

    pub(crate) fn backend(&self) -> FsBackend {
        FsBackend::open(self.root()).unwrap()
    }

    /// Writes a file, bypassing the backend.
    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Reads a file, bypassing the backend.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        fs::read(self.root().join(path)).unwrap()
    }

    /// Makes a link in the root.
    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) {
        symlink(target, self.root().join(path)).unwrap();
    }

    pub(crate) fn snapshot_outside(&self) -> Snapshot {
        snapshot(&self.outside())
    }
}

/// Returns all that is below a directory. The time of change is part of it, so that an attribute that was
/// changed and set back is seen too.
pub(crate) fn snapshot(dir: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_dir() {
                todo.push(path.clone());
                Vec::new()
            } else if meta.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            let change = meta.ctime() * 1_000_000_000 + meta.ctime_nsec();
            all.insert(path, (content, meta.mode(), meta.ino(), change));
        }
    }
    all
}

pub(crate) fn p(path: &str) -> VirtualPath {
    VirtualPath::parse(path).unwrap()
}

/// Asserts the kind of a refusal, and returns the error.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = outcome.expect_err("it should be refused");
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}

/// Reports that a test is skipped, bypassing the harness, which would hide it.
pub(crate) fn skip(why: &str) {
    use std::io::Write;
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(std::io::stdout().lock(), "{test}: skipped, {why}");
}

/// Opens a directory so that the disk has everything before an operation returns.
pub(crate) fn fully_durable(dir: &Path) -> FsBackend {
    FsBackend::builder(dir)
        .durability(Durability::Full)
        .build()
        .unwrap()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns a command that runs one test of this binary in a process of its own, as a child that `role` tells
/// what to do.
pub(crate) fn child(test: &str, role: &str, argument: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("BACKEND_FS_ROLE", role)
        .env("BACKEND_FS_ARGUMENT", argument);
    command
}

/// Returns the argument of a child, in the child that has this role.
pub(crate) fn argument_of_child(role: &str) -> Option<PathBuf> {
    (std::env::var("BACKEND_FS_ROLE").ok()? == role)
        .then(|| PathBuf::from(std::env::var_os("BACKEND_FS_ARGUMENT").unwrap()))
}

/// Repeats something concurrently with a test, until it is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(mut round: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                round();
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs a future to its end on a runtime of several threads.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
