//! Operations under a millisecond: a read in memory, and the overhead of a composite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops when it cannot continue"
)]

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, ReadBytesRequest, ReadRequest, StatRequest, VirtualPath, WriteRequest,
};
use backend_state::StateBackend;
use divan::Bencher;
use tokio::runtime::{Builder, Runtime};

fn main() {
    divan::main();
}

/// A backend with a file of a kilobyte, how it is reached, and the runtime that drives the calls.
struct Subject {
    backend: Arc<dyn Backend>,
    path: VirtualPath,
    runtime: Runtime,
}

const WAYS: [&str; 3] = ["direct", "by the default", "by a mount"];

fn subject(way: &str) -> Subject {
    let runtime = Builder::new_current_thread().build().unwrap();
    let path = |text: &str| VirtualPath::parse(text).unwrap();
    let store: Arc<dyn Backend> = Arc::new(StateBackend::new());
    let text = "a line of some thirty characters\n".repeat(31);
    let request = WriteRequest::new(path("/src/file.rs"), text);
    runtime.block_on(store.write_with(&request)).unwrap();
    let composite = CompositeBackend::builder(Arc::clone(&store))
        .mount("/mnt", Arc::clone(&store))
        .build()
        .unwrap();
    let (backend, path) = match way {
        "direct" => (store, path("/src/file.rs")),
        "by the default" => (
            Arc::new(composite) as Arc<dyn Backend>,
            path("/src/file.rs"),
        ),
        _ => (
            Arc::new(composite) as Arc<dyn Backend>,
            path("/mnt/src/file.rs"),
        ),
    };
    Subject {
        backend,
        path,
        runtime,
    }
}

#[divan::bench(args = WAYS)]
fn stat(bencher: Bencher<'_, '_>, way: &str) {
    let subject = subject(way);
    let request = StatRequest::new(&subject.path);
    let run = || {
        subject
            .runtime
            .block_on(subject.backend.stat_with(&request))
    };
    bencher.bench_local(|| run().unwrap());
}

#[divan::bench(args = WAYS)]
fn read_bytes(bencher: Bencher<'_, '_>, way: &str) {
    let subject = subject(way);
    let request = ReadBytesRequest::new(&subject.path);
    let run = || {
        let read = subject.backend.read_bytes_with(&request);
        subject.runtime.block_on(read)
    };
    bencher.bench_local(|| run().unwrap());
}

#[divan::bench(args = WAYS)]
fn read(bencher: Bencher<'_, '_>, way: &str) {
    let subject = subject(way);
    let request = ReadRequest::new(&subject.path);
    let run = || {
        subject
            .runtime
            .block_on(subject.backend.read_with(&request))
    };
    bencher.bench_local(|| run().unwrap());
}
