//! Containers and workspaces that are removed, stopped or renamed by hand while a session has them.

use backend_core::{BackendExt, ErrorKind, SandboxExt};
use session_manager::SessionState;

use super::place_or_skip;

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_container_needs_no_stopping_and_releases_its_slot() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let stored = place.stored(here.path()).await.max_resident(1);
    let stored = stored.build().await.unwrap();
    let session = stored.get_or_create("a").await.unwrap();
    session.write("f", "kept").await.unwrap();
    let key = place.key(&session.sandbox_id().unwrap());
    place.docker(&["rm", "-f", &key]);
    stored.hibernate("a").await.unwrap();
    assert_eq!(session.info().unwrap().state, SessionState::Hibernated);
    assert_eq!(stored.stats().resident, 0);
    assert_eq!(session.read("f").await.unwrap().text, "kept");
    stored.purge("a").await.unwrap();
    assert!(stored.shutdown().await.failures.is_empty());

    let alone = place.builder().await.max_resident(1);
    let alone = alone.build().await.unwrap();
    let session = alone.get_or_create("a").await.unwrap();
    session.write("f", "lost").await.unwrap();
    let key = place.key(&session.sandbox_id().unwrap());
    place.docker(&["rm", "-f", &key]);
    // Whatever the outcome, the session is not reported as hibernated with missing files.
    let _ = alone.hibernate("a").await;
    let error = session.read("f").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(session.info().unwrap().state, SessionState::Dead);
    assert_eq!(alone.stats().resident, 0);
    let next = alone.get_or_create("b").await;
    assert!(next.is_ok(), "the slot is not released: {next:?}");
    assert!(alone.shutdown().await.failures.is_empty());
    assert_eq!(place.containers(true).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_container_is_resumed_and_a_renamed_one_is_found() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let stored = place.stored(here.path()).await.build().await.unwrap();
    let alone = place.builder().await.build().await.unwrap();
    for manager in [&stored, &alone] {
        let session = manager.get_or_create("a").await.unwrap();
        session
            .execute("echo kept > f; echo too > /tmp/g")
            .await
            .unwrap();
        let sandbox = session.sandbox_id().unwrap();
        let key = place.key(&sandbox);
        for deed in ["stop", "kill"] {
            place.docker(&[deed, &key]);
            // The first call detects it.
            let _ = session.read("f").await;
            let output = session.execute("cat f /tmp/g").await.unwrap();
            assert_eq!(output.stdout.to_text(), "kept\ntoo\n", "{deed}");
            assert_eq!(session.sandbox_id(), Some(sandbox.clone()), "{deed}");
            assert_eq!(place.key(&sandbox), key, "{deed}");
        }
        let other = format!("{}-renamed", place.namespace);
        place.docker(&["rename", &key, &other]);
        manager.hibernate("a").await.unwrap();
        assert_eq!(session.info().unwrap().state, SessionState::Hibernated);
        let output = session.execute("cat f /tmp/g").await.unwrap();
        assert_eq!(output.stdout.to_text(), "kept\ntoo\n");
        assert_eq!(place.docker(&["inspect", "-f", "{{.Id}}", &other]), key);
        assert_eq!(place.containers(true), [key.as_str()]);
        assert_eq!(manager.stats().deaths, 0);
        manager.purge("a").await.unwrap();
        assert_eq!(place.containers(true).len(), 0);
    }
    for manager in [&stored, &alone] {
        assert!(manager.shutdown().await.failures.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_with_a_removed_workspace_reports_it() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let manager = place.stored(here.path()).await.build().await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("f", "kept").await.unwrap();
    manager.hibernate("a").await.unwrap();
    let workspace = here.path().join("a/workspace");
    let aside = here.path().join("aside");
    std::fs::rename(&workspace, &aside).unwrap();
    let error = session.read("f").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("does not exist"), "{text}");
    assert!(!text.contains(here.path().to_str().unwrap()), "{text}");
    assert!(!workspace.join("f").exists(), "no files are invented");
    std::fs::rename(&aside, &workspace).unwrap();
    assert_eq!(session.read("f").await.unwrap().text, "kept");
    manager.purge("a").await.unwrap();
    assert!(manager.shutdown().await.failures.is_empty());
    assert_eq!(place.containers(true).len(), 0);
}
