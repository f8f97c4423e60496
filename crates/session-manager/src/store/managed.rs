//! A manager over a store that is not a directory, with its files in volumes.

use std::sync::Arc;

use backend_conformance::FakeProvider;
use backend_core::{BackendExt, ErrorKind, ProviderFeatures, Workspace};
use backend_state::StateBackend;

use super::memory::MemoryStore;
use crate::{SessionManager, SessionManagerBuilder};

type Provider = FakeProvider<StateBackend>;

fn provider() -> Provider {
    let mut features = ProviderFeatures::none();
    features.volumes = true;
    FakeProvider::new(|_| Ok(StateBackend::new())).with_features(features)
}

fn builder(provider: &Provider, store: &MemoryStore) -> SessionManagerBuilder<Provider> {
    SessionManager::builder(provider.clone())
        .cleanup_interval(None)
        .files(|_| panic!("a volume is not a directory"))
        .stored_in(Arc::new(store.clone()))
}

#[tokio::test]
async fn files_in_a_volume_outlive_the_sandbox_and_the_manager() {
    let (provider, store) = (provider(), MemoryStore::default());
    for (number, text) in ["first", "second", "third"].into_iter().enumerate() {
        let manager = builder(&provider, &store).build().await.unwrap();
        assert_eq!(manager.recovered().stored, number.min(1));
        let session = manager.get_or_create("a").await.unwrap();
        let spec = provider.spec(&session.sandbox_id().unwrap()).unwrap();
        assert!(matches!(spec.workspace, Some(Workspace::Volume(_))));
        if number > 0 {
            assert!(session.read("/f").await.unwrap().text.ends_with("kept"));
        }
        session.write("/f", &format!("{text}, kept")).await.unwrap();
        manager.hibernate("a").await.unwrap();
        assert_eq!(
            session.read("/f").await.unwrap().text,
            format!("{text}, kept")
        );
        let error = manager.files("a").await.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(manager.shutdown().await.failures.is_empty());
    }
    let manager = builder(&provider, &store).build().await.unwrap();
    manager.purge("a").await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    assert!(session.read("/f").await.is_err(), "a new volume");
    assert_eq!(provider.tally().shared_workspaces, 0);
}

#[tokio::test]
async fn a_sandbox_of_the_pool_brings_its_volume() {
    let (provider, store) = (provider(), MemoryStore::default());
    let manager = builder(&provider, &store).warm(None, 1).build().await;
    let manager = manager.unwrap();
    while manager.stats().warm == 0 {
        tokio::task::yield_now().await;
    }
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    manager.hibernate("a").await.unwrap();
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    manager.shutdown().await;
}

#[tokio::test]
async fn a_manager_that_was_replaced_makes_nothing() {
    let (provider, store) = (provider(), MemoryStore::default());
    let first = builder(&provider, &store).build().await.unwrap();
    first.get_or_create("a").await.unwrap();
    let error = builder(&provider, &store).build().await.map(drop);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
    store.lose();
    let second = builder(&provider, &store).build().await.unwrap();
    let made = provider.tally().created;
    let error = first.get_or_create("b").await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("taken over"), "{error}");
    assert!(first.purge("a").await.is_err());
    assert_eq!(provider.tally().created, made);
    assert!(second.info("a").await.unwrap().is_some());
    second.get_or_create("b").await.unwrap();
}
