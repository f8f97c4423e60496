//! The warm pool: handed over at once, refilled, evicted when a slot is needed, and without bypassing any rule.

use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{BackendExt, ErrorKind, ProviderFeatures};
use session_manager::{EventKind, SessionOptions};
use tokio::time::{Instant, sleep};

use crate::support::{MINUTE, Provider, broken, builder, provider, told, with_root};

const START: Duration = Duration::from_secs(10);

/// A slow provider whose workspaces may be renamed.
fn slow() -> Provider {
    let mut features = ProviderFeatures::none();
    features.workspace_moves = true;
    let provider = provider().with_features(features);
    provider.faults(|call, _| match call {
        ProviderCall::Create => Fault::none().after(START),
        _ => Fault::none(),
    });
    provider
}

#[tokio::test(start_paused = true)]
async fn a_new_session_gets_a_ready_sandbox() {
    let provider = slow();
    let manager = builder(&provider).warm(None, 2).build().await.unwrap();
    let mut events = manager.subscribe();
    sleep(START * 2).await;
    assert_eq!(manager.stats().warm, 2);
    let began = Instant::now();
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    session.write("/f", "x").await.unwrap();
    let created = told(&mut events, |kind| {
        matches!(kind, EventKind::Created { warm: true, .. })
    });
    assert_eq!((created.len(), manager.stats().warm_starts), (1, 1));
    sleep(START * 2).await;
    assert_eq!((manager.stats().warm, manager.stats().resident), (2, 3));
    manager.release("a").await.unwrap();
    assert_eq!(provider.existing().len(), 2);
    let report = manager.shutdown().await;
    assert_eq!((report.stopped, provider.existing().len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn with_a_root_the_files_of_a_warm_sandbox_belong_to_the_session() {
    let (provider, here) = (slow(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path())
        .warm(None, 1)
        .build()
        .await
        .unwrap();
    sleep(START * 2).await;
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(manager.stats().warm_starts, 1);
    session.write("/f", "kept").await.unwrap();
    assert_eq!(
        std::fs::read(here.path().join("a/workspace/f")).unwrap(),
        b"kept"
    );
    manager.hibernate("a").await.unwrap();
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    // It resumed with its own files, so it is not from the pool.
    assert_eq!(manager.stats().warm_starts, 1);
    let _ = manager.shutdown().await;
    let left = std::fs::read_dir(here.path().join(".staging")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_provider_whose_workspaces_cannot_be_renamed_has_no_pool_with_a_root() {
    let here = tempfile::tempdir().unwrap();
    let refused = with_root(&provider(), here.path())
        .warm(None, 1)
        .build()
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn a_session_with_variables_or_labels_does_not_get_one() {
    let provider = slow();
    let manager = builder(&provider).warm(None, 1).build().await.unwrap();
    sleep(START * 2).await;
    for (id, options) in [
        ("a", SessionOptions::new().env("A", "1")),
        ("b", SessionOptions::new().label("a", "1")),
    ] {
        manager.get_or_create_with(id, &options).await.unwrap();
    }
    assert_eq!((manager.stats().warm, manager.stats().warm_starts), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_warm_sandbox_that_died_is_not_handed_out() {
    let provider = slow();
    let manager = builder(&provider).warm(None, 1).build().await.unwrap();
    sleep(START * 2).await;
    provider.kill(&provider.existing()[0]);
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "x").await.unwrap();
    assert_eq!(manager.stats().warm_starts, 0);
    sleep(MINUTE).await;
    let _ = manager.cleanup_idle().await;
    sleep(START * 2).await;
    assert_eq!((manager.stats().warm, provider.existing().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn the_pool_is_evicted_for_sessions() {
    let provider = slow();
    let manager = builder(&provider)
        .max_resident(3)
        .warm(None, 3)
        .build()
        .await
        .unwrap();
    // Even before it is created.
    let options = SessionOptions::new().env("A", "1");
    manager.get_or_create_with("a", &options).await.unwrap();
    sleep(START * 2).await;
    assert_eq!((manager.stats().warm, manager.stats().resident), (2, 3));
    manager.get_or_create_with("b", &options).await.unwrap();
    manager.get_or_create_with("c", &options).await.unwrap();
    let stats = manager.stats();
    assert_eq!((stats.warm, stats.live, stats.resident), (0, 3, 3));
    let error = manager.get_or_create("d").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert_eq!(provider.tally().most, 3);
    manager.release("a").await.unwrap();
    let _ = manager.cleanup_idle().await;
    sleep(START * 2).await;
    assert_eq!(manager.stats().warm, 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_cannot_be_filled_is_reported_and_blocks_no_session() {
    let provider = slow();
    provider.faults(|call, _| match call {
        ProviderCall::Create => Fault::fail(broken()),
        _ => Fault::none(),
    });
    let manager = builder(&provider).warm(None, 2).build().await.unwrap();
    let mut events = manager.subscribe();
    sleep(MINUTE).await;
    let _ = manager.cleanup_idle().await;
    sleep(MINUTE).await;
    let failed = told(&mut events, |kind| matches!(kind, EventKind::WarmFailed(_)));
    assert!(
        failed.len() >= 2,
        "it is retried, but not at once: {}",
        failed.len()
    );
    assert!(failed.len() <= 4);
    provider.faults(|_, _| Fault::none());
    manager.get_or_create("a").await.unwrap();
    let _ = manager.cleanup_idle().await;
    sleep(MINUTE).await;
    assert_eq!(manager.stats().warm, 2);
    assert_eq!(provider.existing().len(), 3);
}
