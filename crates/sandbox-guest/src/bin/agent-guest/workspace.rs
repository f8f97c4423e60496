//! The workspace to serve, and the runtime that it runs on.

use std::sync::Arc;
use std::time::Duration;

use backend_core::BackendExt;
use backend_core::wire::{Limits, Options};
use backend_fs::FsBackend;
use sandbox_local::LocalSandbox;
use tokio::runtime::Builder;

use crate::args::Workspace;

/// Files of a directory, and commands in it.
pub(crate) type Guest = LocalSandbox<FsBackend>;

/// How many file operations block at once. More would wait for the same disk.
const BLOCKING_THREADS: usize = 16;

/// How long such a thread waits for more work: forever. When a command has used up all processes, no thread can be created
/// either, and tokio panics when an empty pool cannot get its first thread.
const THREAD_IDLE: Duration = Duration::from_secs(1 << 30);

/// How long operations may take to finish when the guest is asked to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// How long a connection may hold a slot in silence. Every peer says hello first.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// How long blocking threads may take to finish after everything else has.
const THREAD_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// File operations are shallow calls; the deepest is a regular expression.
const STACK_BYTES: usize = 1 << 20;

/// Opens the workspace, and creates its work directory. Must be called within a runtime.
pub(crate) async fn open(workspace: &Workspace) -> Result<Arc<Guest>, String> {
    let files = FsBackend::builder(&workspace.root).durability(workspace.durability);
    let files = files
        .build()
        .map_err(|error| format!("cannot serve the root: {error}"))?;
    if !workspace.work_dir.is_root() {
        files
            .mkdir(&workspace.work_dir)
            .await
            .map_err(|error| format!("cannot create the work directory: {error}"))?;
    }
    let mut guest = LocalSandbox::builder_without_isolation(files)
        .host_root(&workspace.root)
        .work_dir(workspace.work_dir.clone())
        .id(workspace.id.clone());
    if workspace.inherit_env {
        for (name, value) in std::env::vars_os().filter(|(name, _)| !name.is_empty()) {
            guest = guest.env(name, value);
        }
        if nobodys_home() {
            let home = workspace.root.join(workspace.work_dir.relative());
            guest = guest.env("HOME", home);
        }
    }
    for (name, value) in &workspace.env {
        guest = guest.env(name, value);
    }
    for limit in &workspace.limits {
        guest = guest.limit(limit.resource, limit.soft, limit.hard);
    }
    guest
        .build()
        .map(Arc::new)
        .map_err(|error| error.to_string())
}

/// Returns whether the user has no home directory: an engine sets `/` for a user that the image does not know. Programs
/// that keep settings and caches at home would be refused there.
fn nobodys_home() -> bool {
    std::env::var_os("HOME").is_none_or(|home| home == "/")
}

/// Returns the wire's settings for a guest. A host is throttled early, because memory in a sandbox is scarce. And shutdown
/// is quick: an engine that stops a container does not wait long.
pub(crate) fn options() -> Options {
    Options::default()
        .limits(Limits::default().buffered(300 << 20))
        .grace(SHUTDOWN_GRACE)
        .hello_timeout(HELLO_TIMEOUT)
}

/// Runs a future on one thread: long work is on blocking threads, or in other processes.
pub(crate) fn run(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(THREAD_IDLE)
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|error| format!("cannot create a runtime: {error}"))?;
    // Starts the first thread while that is still possible.
    runtime
        .block_on(runtime.spawn_blocking(|| ()))
        .map_err(|error| format!("cannot create a thread: {error}"))?;
    let outcome = runtime.block_on(work);
    // A thread that waits for a disk, or for input, does not keep the process alive.
    runtime.shutdown_timeout(THREAD_SHUTDOWN_TIMEOUT);
    outcome
}
