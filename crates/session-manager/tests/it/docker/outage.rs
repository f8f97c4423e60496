//! An engine that is temporarily unreachable, and containers that are paused by hand: nothing is lost.

use std::time::Duration;

use backend_core::{BackendExt, ErrorKind, Sandbox, SandboxExt};
use sandbox_docker::{DockerProvider, Engine};
use session_manager::{Session, SessionManager, SessionManagerBuilder, SessionState};

use super::relay::{At, Relay};
use super::{Place, engine};

type Manager = SessionManager<DockerProvider>;

/// Far longer than it takes until a retry succeeds.
const SOON: Duration = Duration::from_secs(60);

/// A place behind a relay, or `None` without an engine.
async fn behind() -> Option<(Relay, Place)> {
    engine().await?;
    let relay = Relay::start(At::Port).await?;
    let engine = Engine::connect_to(relay.address()).await.unwrap();
    Some((relay, Place::of(engine)))
}

/// Retries until there is an answer.
async fn read(session: &Session<DockerProvider>) -> String {
    let read = async {
        loop {
            match session.read("thesis").await {
                Ok(page) => return page.text,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, read)
        .await
        .expect("it does not come back")
}

/// Creates a manager that checks its sandboxes each time.
async fn asks(builder: SessionManagerBuilder<DockerProvider>) -> Manager {
    let builder = builder.probe(Duration::ZERO, Duration::from_secs(2));
    builder.build().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_engine_loses_no_session() {
    let Some((relay, place)) = behind().await else {
        return;
    };
    let here = tempfile::tempdir().unwrap();
    let stored = asks(place.stored(here.path()).await).await;
    let alone = asks(place.builder().await).await;
    for manager in [&stored, &alone] {
        let session = manager.get_or_create("u1").await.unwrap();
        session.write("thesis", "months of work").await.unwrap();
        session.write("/tmp/notes", "by the way").await.unwrap();
        session.spawn("sleep 600").await.unwrap();
        let other = manager.get_or_create("u2").await.unwrap();
        other.write("thesis", "other work").await.unwrap();
        let sandboxes = [&session, &other].map(|s| s.sandbox_id().unwrap());
        let before = sandboxes.clone().map(|id| place.key(&id));
        for outage in ["refuses", "stalls", "cut"] {
            match outage {
                "refuses" => relay.refuse().await,
                "stalls" => {
                    relay.cut().await;
                    relay.stall(true);
                }
                _ => relay.cut().await,
            }
            if outage != "cut" {
                let read = tokio::time::timeout(SOON, session.read("thesis")).await;
                let error = read.expect("it hangs").unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            }
            for _ in 0..2 {
                let cleaned = manager.cleanup_idle().await;
                assert!(cleaned.died.is_empty(), "{outage}: {cleaned:?}");
                assert!(cleaned.hibernated.is_empty(), "{outage}: {cleaned:?}");
                assert!(cleaned.released.is_empty(), "{outage}: {cleaned:?}");
            }
            relay.stall(false);
            relay.accept().await;
            assert_eq!(read(&session).await, "months of work", "{outage}");
            assert_eq!(read(&other).await, "other work", "{outage}");
            let notes = session.read("/tmp/notes").await.unwrap();
            assert_eq!(notes.text, "by the way");
            let processes = session.processes().await.unwrap();
            assert!(processes.iter().any(|process| process.status.is_none()));
            let after = [&session, &other].map(|s| s.sandbox_id().unwrap());
            assert_eq!(after, sandboxes, "{outage}");
            assert_eq!(after.map(|id| place.key(&id)), before, "{outage}");
        }
        assert_eq!(manager.stats().deaths, 0);
        assert_eq!(manager.stats().resident, 2);
    }
    for manager in [&stored, &alone] {
        for id in ["u1", "u2"] {
            manager.purge(id).await.unwrap();
        }
        assert!(manager.shutdown().await.failures.is_empty());
    }
    assert_eq!(place.containers(true).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_during_an_outage_is_completed_by_the_next_request() {
    let Some((relay, place)) = behind().await else {
        return;
    };
    let builder = place.builder().await.max_resident(1);
    let builder = builder.stop_retry(1, Duration::from_secs(600));
    let manager = builder.build().await.unwrap();
    let session = manager.get_or_create("u1").await.unwrap();
    session.write("thesis", "months of work").await.unwrap();
    let before = place.key(&session.sandbox_id().unwrap());
    let works = manager.hibernate("u1");
    relay.refuse().await;
    // Whether the stop succeeded or not, the session is there afterwards.
    let _ = works.await;
    let _ = manager.hibernate("u1").await;
    relay.accept().await;
    assert_eq!(read(&session).await, "months of work");
    assert_eq!(place.key(&session.sandbox_id().unwrap()), before);
    manager.purge("u1").await.unwrap();
    let next = manager.get_or_create("u2").await;
    assert!(next.is_ok(), "the slot is not released: {next:?}");
    assert!(manager.shutdown().await.failures.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_paused_by_hand_continues_after_unpausing() {
    let Some((relay, place)) = behind().await else {
        return;
    };
    let here = tempfile::tempdir().unwrap();
    let stored = asks(place.stored(here.path()).await).await;
    let alone = asks(place.builder().await).await;
    for manager in [&stored, &alone] {
        let session = manager.get_or_create("u1").await.unwrap();
        session.write("thesis", "months of work").await.unwrap();
        let key = place.key(&session.sandbox_id().unwrap());
        place.docker(&["pause", &key]);
        // Like the expiry of a silent connection.
        relay.cut().await;
        for _ in 0..2 {
            let error = session.read("thesis").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            let cleaned = manager.cleanup_idle().await;
            assert!(cleaned.died.is_empty(), "{cleaned:?}");
            assert_eq!(session.info().unwrap().state, SessionState::Live);
        }
        let error = session.read("thesis").await.unwrap_err();
        assert!(error.to_string().contains("paused"), "{error}");
        assert!(session.liveness().await.is_unknown());
        place.docker(&["unpause", &key]);
        assert_eq!(read(&session).await, "months of work");
        assert_eq!(place.key(&session.sandbox_id().unwrap()), key);
        manager.purge("u1").await.unwrap();
        assert!(manager.shutdown().await.failures.is_empty());
    }
}
