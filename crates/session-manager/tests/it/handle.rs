//! The guarantees of a handle: it resumes its session, reports when it is unusable, and never shows other files.

use std::sync::Arc;
use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, ProviderFeatures, Sandbox, SandboxExt,
};
use session_manager::{Cause, EventKind, SessionState};
use tokio::time::sleep;

use crate::support::{MINUTE, broken, builder, manager, provider, stored, told};

#[tokio::test]
async fn a_handle_is_a_sandbox() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    let session = manager.get_or_create("a").await.unwrap();
    let sandbox: Arc<dyn Sandbox> = Arc::new(session.clone());
    sandbox.write("/f", "x").await.unwrap();
    assert_eq!(sandbox.id().as_str(), "a");
    assert!(sandbox.liveness().await.is_alive() && sandbox.capabilities().executes);
    assert_eq!(session.read("/f").await.unwrap().text, "x");
    assert_eq!(
        here.path().join("a/workspace/f").metadata().unwrap().len(),
        1
    );
    sandbox.stop().await.unwrap();
    sandbox.stop().await.unwrap();
    assert!(!sandbox.liveness().await.is_alive());
    let error = session.read("/f").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(session.info(), None);
}

#[tokio::test]
async fn a_released_handle_stays_unusable_after_the_id_is_reused() {
    let manager = manager(&provider()).await;
    let old = manager.get_or_create("a").await.unwrap();
    old.write("/f", "old").await.unwrap();
    manager.release("a").await.unwrap();
    let new = manager.get_or_create("a").await.unwrap();
    assert!(new.read("/f").await.is_err(), "a new session is empty");
    assert_eq!(
        old.read("/f").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!old.touch());
    old.stop().await.unwrap();
    assert!(
        new.liveness().await.is_alive(),
        "the old handle ended the new session"
    );
}

#[tokio::test]
async fn a_hibernated_session_resumes_with_its_files() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let mut events = manager.subscribe();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    manager.hibernate("a").await.unwrap();
    assert_eq!(provider.existing(), []);
    assert!(session.liveness().await.is_asleep(), "it can be resumed");
    assert_eq!(provider.existing(), [], "and was not resumed by that");
    assert_eq!(session.info().unwrap().state, SessionState::Hibernated);
    assert!(manager.get("a").is_some());
    let reads = (0..10).map(|_| session.read("/f"));
    let all: Vec<_> = reads.collect();
    for read in all {
        assert_eq!(read.await.unwrap().text, "kept");
    }
    assert_eq!(provider.tally().created, 2);
    let kinds = told(&mut events, |_| true);
    assert!(matches!(
        kinds[0].kind,
        EventKind::Created { warm: false, .. }
    ));
    assert!(matches!(kinds[1].kind, EventKind::Hibernated(Cause::Asked)));
    assert!(matches!(kinds[2].kind, EventKind::Woken { .. }));
    assert_eq!(kinds.len(), 3);
}

#[tokio::test]
async fn hibernation_that_would_lose_files_is_refused() {
    let manager = manager(&provider()).await;
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "x").await.unwrap();
    let error = manager.hibernate("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(session.read("/f").await.unwrap().text, "x");
    assert!(manager.hibernate("b").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn hibernation_of_a_busy_session_is_refused() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    let session = manager.get_or_create("a").await.unwrap();
    let busy = session.clone();
    let long = tokio::spawn(async move { busy.execute("sleep 60").await });
    sleep(Duration::from_secs(1)).await;
    let error = manager.hibernate("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(long.await.unwrap().unwrap().status.is_success());
    session.spawn("sleep 60").await.unwrap();
    assert!(manager.hibernate("a").await.is_err());
    sleep(MINUTE).await;
    manager.hibernate("a").await.unwrap();
}

#[tokio::test]
async fn a_provider_that_suspends_keeps_files_without_a_root() {
    let mut features = ProviderFeatures::none();
    features.suspends = true;
    let provider = provider().with_features(features);
    let manager = manager(&provider).await;
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    let sandbox = session.sandbox_id();
    manager.hibernate("a").await.unwrap();
    assert_eq!(
        (provider.running().len(), provider.existing().len()),
        (0, 1)
    );
    assert_eq!(manager.stats().resident, 0);
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    assert_eq!(session.sandbox_id(), sandbox);
    manager.hibernate("a").await.unwrap();
    manager.release("a").await.unwrap();
    assert_eq!(provider.existing(), []);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_sandbox_is_not_given_up_after_one_failure() {
    let mut features = ProviderFeatures::none();
    features.suspends = true;
    let provider = provider().with_features(features);
    let manager = manager(&provider).await;
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    manager.hibernate("a").await.unwrap();
    provider.faults(|call, _| match call {
        ProviderCall::Resume => Fault::lose(broken()),
        _ => Fault::none(),
    });
    // The answer is lost, but the sandbox runs.
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    let sandbox = session.sandbox_id();
    manager.hibernate("a").await.unwrap();
    provider.faults(|call, _| match call {
        ProviderCall::Resume => Fault::lose(broken()),
        ProviderCall::Attach => Fault::fail(broken()),
        _ => Fault::none(),
    });
    assert!(session.read("/f").await.is_err());
    let stats = manager.stats();
    assert_eq!((stats.unreachable, stats.resident), (1, 1), "it may run");
    assert!(session.info().unwrap().trouble.is_some());
    provider.faults(|_, _| Fault::none());
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    assert_eq!(session.sandbox_id(), sandbox);
}

#[tokio::test]
async fn a_dead_sandbox_is_replaced_where_its_files_outlive_it() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let mut events = manager.subscribe();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    let dead = session.sandbox_id().unwrap();
    provider.kill(&dead);
    // The caller gets the error; the operation is not retried silently.
    let error = session.write("/f", "lost").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    assert_ne!(session.sandbox_id().unwrap(), dead);
    assert_eq!(provider.existing().len(), 1, "the dead one was removed");
    let died = told(&mut events, |kind| matches!(kind, EventKind::Died { .. }));
    assert!(matches!(died[0].kind, EventKind::Died { files_kept: true }));
    assert_eq!((died.len(), manager.stats().deaths), (1, 1));
}

#[tokio::test]
async fn a_dead_sandbox_is_never_replaced_by_an_empty_one() {
    let provider = provider();
    let manager = manager(&provider).await;
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "x").await.unwrap();
    provider.kill(&session.sandbox_id().unwrap());
    assert!(!session.liveness().await.is_alive());
    for _ in 0..3 {
        let error = session.read("/f").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let error = manager.get_or_create("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("release"), "{error}");
    }
    assert_eq!(manager.stats().dead, 1);
    assert_eq!(
        (provider.existing().len(), manager.stats().resident),
        (0, 0)
    );
    manager.release("a").await.unwrap();
    let anew = manager.get_or_create("a").await.unwrap();
    assert_eq!(
        anew.read("/f").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_unused_for_a_while_is_checked_before_it_is_handed_out() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let first = manager.get_or_create("a").await.unwrap().sandbox_id();
    sleep(MINUTE).await;
    assert_eq!(
        manager.get_or_create("a").await.unwrap().sandbox_id(),
        first
    );
    provider.kill(&first.clone().unwrap());
    sleep(MINUTE).await;
    let second = manager.get_or_create("a").await.unwrap();
    assert_ne!(second.sandbox_id(), first);
    assert!(second.stat("/").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_release_ends_operations_in_flight() {
    let manager = manager(&provider()).await;
    let session = manager.get_or_create("a").await.unwrap();
    let busy = session.clone();
    let long = tokio::spawn(async move {
        let request = ExecRequest::shell("sleep 6000").timeout(None);
        busy.execute_with(&request).await
    });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(session.info().unwrap().busy, 1);
    manager.release("a").await.unwrap();
    let error = long.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_operation_leaves_the_session_idle() {
    let manager = builder(&provider())
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    let long = session.execute("sleep 100");
    let _ = tokio::time::timeout(Duration::from_secs(1), long).await;
    assert_eq!(session.info().unwrap().busy, 0);
    sleep(MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
}
