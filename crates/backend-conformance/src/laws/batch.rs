//! Laws about several requests in one call.

use backend_core::{Backend, Error, ErrorKind, ReadRequest, Result, WriteMode, WriteRequest};

use crate::Workspace;
use crate::workspace::p;

#[doc(hidden)]
#[macro_export]
macro_rules! __batch_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args batch;
            Q1 a_batch_has_an_outcome_for_each_request
                "`read_many` and `write_many` answer each request, in order; an empty batch has no outcomes.";
            Q2 one_failure_does_not_stop_the_others
                "A request that fails has its own error, and those before and after it are done.";
            Q3 a_batch_of_writes_is_done_in_order
                "Of two writes to one file in a batch, the later one is there afterwards.";
            Q4 a_batch_answers_as_single_requests_do
                "Each outcome of a `read_many` is that of the same `read`.";
        }
    };
}

crate::__batch_laws! { registry_of_area [Files] }

fn kind_of<T>(outcome: &Result<T>) -> Option<ErrorKind> {
    outcome.as_ref().err().map(Error::kind)
}

async fn a_batch_has_an_outcome_for_each_request(ws: &Workspace) {
    assert!(ws.read_many_with(&[]).await.is_empty());
    assert!(ws.write_many_with(&[]).await.is_empty());
    let names: Vec<String> = (0..50).rev().map(|n| format!("/{n}")).collect();
    let writes: Vec<WriteRequest> = names
        .iter()
        .map(|name| WriteRequest::new(p(name), name.clone()))
        .collect();
    for (outcome, name) in ws.write_many_with(&writes).await.into_iter().zip(&names) {
        assert_eq!(outcome.unwrap().size, name.len() as u64);
    }
    let reads: Vec<ReadRequest> = names.iter().map(|name| ReadRequest::new(p(name))).collect();
    for (outcome, name) in ws.read_many_with(&reads).await.into_iter().zip(&names) {
        assert_eq!(outcome.unwrap().text, *name);
    }
}

async fn one_failure_does_not_stop_the_others(ws: &Workspace) {
    ws.make("/d").await;
    let writes = ["/a", "/d", "/a/x", "/b"].map(|path| WriteRequest::new(p(path), "x"));
    let outcomes = ws.write_many_with(&writes).await;
    let kinds: Vec<Option<ErrorKind>> = outcomes.iter().map(kind_of).collect();
    assert_eq!(
        kinds,
        [
            None,
            Some(ErrorKind::IsADirectory),
            Some(ErrorKind::NotADirectory),
            None
        ]
    );
    let reads = ["/a", "/missing", "/d", "/b"].map(|path| ReadRequest::new(p(path)));
    let outcomes = ws.read_many_with(&reads).await;
    let kinds: Vec<Option<ErrorKind>> = outcomes.iter().map(kind_of).collect();
    assert_eq!(
        kinds,
        [
            None,
            Some(ErrorKind::NotFound),
            Some(ErrorKind::IsADirectory),
            None
        ]
    );
}

async fn a_batch_of_writes_is_done_in_order(ws: &Workspace) {
    let writes = [
        WriteRequest::new(p("/f"), "one").mode(WriteMode::CreateNew),
        WriteRequest::new(p("/f"), "two"),
        WriteRequest::new(p("/f"), "three").mode(WriteMode::CreateNew),
        WriteRequest::new(p("/f"), "four"),
    ];
    let outcomes = ws.write_many_with(&writes).await;
    let kinds: Vec<Option<ErrorKind>> = outcomes.iter().map(kind_of).collect();
    assert_eq!(kinds, [None, None, Some(ErrorKind::AlreadyExists), None]);
    assert_eq!(ws.text("/f").await, "four");
    assert_eq!(
        outcomes[3].as_ref().unwrap().version,
        ws.version("/f").await
    );
}

async fn a_batch_answers_as_single_requests_do(ws: &Workspace) {
    ws.tree(&[("/a", "1\n2\n3\n"), ("/b", "\u{feff}x"), ("/c", "\0")])
        .await;
    let reads = [
        ReadRequest::new(p("/a")).offset(1).limit(1),
        ReadRequest::new(p("/b")),
        ReadRequest::new(p("/c")),
        ReadRequest::new(p("/a")).offset(9),
        ReadRequest::new(p("/missing")),
    ];
    let outcomes = ws.read_many_with(&reads).await;
    for (request, outcome) in reads.iter().zip(outcomes) {
        match (ws.read_with(request).await, outcome) {
            (Ok(single), Ok(page)) => assert_eq!(single, page),
            (Err(single), Err(error)) => assert_eq!(single.to_string(), error.to_string()),
            (single, outcome) => panic!("{request:?}: {single:?} and {outcome:?}"),
        }
    }
}
