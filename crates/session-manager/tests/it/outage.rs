//! An engine that is unreachable or restarted, and sandboxes stopped, paused or removed by hand: a sandbox that no manager
//! decided to end is there afterwards, with the same id and the same files.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{
    BackendExt, ErrorKind, ExecRequest, ProviderFeatures, Sandbox, SandboxExt, SandboxProvider,
};
use session_manager::{Cause, EventKind, Eviction, SessionOptions, SessionState};
use tokio::time::{Instant, sleep};

use crate::support::{
    MINUTE, Provider, broken, builder, manager, provider, settled, told, with_root,
};

fn resting() -> Provider {
    let mut features = ProviderFeatures::none();
    features.suspends = true;
    provider().with_features(features)
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_engine_loses_no_session() {
    for stored in [false, true] {
        let (provider, here) = (provider(), tempfile::tempdir().unwrap());
        let builder = if stored {
            with_root(&provider, here.path())
        } else {
            builder(&provider)
        };
        let manager = builder.build().await.unwrap();
        let mut events = manager.subscribe();
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/thesis", "months of work").await.unwrap();
        let sandbox = session.sandbox_id();
        provider.set_away(true);
        for _ in 0..3 {
            let error = session.read("/thesis").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            sleep(MINUTE).await;
            let cleaned = manager.cleanup_idle().await;
            assert_eq!((cleaned.unreachable.len(), cleaned.died.len()), (1, 0));
            let error = manager.get_or_create("a").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains("does not answer"), "{error}");
            assert!(session.liveness().await.is_unknown());
        }
        let info = session.info().unwrap();
        assert_eq!(info.state, SessionState::Live);
        assert!(info.trouble.unwrap().contains("does not answer"));
        let stats = manager.stats();
        assert_eq!((stats.live, stats.unresponsive, stats.resident), (1, 1, 1));
        provider.set_away(false);
        assert_eq!(
            session.read("/thesis").await.unwrap().text,
            "months of work"
        );
        assert!(manager.get_or_create("a").await.is_ok());
        assert_eq!(session.sandbox_id(), sandbox, "the same one");
        assert_eq!(manager.stats().unresponsive, 0);
        let outages = told(&mut events, |kind| {
            matches!(
                kind,
                EventKind::Unresponsive { .. } | EventKind::Died { .. }
            )
        });
        assert_eq!(outages.len(), 1, "reported once: {outages:?}");
        assert_eq!(provider.tally().destroyed, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_sandbox_is_not_idle() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = with_root(&provider, here.path())
        .max_resident(1)
        .idle_timeout(MINUTE)
        .background_limit(MINUTE * 2)
        .eviction(Eviction::LeastRecentlyUsed { idle_for: MINUTE })
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    let sandbox = session.sandbox_id().unwrap();
    provider.pause_by_hand(&sandbox);
    sleep(MINUTE * 10).await;
    let cleaned = manager.cleanup_idle().await;
    assert_eq!(
        (cleaned.unreachable.len(), cleaned.hibernated.len()),
        (1, 0)
    );
    let error = manager.get_or_create("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("it is paused"), "{error}");
    let error = manager.hibernate("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    provider.unpause(&sandbox);
    assert_eq!(session.sandbox_id(), Some(sandbox));
    assert_eq!(manager.cleanup_idle().await.hibernated.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn at_the_ceiling_an_outage_is_reported_after_one_probe() {
    let provider = resting();
    let manager = builder(&provider)
        .max_resident(4)
        .eviction(Eviction::LeastRecentlyUsed {
            idle_for: Duration::ZERO,
        })
        .build()
        .await
        .unwrap();
    for number in 0..4 {
        manager.get_or_create(format!("s{number}")).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    provider.set_away(true);
    provider.faults(|call, _| match call {
        ProviderCall::Liveness => Fault::none().after(MINUTE),
        _ => Fault::none(),
    });
    for _ in 0..6 {
        let began = Instant::now();
        let error = manager.get_or_create("another").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let why = "the sandbox does not answer in time";
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(began.elapsed().as_secs(), 5, "as one probe takes");
    }
    provider.set_away(false);
    provider.faults(|_, _| Fault::none());
    assert!(manager.get_or_create("another").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_paused_sandbox_is_passed_over_from_the_second_request_on() {
    let provider = resting();
    let manager = builder(&provider)
        .max_resident(2)
        .eviction(Eviction::LeastRecentlyUsed {
            idle_for: Duration::ZERO,
        })
        .build()
        .await
        .unwrap();
    let oldest = manager.get_or_create("a").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    manager.get_or_create("b").await.unwrap();
    provider.pause_by_hand(&oldest.sandbox_id().unwrap());
    assert!(manager.get_or_create("c").await.is_err());
    assert!(manager.get_or_create("c").await.is_ok());
    assert_eq!(oldest.info().unwrap().state, SessionState::Live);
    let info = manager.info("b").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Hibernated);
}

#[tokio::test]
async fn a_session_whose_sandbox_was_stopped_by_hand_is_hibernated() {
    for restart in [false, true] {
        let provider = resting();
        let manager = manager(&provider).await;
        let mut events = manager.subscribe();
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        let sandbox = session.sandbox_id().unwrap();
        if restart {
            provider.restart(false);
        } else {
            provider.stop_by_hand(&sandbox);
        }
        let error = session.read("/f").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        settled(&manager).await;
        assert_eq!(session.info().unwrap().state, SessionState::Hibernated);
        assert_eq!(manager.stats().resident, 0, "its slot is free");
        let slept = told(&mut events, |kind| {
            matches!(
                kind,
                EventKind::Hibernated(Cause::Stopped) | EventKind::Died { .. }
            )
        });
        assert_eq!(slept.len(), 1);
        assert!(matches!(
            slept[0].kind,
            EventKind::Hibernated(Cause::Stopped)
        ));
        assert_eq!(session.read("/f").await.unwrap().text, "kept");
        assert_eq!(session.sandbox_id(), Some(sandbox));
        assert_eq!(provider.tally().destroyed, 0);
    }
}

#[tokio::test]
async fn a_sandbox_that_was_restarted_by_hand_keeps_its_slot_until_it_is_suspended() {
    let provider = resting();
    let manager = builder(&provider).max_resident(1).build().await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    let sandbox = session.sandbox_id().unwrap();
    provider.stop_by_hand(&sandbox);
    provider.resume(&sandbox).await.unwrap();
    // The session is connected to the run before.
    assert!(session.read("/f").await.is_err());
    settled(&manager).await;
    assert_eq!((provider.running().len(), manager.stats().resident), (0, 0));
    drop(manager.get_or_create("b").await.unwrap());
    assert_eq!(provider.tally().most_running, 1);
    manager.release("b").await.unwrap();
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    assert_eq!(session.sandbox_id(), Some(sandbox));
}

#[tokio::test(start_paused = true)]
async fn remains_that_cannot_be_removed_are_not_retried_more_often_after_each_request() {
    let (provider, here) = (resting(), tempfile::tempdir().unwrap());
    let open = || with_root(&provider, here.path()).max_resident(1).build();
    let manager = open().await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    let sandbox = session.sandbox_id().unwrap();
    assert!(manager.shutdown().await.failures.is_empty());
    drop((session, manager));
    let manager = open().await.unwrap();
    manager.get_or_create("b").await.unwrap();
    // It is started and killed from outside, and what is left of it cannot be removed.
    provider.resume(&sandbox).await.unwrap();
    provider.kill(&sandbox);
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    provider.faults(move |call, of| {
        if call == ProviderCall::Destroy && *of == sandbox {
            counted.fetch_add(1, Ordering::Relaxed);
            return Fault::fail(broken());
        }
        Fault::none()
    });
    for _ in 0..5 {
        let error = manager.get_or_create("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        sleep(MINUTE).await;
    }
    sleep(MINUTE * 5).await;
    let before = tries.load(Ordering::Relaxed);
    sleep(MINUTE * 10).await;
    let more = tries.load(Ordering::Relaxed) - before;
    assert!((9..=11).contains(&more), "{more} attempts in 10 minutes");
    assert_eq!(manager.stats().orphans, 1);
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_is_gone_when_it_is_to_be_hibernated_died() {
    let provider = resting();
    let manager = builder(&provider)
        .idle_timeout(MINUTE)
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    sleep(MINUTE).await;
    // It is removed after it was found idle.
    let removing = provider.clone();
    provider.faults(move |call, of| {
        if call == ProviderCall::Suspend {
            removing.remove_by_hand(of);
        }
        Fault::none()
    });
    let cleaned = manager.cleanup_idle().await;
    assert_eq!((cleaned.died.len(), cleaned.hibernated.len()), (1, 0));
    assert!(cleaned.failures.is_empty());
    assert_eq!(session.info().unwrap().state, SessionState::Dead);
    manager.get_or_create("b").await.unwrap();
    let error = manager.hibernate("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("files are lost"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_sandbox_needs_no_stopping() {
    let elsewhere = backend_core::SandboxId::parse("elsewhere").unwrap();
    for (stored, rename) in [(false, false), (true, false), (true, true)] {
        let (provider, here) = (resting(), tempfile::tempdir().unwrap());
        let builder = if stored {
            with_root(&provider, here.path())
        } else {
            builder(&provider)
        };
        let manager = builder.max_resident(1).build().await.unwrap();
        let mut events = manager.subscribe();
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        let sandbox = session.sandbox_id().unwrap();
        if rename {
            assert!(provider.rename_by_hand(&sandbox, &elsewhere));
            provider.kill(&elsewhere);
        } else {
            assert!(provider.remove_by_hand(&sandbox));
        }
        // It has not been checked since, and is asked to stop.
        let hibernated = manager.hibernate("a").await;
        assert_eq!(hibernated.is_ok(), stored, "{hibernated:?}");
        settled(&manager).await;
        let stats = manager.stats();
        assert_eq!((stats.stuck, stats.resident), (0, 0));
        let died = told(&mut events, |kind| matches!(kind, EventKind::Died { .. }));
        assert_eq!(died.len(), 1);
        if stored {
            assert_eq!(session.info().unwrap().state, SessionState::Hibernated);
            assert_eq!(session.read("/f").await.unwrap().text, "kept");
        } else {
            assert_eq!(session.info().unwrap().state, SessionState::Dead);
            assert!(
                manager.get_or_create("b").await.is_ok(),
                "there is a free slot"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_stop_is_visible_and_hurried_by_a_request() {
    let provider = resting();
    let manager = builder(&provider)
        .stop_retry(2, Duration::from_secs(1))
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    provider.faults(|call, _| match call {
        ProviderCall::Suspend => Fault::fail(broken()),
        _ => Fault::none(),
    });
    assert!(manager.hibernate("a").await.is_err());
    sleep(MINUTE * 10).await;
    let info = session.info().unwrap();
    assert_eq!(info.state, SessionState::Stuck);
    assert!(info.trouble.unwrap().contains("the engine is broken"));
    let error = session.read("/f").await.unwrap_err();
    assert!(
        error.to_string().contains("the engine is broken"),
        "{error}"
    );
    // The next attempt is up to a minute away, and no caller has to wait for it.
    provider.faults(|_, _| Fault::none());
    let began = Instant::now();
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_sandbox_in_an_unknown_state_is_not_replaced() {
    for stored in [false, true] {
        let (provider, here) = (resting(), tempfile::tempdir().unwrap());
        let builder = if stored {
            with_root(&provider, here.path())
        } else {
            builder(&provider)
        };
        let manager = builder.build().await.unwrap();
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        let sandbox = session.sandbox_id();
        manager.hibernate("a").await.unwrap();
        provider.set_away(true);
        let error = session.read("/f").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(session.info().unwrap().state, SessionState::Hibernated);
        assert_eq!(manager.stats().resident, 0);
        provider.set_away(false);
        assert_eq!(session.read("/f").await.unwrap().text, "kept");
        assert_eq!(session.sandbox_id(), sandbox);
        // Only a sandbox that is gone is given up.
        manager.hibernate("a").await.unwrap();
        provider.remove_by_hand(sandbox.as_ref().unwrap());
        let read = session.read("/f").await;
        if stored {
            assert_eq!(read.unwrap().text, "kept");
        } else {
            assert!(read.is_err());
            assert_eq!(session.info().unwrap().state, SessionState::Dead);
        }
    }
}

#[tokio::test]
async fn a_hibernated_session_accepts_other_variables() {
    for stored in [false, true] {
        let (provider, here) = (resting(), tempfile::tempdir().unwrap());
        let builder = if stored {
            with_root(&provider, here.path())
        } else {
            builder(&provider)
        };
        let manager = builder.build().await.unwrap();
        let token = |value: &str| SessionOptions::new().env("TOKEN", value).env("A", "1");
        let session = manager
            .get_or_create_with("a", &token("old"))
            .await
            .unwrap();
        session.write("/f", "kept").await.unwrap();
        let sandbox = session.sandbox_id();
        manager.hibernate("a").await.unwrap();
        let session = manager
            .get_or_create_with("a", &token("new"))
            .await
            .unwrap();
        assert_eq!(session.sandbox_id(), sandbox, "it was resumed");
        let printed = session.execute("printenv TOKEN").await.unwrap();
        assert_eq!(printed.stdout.to_text(), "new\n");
        let own = ExecRequest::shell("printenv TOKEN").env("TOKEN", "own");
        let printed = session.execute_with(&own).await.unwrap();
        assert_eq!(printed.stdout.to_text(), "own\n");
        // It stays so over the next hibernation.
        manager.hibernate("a").await.unwrap();
        let printed = session.execute("printenv TOKEN").await.unwrap();
        assert_eq!(printed.stdout.to_text(), "new\n");
        let live = manager.get_or_create_with("a", &token("newer")).await;
        assert_eq!(live.unwrap_err().kind(), ErrorKind::InvalidRequest);
        // A variable cannot be removed from a sandbox.
        manager.hibernate("a").await.unwrap();
        let fewer = SessionOptions::new().env("TOKEN", "new");
        let asked = manager.get_or_create_with("a", &fewer).await;
        if stored {
            let session = asked.unwrap();
            assert_ne!(session.sandbox_id(), sandbox, "it was recreated");
            let printed = session.execute("printenv A").await.unwrap();
            assert!(!printed.status.is_success());
            assert_eq!(session.read("/f").await.unwrap().text, "kept");
            assert_eq!(provider.existing().len(), 1);
        } else {
            let error = asked.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(!error.to_string().contains("new\""), "{error}");
            assert_eq!(session.read("/f").await.unwrap().text, "kept");
        }
    }
}

#[tokio::test]
async fn a_slot_is_released_when_a_sandbox_ends_from_outside() {
    let provider = provider();
    let manager = builder(&provider)
        .max_resident(1)
        .eviction(Eviction::LeastRecentlyUsed {
            idle_for: Duration::ZERO,
        })
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    provider.remove_by_hand(&session.sandbox_id().unwrap());
    assert!(!manager.cleanup_idle().await.died.is_empty() || session.read("/f").await.is_err());
    settled(&manager).await;
    assert_eq!(manager.stats().resident, 0);
    assert!(manager.get_or_create("b").await.is_ok());
    assert!(provider.list().await.unwrap().len() == 1);
}
