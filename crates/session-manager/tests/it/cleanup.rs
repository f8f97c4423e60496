//! The cleanup: idle sessions are hibernated or closed, busy ones stay, a failure does not stop it.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use backend_conformance::{Fault, ProviderCall};
use backend_core::{BackendExt, SandboxExt};
use session_manager::{Cause, EventKind, SessionOptions, SessionState};
use tokio::time::sleep;

use crate::support::{MINUTE, Turned, broken, builder, provider, told, with_root};

#[tokio::test(start_paused = true)]
async fn an_idle_session_with_stored_files_is_hibernated_and_closed_later() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path())
        .idle_timeout(10 * MINUTE)
        .close_after(100 * MINUTE)
        .build()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    let session = manager.get_or_create("a").await.unwrap();
    sleep(9 * MINUTE).await;
    assert!(manager.cleanup_idle().await.hibernated.is_empty());
    sleep(MINUTE).await;
    let cleaned = manager.cleanup_idle().await;
    assert_eq!(cleaned.hibernated.len(), 1);
    assert_eq!(provider.existing(), []);
    assert_eq!(session.info().unwrap().state, SessionState::Hibernated);
    sleep(100 * MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
    let info = manager.info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Stored);
    assert!(session.stat("/").await.is_err());
    assert_eq!(manager.stats().open, 0);
    // Owners get events.
    let told = told(&mut events, |kind| {
        !matches!(kind, EventKind::Created { .. })
    });
    assert!(matches!(told[0].kind, EventKind::Hibernated(Cause::Idle)));
    let released = EventKind::Released {
        cause: Cause::Idle,
        files_kept: true,
    };
    assert_eq!(format!("{:?}", told[1].kind), format!("{released:?}"));
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_without_stored_files_is_closed_with_an_event() {
    let provider = provider();
    let manager = builder(&provider)
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    manager.get_or_create("a").await.unwrap();
    sleep(MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
    assert_eq!(provider.existing(), []);
    let lost = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::Released {
                files_kept: false,
                ..
            }
        )
    };
    assert_eq!(told(&mut events, lost).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_has_its_own_timeout() {
    let manager = builder(&provider())
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    let patient = SessionOptions::new().idle_timeout(10 * MINUTE);
    manager
        .get_or_create_with("patient", &patient)
        .await
        .unwrap();
    manager.get_or_create("usual").await.unwrap();
    sleep(2 * MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
    assert!(manager.get("patient").is_some());
    // It applies at once to an existing session.
    let hasty = SessionOptions::new().idle_timeout(MINUTE / 2);
    manager.get_or_create_with("patient", &hasty).await.unwrap();
    sleep(MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_command_is_not_idle() {
    let provider = provider();
    let manager = builder(&provider)
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    let busy = session.clone();
    let long = tokio::spawn(async move { busy.execute("sleep 100").await });
    for _ in 0..9 {
        sleep(Duration::from_secs(11)).await;
        assert!(manager.cleanup_idle().await.released.is_empty());
    }
    assert!(long.await.unwrap().unwrap().status.is_success());
    // The idle time starts at its end.
    sleep(MINUTE - Duration::from_secs(2)).await;
    assert!(manager.cleanup_idle().await.released.is_empty());
    sleep(Duration::from_secs(3)).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
    assert_eq!(provider.take_ended_busy(), []);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_use_counts() {
    let manager = builder(&provider())
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    for _ in 0..3 {
        sleep(MINUTE / 2).await;
        session.write("/f", "x").await.unwrap();
        sleep(MINUTE / 2).await;
        session.read("/f").await.unwrap();
        sleep(MINUTE / 2).await;
        assert!(manager.touch("a"));
        sleep(MINUTE / 2).await;
        manager.get_or_create("a").await.unwrap();
        assert!(manager.cleanup_idle().await.released.is_empty());
    }
    // Inspecting it does not count as use.
    sleep(MINUTE / 2).await;
    let _ = (manager.get("a"), manager.info("a").await, manager.stats());
    sleep(MINUTE / 2).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_delays_the_cleanup_for_a_while() {
    let manager = builder(&provider())
        .idle_timeout(MINUTE)
        .background_limit(10 * MINUTE)
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    session.spawn("sleep 180").await.unwrap();
    sleep(2 * MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.busy.len(), 1);
    sleep(2 * MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
    let session = manager.get_or_create("a").await.unwrap();
    session.spawn("sleep 100000").await.unwrap();
    sleep(9 * MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.busy.len(), 1);
    sleep(MINUTE).await;
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_stop_is_reported_and_retried_until_it_succeeds() {
    let provider = provider();
    let manager = builder(&provider)
        .idle_timeout(MINUTE)
        .cleanup_interval(MINUTE)
        .build()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    for id in ["a", "b", "c"] {
        manager.get_or_create(id).await.unwrap();
    }
    provider.faults(|call, id| match call {
        ProviderCall::Destroy if id.as_str().ends_with("00000000") => Fault::fail(broken()),
        _ => Fault::none(),
    });
    sleep(3 * MINUTE).await;
    // The others were stopped, and the loop continues.
    assert_eq!(provider.existing().len(), 1);
    assert_eq!((manager.stats().stuck, manager.stats().open), (1, 1));
    manager.get_or_create("d").await.unwrap();
    sleep(10 * MINUTE).await;
    assert!(manager.get("d").is_none());
    let failures = told(&mut events, |kind| {
        matches!(kind, EventKind::StopFailed { .. })
    });
    assert!(failures.len() > 5);
    provider.faults(|_, _| Fault::none());
    sleep(2 * MINUTE).await;
    assert_eq!(provider.existing(), []);
    assert_eq!(manager.stats().open, 0);
}

#[tokio::test(start_paused = true)]
async fn dead_sandboxes_are_found_by_the_cleanup() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path()).build().await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    sleep(MINUTE).await;
    provider.kill(&session.sandbox_id().unwrap());
    assert_eq!(manager.cleanup_idle().await.died.len(), 1);
    sleep(MINUTE).await;
    assert_eq!(provider.existing(), []);
    assert_eq!(manager.stats().resident, 0);
    assert!(session.stat("/").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_loop_runs_automatically_and_can_be_ended() {
    let provider = provider();
    let manager = builder(&provider)
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    manager.start_cleanup(MINUTE / 2);
    manager.start_cleanup(MINUTE / 2);
    manager.get_or_create("a").await.unwrap();
    sleep(2 * MINUTE).await;
    assert_eq!(provider.existing(), []);
    manager.stop_cleanup();
    manager.get_or_create("a").await.unwrap();
    sleep(10 * MINUTE).await;
    assert_eq!(provider.existing().len(), 1);
    manager.start_cleanup(MINUTE);
    sleep(2 * MINUTE).await;
    assert_eq!(provider.existing(), []);
}

#[tokio::test(start_paused = true)]
async fn stored_files_are_purged_when_they_are_old() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path())
        .purge_after(1000 * MINUTE)
        .build()
        .await
        .unwrap();
    for id in ["old", "used", "open"] {
        manager.get_or_create(id).await.unwrap();
        manager.release(id).await.unwrap();
    }
    sleep(600 * MINUTE).await;
    manager.get_or_create("used").await.unwrap();
    manager.release("used").await.unwrap();
    sleep(300 * MINUTE).await;
    assert!(manager.cleanup_idle().await.purged.is_empty());
    manager.get_or_create("open").await.unwrap();
    sleep(200 * MINUTE).await;
    let cleaned = manager.cleanup_idle().await;
    assert_eq!(cleaned.purged.len(), 1, "{cleaned:?}");
    assert!(!here.path().join("old").exists());
    assert!(here.path().join("used").exists() && here.path().join("open").exists());
}

#[tokio::test]
async fn a_custom_clock_decides() {
    let clock = Turned::default();
    let manager = builder(&provider())
        .clock(clock.clone())
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(session.info().unwrap().created, SystemTime::UNIX_EPOCH);
    assert!(manager.cleanup_idle().await.released.is_empty());
    clock.turn(MINUTE);
    assert_eq!(manager.cleanup_idle().await.released.len(), 1);
}

#[tokio::test]
async fn nonsensical_settings_do_no_harm() {
    let provider = provider();
    let manager = builder(&provider)
        .start_concurrency(NonZeroUsize::MAX)
        .event_capacity(NonZeroUsize::MAX)
        .background_limit(Duration::MAX)
        .idle_timeout(Duration::MAX)
        .close_after(Duration::MAX)
        .purge_after(Duration::MAX)
        .start_timeout(Duration::MAX)
        .stop_timeout(Duration::MAX)
        .stop_retry(0, Duration::MAX)
        .probe(Duration::MAX, Duration::MAX)
        .build()
        .await
        .unwrap();
    manager.start_cleanup(Duration::MAX);
    manager.start_cleanup(Duration::ZERO);
    let hasty = SessionOptions::new().idle_timeout(Duration::ZERO);
    manager.get_or_create_with("a", &hasty).await.unwrap();
    while manager.get("a").is_some() {
        sleep(Duration::from_millis(1)).await;
    }
    let patient = SessionOptions::new().idle_timeout(Duration::MAX);
    manager.get_or_create_with("b", &patient).await.unwrap();
    let _ = manager.cleanup_idle().await;
    assert!(manager.get("b").is_some());
    for refused in [
        builder(&provider).max_resident(0),
        builder(&provider).max_open(0),
    ] {
        assert!(refused.build().await.is_err());
    }
    assert!(manager.shutdown().await.failures.is_empty());
}

#[tokio::test]
async fn a_root_that_cannot_be_listed_is_reported() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let root = here.path().join("root");
    let clock = Turned::default();
    let manager = with_root(&provider, &root).clock(clock.clone());
    let manager = manager.build().await.unwrap();
    let _ = manager.cleanup_idle().await;
    let mut events = manager.subscribe();
    std::fs::rename(&root, here.path().join("elsewhere")).unwrap();
    clock.turn(100 * MINUTE);
    assert!(manager.cleanup_idle().await.failures.is_empty());
    let unreadable = told(&mut events, |kind| {
        matches!(kind, EventKind::RecordUnreadable(_))
    });
    assert!(!unreadable.is_empty());
    assert!(unreadable.iter().all(|event| event.session.is_none()));
}
