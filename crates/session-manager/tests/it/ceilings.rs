//! Ceilings: reserved before anything is created, never exceeded, released.

use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{BackendExt, ErrorKind, SandboxExt};
use session_manager::{Cause, EventKind, Eviction, SessionOptions, SessionState};
use tokio::time::sleep;

use crate::support::{MINUTE, broken, builder, provider, settled, told, with_root};

const EVICT: Eviction = Eviction::LeastRecentlyUsed {
    idle_for: Duration::ZERO,
};

#[tokio::test(start_paused = true)]
async fn sessions_that_are_still_starting_count() {
    let provider = provider();
    provider.faults(|call, _| match call {
        ProviderCall::Create => Fault::none().after(MINUTE),
        _ => Fault::none(),
    });
    let manager = builder(&provider).max_resident(3).build().await.unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..20 {
        let manager = manager.clone();
        asking.spawn(async move {
            manager
                .get_or_create(format!("s{number}"))
                .await
                .map(|_| ())
        });
    }
    let outcomes = asking.join_all().await;
    let refused: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
    assert_eq!(refused.len(), 17);
    assert!(refused.iter().all(|e| e.kind() == ErrorKind::QuotaExceeded));
    assert_eq!(provider.tally().most, 3);
    // Refused sessions are not open, and open ones are still usable.
    assert_eq!(manager.stats().open, 3);
    let open = manager.list(&Default::default()).await.unwrap().sessions;
    assert!(manager.get_or_create(&open[0].id).await.is_ok());
    manager.release(&open[0].id).await.unwrap();
    assert!(manager.get_or_create("another").await.is_ok());
}

#[tokio::test]
async fn open_sessions_have_a_ceiling_in_total_and_per_tenant() {
    let here = tempfile::tempdir().unwrap();
    let manager = with_root(&provider(), here.path())
        .max_open(3)
        .max_per_tenant(2)
        .build()
        .await
        .unwrap();
    let of = |tenant: &str| SessionOptions::new().tenant(tenant);
    manager.get_or_create_with("a1", &of("a")).await.unwrap();
    manager.get_or_create_with("a2", &of("a")).await.unwrap();
    let error = manager
        .get_or_create_with("a3", &of("a"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.to_string().contains("tenant"), "{error}");
    // A hibernated session is open; a closed one is not.
    manager.hibernate("a1").await.unwrap();
    assert!(manager.get_or_create_with("a3", &of("a")).await.is_err());
    manager.get_or_create_with("b1", &of("b")).await.unwrap();
    assert!(manager.get_or_create_with("c1", &of("c")).await.is_err());
    manager.release("a1").await.unwrap();
    manager.get_or_create_with("a3", &of("a")).await.unwrap();
    assert_eq!(manager.stats().open, 3);
    assert_eq!(manager.stats().tenants, 2);
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_session_is_evicted() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path())
        .max_resident(2)
        .eviction(EVICT)
        .build()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    let first = manager.get_or_create("first").await.unwrap();
    first.write("/f", "kept").await.unwrap();
    sleep(MINUTE).await;
    manager.get_or_create("second").await.unwrap();
    sleep(MINUTE).await;
    manager.get_or_create("third").await.unwrap();
    settled(&manager).await;
    assert_eq!(first.info().unwrap().state, SessionState::Hibernated);
    let evicted = told(&mut events, |kind| {
        matches!(kind, EventKind::Hibernated(Cause::Evicted))
    });
    assert_eq!(evicted[0].session.as_ref().unwrap().as_str(), "first");
    // Its handle is still valid: it resumes, and another session is evicted.
    assert_eq!(first.read("/f").await.unwrap().text, "kept");
    settled(&manager).await;
    assert_eq!(provider.tally().most, 2);
    assert_eq!(manager.stats().hibernated, 1);
}

#[tokio::test(start_paused = true)]
async fn a_busy_session_is_not_evicted() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path())
        .max_resident(2)
        .eviction(EVICT)
        .build()
        .await
        .unwrap();
    let running = manager.get_or_create("runs").await.unwrap();
    let long = tokio::spawn(async move { running.execute("sleep 100").await });
    let spawned = manager.get_or_create("spawned").await.unwrap();
    spawned.spawn("sleep 100").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let error = manager.get_or_create("third").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(long.await.unwrap().unwrap().status.is_success());
    assert!(manager.get_or_create("third").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_files_would_be_lost_is_not_evicted() {
    let manager = builder(&provider())
        .max_resident(1)
        .eviction(EVICT)
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "x").await.unwrap();
    sleep(MINUTE).await;
    let error = manager.get_or_create("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert_eq!(session.read("/f").await.unwrap().text, "x");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_stopped_keeps_its_slot() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path())
        .max_resident(1)
        .eviction(EVICT)
        .stop_retry(2, Duration::from_secs(1))
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    provider.faults(|call, _| match call {
        ProviderCall::Destroy => Fault::fail(broken()),
        _ => Fault::none(),
    });
    let error = manager.get_or_create("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert_eq!(session.info().unwrap().state, SessionState::Stuck);
    assert_eq!(manager.stats().resident, 1);
    let error = session.read("/f").await.unwrap_err();
    assert!(error.to_string().contains("still stopping"), "{error}");
    provider.faults(|_, _| Fault::none());
    sleep(2 * MINUTE).await;
    assert!(manager.get_or_create("b").await.is_ok());
    assert_eq!(provider.tally().most, 1);
}
