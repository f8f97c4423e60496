//! Shutdown: everything at once, every failure reported, nothing started afterwards.

use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{BackendExt, ErrorKind, ProviderFeatures, Sandbox};
use session_manager::Cleaned;
use tokio::time::{Instant, sleep};

use crate::support::{MINUTE, broken, builder, manager, provider, with_root};

#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_as_long_as_the_slowest() {
    let provider = provider();
    let manager = manager(&provider).await;
    for number in 0..50 {
        manager.get_or_create(format!("s{number}")).await.unwrap();
    }
    provider.faults(|call, _| match call {
        ProviderCall::Destroy => Fault::none().after(Duration::from_secs(9)),
        _ => Fault::none(),
    });
    let began = Instant::now();
    let report = manager.shutdown().await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!((report.stopped, report.failures.len()), (50, 0));
    assert_eq!(provider.existing(), []);
}

#[tokio::test(start_paused = true)]
async fn every_failure_is_reported_and_does_not_affect_the_others() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path()).build().await.unwrap();
    for number in 0..10 {
        manager.get_or_create(format!("s{number}")).await.unwrap();
    }
    let fails = manager.get("s3").unwrap().sandbox_id().unwrap();
    let hangs = manager.get("s7").unwrap().sandbox_id().unwrap();
    provider.faults(move |call, id| match call {
        ProviderCall::Destroy if *id == fails => Fault::fail(broken()),
        ProviderCall::Destroy if *id == hangs => Fault::none().after(10_000 * MINUTE),
        _ => Fault::none(),
    });
    let report = manager.shutdown().await;
    let ids: Vec<_> = report.failures.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["s3", "s7"]);
    assert_eq!(report.failures[1].1.kind(), ErrorKind::TimedOut);
    assert_eq!((report.stopped, provider.existing().len()), (8, 2));
    // The next manager completes what this one could not.
    provider.faults(|_, _| Fault::none());
    drop(manager);
    let next = with_root(&provider, here.path()).build().await.unwrap();
    assert_eq!(next.recovered().adopted.len(), 2);
    assert!(next.shutdown().await.failures.is_empty());
    assert_eq!(provider.existing(), []);
}

#[tokio::test(start_paused = true)]
async fn a_start_in_progress_is_aborted_and_leaves_nothing() {
    let provider = provider();
    provider.faults(|call, _| match call {
        ProviderCall::Create => Fault::none().lingering(5 * MINUTE),
        _ => Fault::none(),
    });
    let manager = builder(&provider).warm(None, 2).build().await.unwrap();
    let asking = tokio::spawn({
        let manager = manager.clone();
        async move { manager.get_or_create("a").await.map(|_| ()) }
    });
    sleep(MINUTE).await;
    let began = Instant::now();
    let report = manager.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!(provider.existing(), []);
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_was_being_resumed_is_suspended_again() {
    for open in [true, false] {
        let mut features = ProviderFeatures::none();
        features.suspends = true;
        let (provider, here) = (
            provider().with_features(features),
            tempfile::tempdir().unwrap(),
        );
        let first = with_root(&provider, here.path()).build().await.unwrap();
        let session = first.get_or_create("a").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        let sandbox = session.sandbox_id();
        first.hibernate("a").await.unwrap();
        let manager = if open {
            first
        } else {
            assert!(first.shutdown().await.failures.is_empty());
            with_root(&provider, here.path()).build().await.unwrap()
        };
        provider.faults(|call, _| match call {
            ProviderCall::Resume => Fault::none().lingering(5 * MINUTE),
            _ => Fault::none(),
        });
        let asking = tokio::spawn({
            let manager = manager.clone();
            async move { manager.get_or_create("a").await.map(|_| ()) }
        });
        sleep(MINUTE).await;
        assert_eq!(provider.running().len(), 1);
        let report = manager.shutdown().await;
        assert_eq!((report.stopped, report.failures.len()), (1, 0));
        assert_eq!((provider.running().len(), manager.stats().resident), (0, 0));
        assert!(asking.await.unwrap().is_err());
        provider.faults(|_, _| Fault::none());
        drop((session, manager));
        let next = with_root(&provider, here.path()).build().await.unwrap();
        let session = next.get_or_create("a").await.unwrap();
        assert_eq!(session.sandbox_id(), sandbox);
        assert_eq!(session.read("/f").await.unwrap().text, "kept");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_may_run_and_cannot_be_reached_is_reported() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let first = with_root(&provider, here.path()).build().await.unwrap();
    first.get_or_create("a").await.unwrap();
    drop(first);
    // A moment for the lock of the root to be released.
    sleep(MINUTE).await;
    provider.faults(|call, _| match call {
        ProviderCall::List => Fault::none(),
        _ => Fault::fail(broken()),
    });
    let manager = with_root(&provider, here.path()).build().await.unwrap();
    assert_eq!(manager.recovered().unreachable.len(), 1);
    let report = manager.shutdown().await;
    assert_eq!((report.stopped, report.failures.len()), (0, 1));
    assert_eq!(provider.running().len(), 1);
}

#[tokio::test]
async fn nothing_is_started_after_a_shutdown() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path()).build().await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    let _ = manager.shutdown().await;
    for error in [
        manager.get_or_create("a").await.map(|_| ()).unwrap_err(),
        manager.get_or_create("b").await.map(|_| ()).unwrap_err(),
        session.read("/f").await.map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("shut down"), "{error}");
    }
    manager.start_cleanup(Duration::from_millis(1));
    let _ = manager.cleanup_idle().await;
    assert!(manager.shutdown().await.failures.is_empty());
    assert_eq!(provider.existing(), []);
}

#[tokio::test]
async fn a_manager_that_was_shut_down_touches_nothing_of_the_next_one() {
    for suspends in [false, true] {
        let mut features = ProviderFeatures::none();
        features.suspends = suspends;
        let (provider, here) = (
            provider().with_features(features),
            tempfile::tempdir().unwrap(),
        );
        let old = with_root(&provider, here.path())
            .close_after(Duration::ZERO)
            .build()
            .await
            .unwrap();
        let handle = old.get_or_create("a").await.unwrap();
        handle.write("/f", "kept").await.unwrap();
        assert!(old.shutdown().await.failures.is_empty());
        let next = with_root(&provider, here.path()).build().await.unwrap();
        let session = next.get_or_create("a").await.unwrap();
        let record = std::fs::read(here.path().join("a/session.json")).unwrap();
        for refused in [
            old.release("a").await,
            old.purge("a").await,
            old.purge("other").await,
            handle.stop().await,
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        let cleaned = old.cleanup_idle().await;
        assert_eq!(format!("{cleaned:?}"), format!("{:?}", Cleaned::default()));
        assert_eq!(session.read("/f").await.unwrap().text, "kept");
        assert_eq!(
            std::fs::read(here.path().join("a/session.json")).unwrap(),
            record
        );
        assert!(next.shutdown().await.failures.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_could_not_be_destroyed_is_not_counted_as_stopped() {
    let provider = provider();
    let manager = builder(&provider).name("app").warm(None, 1).build().await;
    let manager = manager.unwrap();
    sleep(MINUTE).await;
    manager.get_or_create("a").await.unwrap();
    sleep(MINUTE).await;
    provider.faults(|call, _| match call {
        ProviderCall::Destroy => Fault::fail(broken()),
        _ => Fault::none(),
    });
    let report = manager.shutdown().await;
    assert_eq!((report.stopped, report.failures.len()), (0, 2));
    assert_eq!(provider.existing().len(), 2);
}
