//! Batches: one for each backend, outcomes in the order of the requests.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{Backend, ErrorKind, ReadRequest, WriteRequest};
use backend_state::StateBackend;

use crate::fakes::{Rigged, gone};
use crate::support::{composite, p, refused, store, text};

#[tokio::test]
async fn reads_of_several_backends_come_in_their_order() {
    let ws = composite(
        &store(&["/a", "/b"]).await,
        &[
            ("/m", &store(&["/x"]).await),
            ("/v/n", &store(&["/y"]).await),
        ],
    );
    let paths = ["/v/n/y", "/a", "/m/no", "/m/x", "/v", "/b", "/m", "/a"];
    let requests: Vec<_> = paths.iter().map(|path| ReadRequest::new(p(path))).collect();
    let outcomes = ws.read_many_with(&requests).await;
    assert_eq!(outcomes.len(), paths.len());
    for (path, outcome) in paths.into_iter().zip(outcomes) {
        match path {
            "/m/no" => drop(refused(outcome, ErrorKind::NotFound, path)),
            "/m" | "/v" => drop(refused(outcome, ErrorKind::IsADirectory, path)),
            _ => assert_eq!(outcome.unwrap().path, path),
        }
    }
    assert!(ws.read_many_with(&[]).await.is_empty());
}

#[tokio::test]
async fn writes_to_one_file_happen_in_order() {
    let (default, inner) = (StateBackend::new(), StateBackend::new());
    let ws = composite(&default, &[("/m/n", &inner)]);
    let writes = [
        ("/f", "1"),
        ("/m/n/f", "1"),
        ("/m", "x"),
        ("/m/n/f", "2"),
        ("/f", "2"),
        ("/f/g", ""),
    ];
    let requests: Vec<_> = writes
        .iter()
        .map(|(path, content)| WriteRequest::new(p(path), *content))
        .collect();
    let outcomes = ws.write_many_with(&requests).await;
    let created: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().map(|w| w.created).ok())
        .collect();
    assert_eq!(
        created,
        [Some(true), Some(true), None, Some(false), Some(false), None]
    );
    assert_eq!(
        (text(&default, "/f").await, text(&inner, "/f").await),
        ("2".into(), "2".into())
    );
}

#[tokio::test]
async fn a_missing_outcome_of_a_backend_is_an_error_and_shifts_no_other() {
    let rigged = Rigged::new(store(&["/x", "/y"]).await, |operation, _| {
        (operation == "forget").then(gone)
    });
    let ws = CompositeBackend::builder(Arc::new(store(&["/a"]).await))
        .mount("/m", Arc::new(rigged))
        .build()
        .unwrap();
    let paths = ["/m/x", "/m/y", "/a"];
    let requests: Vec<_> = paths.iter().map(|path| ReadRequest::new(p(path))).collect();
    let outcomes = ws.read_many_with(&requests).await;
    assert_eq!(outcomes[0].as_ref().unwrap().path, "/m/x");
    assert_eq!(
        outcomes[1].as_ref().unwrap_err().kind(),
        ErrorKind::Internal
    );
    assert_eq!(outcomes[2].as_ref().unwrap().path, "/a");
}
