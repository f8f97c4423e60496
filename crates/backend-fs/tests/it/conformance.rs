//! The laws of every backend, on this one: as it is, behind pointers, below a directory, read-only, and as in a
//! chroot.

use std::os::unix::fs::symlink;

use backend_conformance::{Below, Subject, populate};
use backend_core::BackendExt;
use backend_fs::{Durability, FsBackend};
use tempfile::TempDir;

use crate::support::p;

fn subject_of(dir: TempDir, backend: FsBackend) -> Subject {
    let root = dir.path().to_path_buf();
    Subject::new(backend)
        .host_path(root.display().to_string())
        .links(move |path, target| symlink(target, root.join(path.relative())))
        .keep(dir)
}

fn fresh() -> Subject {
    let dir = tempfile::tempdir().unwrap();
    let backend = FsBackend::open(dir.path()).unwrap();
    subject_of(dir, backend)
}

backend_conformance::file_laws!(plain, || async { fresh() });

backend_conformance::file_laws!(boxed, || async { fresh().boxed() });

backend_conformance::file_laws!(shared, || async { fresh().shared() });

backend_conformance::file_laws!(synced, || async {
    let dir = tempfile::tempdir().unwrap();
    let backend = FsBackend::builder(dir.path())
        .durability(Durability::Full)
        .build()
        .unwrap();
    subject_of(dir, backend)
});

backend_conformance::file_laws!(chroot, || async {
    let dir = tempfile::tempdir().unwrap();
    let backend = FsBackend::builder(dir.path()).links_within_root();
    subject_of(dir, backend.build().unwrap()).links_stay_inside()
});

backend_conformance::file_laws!(below, || async {
    let dir = tempfile::tempdir().unwrap();
    let backend = FsBackend::open(dir.path()).unwrap();
    backend.mkdir("/some/where").await.unwrap();
    let root = dir.path().join("some/where");
    Subject::new(Below::new(backend, p("/some/where")))
        .host_path(root.display().to_string())
        .links(move |path, target| symlink(target, root.join(path.relative())))
        .links_stay_inside()
        .keep(dir)
});

backend_conformance::read_only_laws!(read_only, || async {
    let dir = tempfile::tempdir().unwrap();
    let writable = FsBackend::open(dir.path()).unwrap();
    populate(&writable).await.unwrap();
    let backend = FsBackend::builder(dir.path()).read_only().build().unwrap();
    subject_of(dir, backend)
});
