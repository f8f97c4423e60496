//! Opening a directory: what must exist, and what the options do.

use std::fs;
use std::os::unix::fs::symlink;

use backend_core::{Backend, BackendExt, ErrorKind};
use backend_fs::{Durability, FsBackend};

use crate::support::{Host, refused, run};

#[test]
fn a_missing_root_is_refused_and_not_created() {
    let host = Host::new();
    let missing = host.base().join("missing");
    let error = refused(FsBackend::open(&missing), ErrorKind::InvalidRequest);
    assert_eq!(error.to_string(), "the root directory does not exist");
    assert!(!missing.exists());
}

#[test]
fn a_root_is_created_if_requested() {
    let host = Host::new();
    let missing = host.base().join("some/where/new");
    let backend = FsBackend::builder(&missing).create_root().build().unwrap();
    run(backend.write("/f", "here")).unwrap();
    assert_eq!(fs::read(missing.join("f")).unwrap(), b"here");
    FsBackend::builder(&missing).create_root().build().unwrap();
}

#[test]
fn a_file_is_not_a_root() {
    let host = Host::new();
    let file = host.outside().join("f");
    let error = refused(FsBackend::open(&file), ErrorKind::InvalidRequest);
    assert_eq!(error.to_string(), "the root is not a directory");
    let builder = FsBackend::builder(&file).create_root();
    refused(builder.build(), ErrorKind::InvalidRequest);
}

#[test]
fn a_root_that_is_moved_or_replaced_is_still_the_same() {
    let host = Host::new();
    host.put("f", "mine");
    let backend = host.backend();
    fs::rename(host.root(), host.base().join("moved")).unwrap();
    symlink(host.outside(), host.root()).unwrap();
    run(async {
        assert_eq!(backend.read("/f").await.unwrap().text, "mine");
        backend.write("/g", "also mine").await.unwrap();
    });
    assert_eq!(fs::read(host.base().join("moved/g")).unwrap(), b"also mine");
    assert!(!host.outside().join("g").exists());
}

#[test]
fn a_removed_root_answers_and_is_not_recreated() {
    let host = Host::new();
    let backend = host.backend();
    fs::remove_dir(host.root()).unwrap();
    fs::create_dir(host.root()).unwrap();
    fs::write(host.root().join("f"), "another one").unwrap();
    run(async {
        refused(backend.read("/f").await, ErrorKind::NotFound);
        refused(backend.write("/f", "x").await, ErrorKind::NotFound);
        refused(backend.mkdir("/d").await, ErrorKind::NotFound);
        refused(backend.grep("another").await, ErrorKind::NotFound);
    });
}

#[test]
fn the_root_may_be_opened_through_a_link() {
    let host = Host::new();
    host.put("f", "mine");
    symlink("root", host.base().join("way")).unwrap();
    let backend = FsBackend::open(host.base().join("way")).unwrap();
    assert_eq!(run(backend.read("/f")).unwrap().text, "mine");
}

#[test]
fn a_backend_that_waits_for_the_disk_does_the_same() {
    let host = Host::new();
    let backend = FsBackend::builder(host.root())
        .durability(Durability::Full)
        .build()
        .unwrap();
    run(async {
        backend.write("/a/b/f", "one").await.unwrap();
        backend.edit("/a/b/f", "one", "two").await.unwrap();
        backend.mkdir("/x/y").await.unwrap();
        backend.rename("/a/b/f", "/x/y/g").await.unwrap();
        assert_eq!(backend.read("/x/y/g").await.unwrap().text, "two");
        backend.delete("/x/y/g").await.unwrap();
        assert!(!backend.exists("/x/y/g").await.unwrap());
    });
}

#[test]
fn a_clone_is_the_same_backend_and_says_what_it_can_do() {
    let host = Host::new();
    let backend = host.backend();
    let again = backend.clone();
    run(backend.write("/f", "x")).unwrap();
    assert_eq!(run(again.read("/f")).unwrap().text, "x");
    let can = again.capabilities();
    assert!(can.symlinks && !can.read_only && !can.executes);
}

#[test]
fn only_a_backend_that_survives_a_power_loss_is_called_durable() {
    let host = Host::new();
    for (durability, durable) in [
        (Durability::Relaxed, false),
        (Durability::Content, false),
        (Durability::Full, true),
    ] {
        let builder = FsBackend::builder(host.root()).durability(durability);
        let backend = builder.build().unwrap();
        assert_eq!(backend.capabilities().durable, durable, "{durability}");
    }
    assert!(!host.backend().capabilities().durable);
}

#[test]
fn without_a_runtime_it_says_so_instead_of_panicking() {
    let host = Host::new();
    let backend = host.backend();
    let mut future = Box::pin(backend.read("/f"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(outcome) => drop(refused(outcome, ErrorKind::Unsupported)),
        std::task::Poll::Pending => panic!("nothing would wake it"),
    }
}
