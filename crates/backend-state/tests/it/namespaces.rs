//! Stores by name.

use std::thread;

use backend_core::{BackendExt, ErrorKind};
use backend_state::{StateBackend, StateNamespaces};

#[tokio::test]
async fn a_name_is_one_store() {
    let namespaces = StateNamespaces::new();
    assert!(namespaces.get("a").is_none());
    let store = namespaces.get_or_create("a");
    store.write("/x", "x").await.unwrap();
    assert!(namespaces.get_or_create("a").exists("/x").await.unwrap());
    assert!(!namespaces.get_or_create("b").exists("/x").await.unwrap());
    let other = namespaces.clone();
    assert!(other.get("a").unwrap().exists("/x").await.unwrap());
}

#[tokio::test]
async fn names_are_listed_in_order_and_removed() {
    let namespaces = StateNamespaces::new();
    for name in ["b", "../a", "", "ä", "a"] {
        namespaces.get_or_create(name);
    }
    assert_eq!(namespaces.list(), ["", "../a", "a", "b", "ä"]);
    let removed = namespaces.remove("a").unwrap();
    removed.write("/still", "here").await.unwrap();
    assert!(namespaces.remove("a").is_none());
    assert!(
        !namespaces
            .get_or_create("a")
            .exists("/still")
            .await
            .unwrap()
    );
    assert!(namespaces.insert("a", removed).is_some());
    assert!(namespaces.get("a").unwrap().exists("/still").await.unwrap());
}

#[tokio::test]
async fn new_stores_have_the_limits_of_the_template() {
    let namespaces = StateNamespaces::with_template(StateBackend::builder().max_bytes(3));
    let error = namespaces
        .get_or_create("a")
        .write("/x", "1234")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    namespaces
        .get_or_create("b")
        .write("/x", "123")
        .await
        .unwrap();
}

#[test]
fn all_threads_get_the_same_store() {
    let namespaces = StateNamespaces::new();
    thread::scope(|scope| {
        for number in 0..8 {
            let namespaces = &namespaces;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                for name in ["a", "b", "c"] {
                    let store = namespaces.get_or_create(name);
                    let path = format!("/{number}");
                    runtime.block_on(store.write(path.as_str(), "x")).unwrap();
                }
            });
        }
    });
    for name in ["a", "b", "c"] {
        assert_eq!(namespaces.get_or_create(name).usage().files, 8, "{name}");
    }
}
