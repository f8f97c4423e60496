//! Copied roots and records, and concurrent managers: none ends or shares the sandboxes of another.

use std::path::Path;
use std::process::Command;

use backend_core::{BackendExt, ErrorKind};
use session_manager::SessionManager;

use super::{Place, place_or_skip};

fn copy(from: &Path, to: &Path) {
    let output = Command::new("cp").arg("-a").args([from, to]).output();
    assert!(output.unwrap().status.success(), "cp -a failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_on_a_copy_of_a_root_leaves_the_first_alone() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let (one, two) = (here.path().join("one"), here.path().join("two"));
    let first = place.stored(&one).await.build().await.unwrap();
    let alice = first.get_or_create("alice").await.unwrap();
    alice.write("f", "alice's").await.unwrap();
    let carol = first.get_or_create("carol").await.unwrap();
    carol.write("f", "carol's").await.unwrap();
    first.hibernate("carol").await.unwrap();
    copy(&one, &two);
    // Created after the copy was made, so the copy has no record of it.
    let bob = first.get_or_create("bob").await.unwrap();
    bob.write("f", "bob's").await.unwrap();
    let before = [&alice, &bob].map(|session| session.sandbox_id().unwrap());
    let keys = before.clone().map(|id| place.key(&id));

    let second = place.stored(&two).await.build().await.unwrap();
    let recovered = second.recovered();
    assert!(recovered.adopted.is_empty(), "{recovered:?}");
    assert!(recovered.ended.is_empty(), "{recovered:?}");
    assert!(recovered.orphans.is_empty(), "{recovered:?}");
    for (id, text) in [("alice", "alice's"), ("carol", "carol's")] {
        let copy = second.get_or_create(id).await.unwrap();
        assert_eq!(copy.read("f").await.unwrap().text, text);
        copy.write("f", "of the copy").await.unwrap();
        let theirs = first.get_or_create(id).await.unwrap();
        assert_ne!(copy.sandbox_id(), theirs.sandbox_id());
        assert_eq!(theirs.read("f").await.unwrap().text, text);
    }
    second.cleanup_idle().await;
    for id in ["alice", "carol"] {
        second.purge(id).await.unwrap();
    }
    assert!(second.shutdown().await.failures.is_empty());
    for (session, text) in [(&alice, "alice's"), (&bob, "bob's"), (&carol, "carol's")] {
        assert_eq!(session.read("f").await.unwrap().text, text);
    }
    let after = [&alice, &bob].map(|session| session.sandbox_id().unwrap());
    assert_eq!(after, before);
    assert_eq!(after.map(|id| place.key(&id)), keys);
    for id in ["alice", "bob", "carol"] {
        first.purge(id).await.unwrap();
    }
    assert!(first.shutdown().await.failures.is_empty());
    assert_eq!(place.containers(true).len(), 0);
}

/// Copies a session for another user, as in a manual migration.
fn copy_session(root: &Path, from: &str, to: &str) {
    copy(&root.join(from), &root.join(to));
    let record = root.join(to).join("session.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["id"] = to.into();
    std::fs::write(&record, json.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_never_share_a_sandbox() {
    let place = place_or_skip!();
    for crash in [false, true] {
        let here = tempfile::tempdir().unwrap();
        let before = place.stored(here.path()).await.build().await.unwrap();
        let session = before.get_or_create("a").await.unwrap();
        session.write("f", "a's").await.unwrap();
        session.write("/tmp/g", "a's own").await.unwrap();
        let key = place.key(&session.sandbox_id().unwrap());
        if !crash {
            assert!(before.shutdown().await.failures.is_empty());
        }
        drop((session, before));
        copy_session(here.path(), "a", "b");
        let manager = place.stored(here.path()).await.build().await.unwrap();
        // The copy comes first.
        let b = manager.get_or_create("b").await.unwrap();
        let a = manager.get_or_create("a").await.unwrap();
        assert_ne!(a.sandbox_id(), b.sandbox_id());
        assert_eq!(place.key(&a.sandbox_id().unwrap()), key);
        assert_eq!(a.read("/tmp/g").await.unwrap().text, "a's own");
        assert_eq!(b.read("f").await.unwrap().text, "a's");
        let error = b.read("/tmp/g").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        b.write("f", "b's").await.unwrap();
        assert_eq!(a.read("f").await.unwrap().text, "a's");
        manager.purge("b").await.unwrap();
        assert_eq!(a.read("f").await.unwrap().text, "a's");
        assert_eq!(place.key(&a.sandbox_id().unwrap()), key);
        manager.purge("a").await.unwrap();
        assert!(manager.shutdown().await.failures.is_empty());
        assert_eq!(place.containers(true).len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_is_owned_even_without_its_lock_file() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let first = place.stored(here.path()).await.build().await.unwrap();
    let session = first.get_or_create("a").await.unwrap();
    session.write("f", "kept").await.unwrap();
    let key = place.key(&session.sandbox_id().unwrap());
    std::fs::remove_file(here.path().join(".lock")).unwrap();
    let second = place.stored(here.path()).await.build().await;
    let error = second.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(session.read("f").await.unwrap().text, "kept");
    assert_eq!(place.key(&session.sandbox_id().unwrap()), key);
    first.purge("a").await.unwrap();
    assert!(first.shutdown().await.failures.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_replica_without_a_root_works_next_to_the_first() {
    let place = place_or_skip!();
    let replica = async |place: &Place| {
        let builder = SessionManager::builder(place.provider().await).name("replica");
        builder.cleanup_interval(None).build().await.unwrap()
    };
    let first = replica(&place).await;
    let session = first.get_or_create("a").await.unwrap();
    session.write("f", "of the first").await.unwrap();
    let asleep = first.get_or_create("b").await.unwrap();
    asleep.write("f", "asleep").await.unwrap();
    first.hibernate("b").await.unwrap();
    let key = place.key(&session.sandbox_id().unwrap());

    let second = replica(&place).await;
    assert!(
        second.recovered().orphans.is_empty(),
        "{:?}",
        second.recovered()
    );
    let other = second.get_or_create("a").await.unwrap();
    other.write("f", "of the second").await.unwrap();
    second.cleanup_idle().await;
    assert!(second.shutdown().await.failures.is_empty());

    assert_eq!(session.read("f").await.unwrap().text, "of the first");
    assert_eq!(place.key(&session.sandbox_id().unwrap()), key);
    assert_eq!(asleep.read("f").await.unwrap().text, "asleep");
    assert_eq!(first.stats().deaths, 0);
    assert!(first.shutdown().await.failures.is_empty());
    assert_eq!(place.containers(true).len(), 0);
}
