//! The contract, at the root of composites and inside of their mounts, by value, boxed and shared.

use std::path::Path;
use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_conformance::{Below, Subject, populate};
use backend_core::{Backend, BackendExt};
use backend_fs::FsBackend;
use backend_state::StateBackend;
use tempfile::TempDir;

use crate::support::p;

fn state() -> Arc<StateBackend> {
    Arc::new(StateBackend::new())
}

fn directory() -> (TempDir, Arc<FsBackend>) {
    let directory = TempDir::new().unwrap();
    let backend = FsBackend::open(directory.path()).unwrap();
    (directory, Arc::new(backend))
}

/// A composite in which a directory of the file system is mounted at two depths, and stores around it.
fn mixed() -> (TempDir, TempDir, CompositeBackend<StateBackend>) {
    let (shallow, first) = directory();
    let (deep, second) = directory();
    let composite = CompositeBackend::builder(state())
        .mount("/fs", first)
        .mount("/a/b/fs", second)
        .mount("/a/b/state", state())
        .mount("/fs/inner/state", state())
        .build()
        .unwrap();
    (shallow, deep, composite)
}

/// Runs the laws inside of a directory of the mixed composite.
async fn inside(path: &str) -> Subject {
    let (shallow, deep, composite) = mixed();
    let host = [&shallow, &deep].map(|directory| directory.path().display().to_string());
    composite.mkdir(path).await.unwrap();
    let mut subject = Subject::new(Below::new(composite, p(path)));
    for path in host {
        subject = subject.host_path(path);
    }
    subject = match path {
        "/fs/agent" => linked(subject, &shallow.path().join("agent")).links_stay_inside(),
        "/a/b/fs" => linked(subject, deep.path()),
        _ => subject,
    };
    subject.keep((shallow, deep))
}

/// Says where on the host the files are, so that the laws can make links there.
#[cfg(unix)]
fn linked(subject: Subject, directory: &Path) -> Subject {
    let directory = directory.to_owned();
    subject.links(move |path, target| {
        std::os::unix::fs::symlink(target, directory.join(path.relative()))
    })
}

#[cfg(not(unix))]
fn linked(subject: Subject, _: &Path) -> Subject {
    subject
}

backend_conformance::file_laws!(without_mounts, || async {
    let composite = CompositeBackend::builder(state()).build().unwrap();
    Subject::new(composite).shared()
});

backend_conformance::file_laws!(over_a_dyn_backend, || async {
    let default: Arc<dyn Backend> = state();
    let composite: CompositeBackend = CompositeBackend::builder(default).build().unwrap();
    Subject::new(composite).boxed()
});

backend_conformance::file_laws!(in_the_default, || async { inside("/agent").await });

backend_conformance::file_laws!(on_the_way_to_a_mount, || async { inside("/a/c").await });

backend_conformance::file_laws!(in_a_shallow_directory, || async {
    inside("/fs/agent").await.shared()
});

backend_conformance::file_laws!(in_a_deep_directory, || async {
    inside("/a/b/fs").await.boxed()
});

backend_conformance::file_laws!(in_a_mount_in_a_mount, || async {
    inside("/fs/inner/state").await
});

backend_conformance::file_laws!(in_a_composite_in_a_composite, || async {
    let (shallow, deep, inner) = mixed();
    let outer = CompositeBackend::builder(state())
        .mount("/x/y", Arc::new(inner))
        .build()
        .unwrap();
    let subject = Subject::new(Below::new(outer, p("/x/y/a/b/fs")));
    linked(subject, deep.path()).keep((shallow, deep))
});

backend_conformance::read_only_laws!(read_only, || async {
    let (directory, writable) = directory();
    populate(&*writable).await.unwrap();
    let read_only = FsBackend::builder(directory.path())
        .read_only()
        .build()
        .unwrap();
    let composite = CompositeBackend::builder(Arc::new(read_only))
        .build()
        .unwrap();
    Subject::new(composite).keep(directory)
});
