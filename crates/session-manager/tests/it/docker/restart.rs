//! An engine that is restarted or killed, with its containers left running or not.

use std::time::Duration;

use backend_core::{BackendExt, ErrorKind};
use session_manager::Session;

use super::Place;
use super::dockerd::Dockerd;

const SOON: Duration = Duration::from_secs(60);

async fn read(session: &Session<sandbox_docker::DockerProvider>, path: &str) -> String {
    let read = async {
        loop {
            match session.read(path).await {
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

async fn survives_restarts(options: &[&str], live: bool) {
    let Some((mut dockerd, engine)) = Dockerd::start(options).await else {
        return;
    };
    dockerd.import_empty();
    let place = Place::alone(engine, &dockerd);
    let here = tempfile::tempdir().unwrap();
    let probe = |builder: session_manager::SessionManagerBuilder<_>| {
        builder.probe(Duration::ZERO, Duration::from_secs(2))
    };
    let stored = probe(place.stored(here.path()).await)
        .build()
        .await
        .unwrap();
    let alone = probe(place.builder().await).build().await.unwrap();
    let mut sessions = Vec::new();
    for manager in [&stored, &alone] {
        let session = manager.get_or_create("a").await.unwrap();
        session.write("f", "kept").await.unwrap();
        // Outside the work directory, and so only in the container.
        session.write("/tmp/g", "too").await.unwrap();
        let asleep = manager.get_or_create("b").await.unwrap();
        asleep.write("/tmp/g", "asleep").await.unwrap();
        let key = place.key(&asleep.sandbox_id().unwrap());
        manager.hibernate("b").await.unwrap();
        sessions.push((asleep, key, "asleep"));
        let key = place.key(&session.sandbox_id().unwrap());
        sessions.push((session, key, "too"));
    }
    let started = |key: &str| dockerd_started(&place, key);
    for deed in ["stop", "kill"] {
        let before: Vec<_> = sessions.iter().map(|(_, key, _)| started(key)).collect();
        match deed {
            "stop" => dockerd.stop(),
            _ => dockerd.kill(),
        }
        for (session, ..) in &sessions {
            let error = session.read("/tmp/g").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{deed}: {error}");
        }
        for manager in [&stored, &alone] {
            let cleaned = manager.cleanup_idle().await;
            assert!(cleaned.died.is_empty(), "{deed}: {cleaned:?}");
        }
        dockerd.start_again().await;
        for (number, (session, key, text)) in sessions.iter().enumerate() {
            assert_eq!(read(session, "/tmp/g").await, *text, "{deed}");
            assert_eq!(place.key(&session.sandbox_id().unwrap()), *key, "{deed}");
            // Running containers continue if the engine supports it.
            if live && *text == "too" {
                assert_eq!(started(key), before[number], "{deed}");
            }
        }
    }
    for manager in [&stored, &alone] {
        assert_eq!(manager.stats().deaths, 0);
        assert_eq!(manager.stats().resident, 2);
    }
    assert_eq!(place.containers(true).len(), 4);
    for manager in [&stored, &alone] {
        for id in ["a", "b"] {
            manager.purge(id).await.unwrap();
        }
        assert!(manager.shutdown().await.failures.is_empty());
    }
    assert_eq!(place.containers(true).len(), 0);
}

fn dockerd_started(place: &Place, key: &str) -> String {
    place.docker(&["inspect", "-f", "{{.State.StartedAt}}", key])
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_resume_in_the_same_containers_when_the_engine_was_restarted() {
    survives_restarts(&[], false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_continue_when_the_engine_was_restarted_and_left_the_containers_running() {
    survives_restarts(&["--live-restore"], true).await;
}
