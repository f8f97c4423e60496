//! Forks share content but no later changes.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use backend_core::{BackendExt, ErrorKind};
use backend_state::{StateBackend, Usage};

/// Polls once: no operation here ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn store() -> StateBackend {
    let store = StateBackend::new();
    now(store.write("/a/b/one.txt", "one")).unwrap();
    now(store.write("/a/two.txt", "two")).unwrap();
    now(store.mkdir("/empty")).unwrap();
    store
}

#[test]
fn nothing_needs_a_runtime() {
    let store = store();
    now(store.edit("/a/two.txt", "two", "2")).unwrap();
    assert_eq!(now(store.read("/a/two.txt")).unwrap().text, "2");
    assert_eq!(now(store.glob("**/*.txt")).unwrap().items.len(), 2);
    assert_eq!(now(store.grep("one")).unwrap().matches.len(), 1);
    assert_eq!(now(store.ls("/a")).unwrap().items.len(), 2);
    now(store.rename("/a", "/z")).unwrap();
    now(store.delete("/z/two.txt")).unwrap();
    let large = "x".repeat(1 << 20);
    now(store.write("/large", &large)).unwrap();
    now(store.edit("/large", &large, "small")).unwrap();
}

#[test]
fn a_fork_and_its_origin_do_not_see_each_other() {
    let origin = store();
    let fork = origin.fork();
    now(fork.write("/a/b/one.txt", "forked")).unwrap();
    now(fork.delete("/a/two.txt")).unwrap();
    now(fork.rename("/empty", "/full")).unwrap();
    now(origin.write("/a/b/three.txt", "three")).unwrap();

    assert_eq!(now(origin.read_bytes("/a/b/one.txt")).unwrap(), "one");
    assert_eq!(now(origin.read_bytes("/a/two.txt")).unwrap(), "two");
    assert!(now(origin.exists("/empty")).unwrap());
    assert!(!now(fork.exists("/a/b/three.txt")).unwrap());
    assert_eq!(now(fork.read_bytes("/a/b/one.txt")).unwrap(), "forked");
}

#[test]
fn a_fork_shares_content_and_versions() {
    let origin = store();
    let content = "x".repeat(1 << 20);
    now(origin.write("/large", &content)).unwrap();
    let fork = origin.fork();
    let (left, right) = (
        now(origin.read_bytes("/large")).unwrap(),
        now(fork.read_bytes("/large")).unwrap(),
    );
    assert_eq!(left.as_ptr(), right.as_ptr());
    let version = |store: &StateBackend| now(store.stat("/large")).unwrap().version;
    assert_eq!(version(&origin), version(&fork));
    now(fork.write("/large", &content)).unwrap();
    assert_ne!(version(&origin), version(&fork));
}

#[test]
fn a_clone_is_the_same_store() {
    let store = store();
    now(store.clone().write("/new", "new")).unwrap();
    assert_eq!(now(store.read_bytes("/new")).unwrap(), "new");
}

#[test]
fn a_store_goes_back_to_a_fork() {
    let store = store();
    let (document, usage) = (store.to_json(), store.usage());
    let before = store.fork();
    now(store.write("/a/b/one.txt", "changed")).unwrap();
    now(store.delete("/a/two.txt")).unwrap();
    store.restore(&before);
    assert_eq!(store.to_json(), document);
    assert_eq!(store.usage(), usage);
    now(store.write("/a/b/one.txt", "again")).unwrap();
    assert_eq!(now(before.read_bytes("/a/b/one.txt")).unwrap(), "one");
}

#[test]
fn usage_follows_every_change_in_every_fork() {
    let store = store();
    assert_eq!(counts(store.usage()), (2, 3, 6));
    let fork = store.fork();
    now(fork.rename("/a", "/x/y/a")).unwrap();
    assert_eq!(counts(fork.usage()), (2, 5, 6));
    now(fork.write("/x/y/a/two.txt", "longer")).unwrap();
    assert_eq!(counts(fork.usage()), (2, 5, 9));
    let request = backend_core::DeleteRequest::new(backend_core::VirtualPath::parse("/x").unwrap());
    let deleted = now(backend_core::Backend::delete_with(
        &fork,
        &request.recursive(),
    ))
    .unwrap();
    assert_eq!(deleted.entries, 6);
    assert_eq!(counts(fork.usage()), (0, 1, 0));
    assert_eq!(counts(store.usage()), (2, 3, 6));
}

fn counts(usage: Usage) -> (u64, u64, u64) {
    (usage.files, usage.directories, usage.bytes)
}

#[test]
fn a_file_keeps_its_version_when_it_moves() {
    let store = store();
    let version = now(store.stat("/a/two.txt")).unwrap().version;
    let renamed = now(store.rename("/a/two.txt", "/b/2.txt")).unwrap();
    assert_eq!(renamed.version, version);
    assert!(renamed.atomic);
    assert_eq!(now(store.stat("/b/2.txt")).unwrap().version, version);
    now(store.rename("/a", "/c")).unwrap();
    assert_eq!(now(store.read_bytes("/c/b/one.txt")).unwrap(), "one");
}

#[test]
fn a_move_that_makes_a_path_too_long_is_refused() {
    let store = StateBackend::new();
    let deep = format!("/top{}", "/d".repeat(2000));
    now(store.write(format!("{deep}/f").as_str(), "f")).unwrap();
    let target = format!("/{}", "t".repeat(200));
    let error = now(store.rename("/top", target.as_str())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPath);
    assert!(now(store.exists("/top")).unwrap());

    // The entry that made it too long is gone: the bound is measured again.
    now(store.rename(format!("{deep}/f").as_str(), "/f")).unwrap();
    let half = format!("/top{}", "/d".repeat(1000));
    now(store.rename(half.as_str(), "/half")).unwrap();
    now(store.rename("/top", target.as_str())).unwrap();
}

#[test]
fn a_very_deep_store_is_dropped_and_forked() {
    let store = StateBackend::new();
    let deep = "/d".repeat(2048);
    now(store.mkdir(deep.as_str())).unwrap();
    let fork = store.fork();
    now(fork.write("/d/d/f", "x")).unwrap();
    drop(store);
    assert_eq!(fork.usage().directories, 2048);
    let request = backend_core::DeleteRequest::new(backend_core::VirtualPath::parse("/d").unwrap());
    let deleted = now(backend_core::Backend::delete_with(
        &fork,
        &request.recursive(),
    ))
    .unwrap();
    assert_eq!(deleted.entries, 2049);
}
