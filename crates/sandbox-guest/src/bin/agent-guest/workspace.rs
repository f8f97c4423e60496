//! What is served, and the runtime that it runs on.

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

/// How many operations on files block at once. More would wait for the same disk.
const BLOCKING_THREADS: usize = 16;

/// How long such a thread waits for more to do: for ever. When a command has used up all processes that there may be, no
/// thread can be made either, and tokio panics where a pool without one needs its first.
const THREAD_IDLE: Duration = Duration::from_secs(1 << 30);

/// How long operations have to be done when the guest is told to end.
const GRACE: Duration = Duration::from_millis(500);

/// How long a connection may hold a place without a word. Whoever connects says hello first of all.
const HELLO: Duration = Duration::from_secs(5);

/// How long threads that block have to be done when all else is.
const LAST: Duration = Duration::from_secs(1);

/// Operations on files are short calls, and the deepest of them is a regular expression.
const STACK_BYTES: usize = 1 << 20;

/// Opens the workspace, and makes its work directory. It needs a runtime around it.
pub(crate) async fn open(workspace: &Workspace) -> Result<Arc<Guest>, String> {
    let files = FsBackend::builder(&workspace.root);
    let files = files
        .build()
        .map_err(|error| format!("the root cannot be served: {error}"))?;
    if !workspace.work_dir.is_root() {
        files
            .mkdir(&workspace.work_dir)
            .await
            .map_err(|error| format!("the work directory cannot be made: {error}"))?;
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

/// Returns whether the user has no home directory: an engine says `/` for one that the image does not know. Whatever keeps
/// its settings and caches at home would be refused there.
fn nobodys_home() -> bool {
    std::env::var_os("HOME").is_none_or(|home| home == "/")
}

/// Returns how the wire behaves here. What a host sends is held back early, for memory in a sandbox is scarce. And an end
/// is quick: whoever stops a container does not wait for long.
pub(crate) fn options() -> Options {
    Options::default()
        .limits(Limits::default().buffered(300 << 20))
        .grace(GRACE)
        .hello_timeout(HELLO)
}

/// Runs something on one thread: whatever takes long is on threads that block, or in other processes.
pub(crate) fn run(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(THREAD_IDLE)
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|error| format!("no runtime can be made: {error}"))?;
    // The first thread, while one can be had.
    runtime
        .block_on(runtime.spawn_blocking(|| ()))
        .map_err(|error| format!("no thread can be made: {error}"))?;
    let outcome = runtime.block_on(work);
    // One that waits for a disk, or for input, does not keep the process.
    runtime.shutdown_timeout(LAST);
    outcome
}
