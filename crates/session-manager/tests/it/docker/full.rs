//! The disk of the engine is full.

use backend_core::{BackendExt, ErrorKind, Sandbox};

use super::Place;
use super::dockerd::Dockerd;

const DISK: u64 = 192 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_engine_refuses_new_data_and_keeps_existing_data() {
    let Some((dockerd, engine)) = Dockerd::start_on(&[], Some(DISK)).await else {
        return;
    };
    dockerd.import_empty();
    let place = Place::alone(engine, &dockerd);
    let here = tempfile::tempdir().unwrap();
    let stored = place.stored(here.path()).await.build().await.unwrap();
    let alone = place.builder().await.build().await.unwrap();
    for manager in [&stored, &alone] {
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/data/f", "kept").await.unwrap();
        let asleep = manager.get_or_create("b").await.unwrap();
        asleep.write("/data/f", "asleep").await.unwrap();
        manager.hibernate("b").await.unwrap();
        let sandbox = session.sandbox_id().unwrap();
        let key = place.key(&sandbox);

        dockerd.disk().fill();
        let error = manager.get_or_create("new").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let directory = dockerd.directory().to_str().unwrap();
        assert!(!error.to_string().contains(directory), "{error}");
        let large = "x".repeat(1 << 20);
        let error = session.write("/data/g", large).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        // Existing data is readable, and nothing ends.
        assert_eq!(session.read("/data/f").await.unwrap().text, "kept");
        assert!(session.liveness().await.is_alive());
        let cleaned = manager.cleanup_idle().await;
        assert!(cleaned.died.is_empty(), "{cleaned:?}");
        // It may resume or not, but it is not replaced by an empty one.
        match asleep.read("/data/f").await {
            Ok(page) => assert_eq!(page.text, "asleep"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }

        dockerd.disk().empty();
        assert_eq!(session.read("/data/f").await.unwrap().text, "kept");
        session.write("/data/g", "more").await.unwrap();
        assert_eq!(place.key(&session.sandbox_id().unwrap()), key);
        assert_eq!(asleep.read("/data/f").await.unwrap().text, "asleep");
        let new = manager.get_or_create("new").await.unwrap();
        new.write("/data/f", "new").await.unwrap();
        assert_eq!(manager.stats().deaths, 0);
        for id in ["a", "b", "new"] {
            manager.purge(id).await.unwrap();
        }
        assert_eq!(manager.stats().resident, 0);
    }
    assert_eq!(place.containers(true).len(), 0);
    for manager in [&stored, &alone] {
        assert!(manager.shutdown().await.failures.is_empty());
    }
}
