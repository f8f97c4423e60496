//! Messages that do not fit are refused with the limit, and the connection survives.

use std::sync::Arc;

use backend_core::wire::{Limits, Options, Remote};
use backend_core::{
    Backend, BackendExt, EditRequest, Error, ErrorKind, ExecRequest, GlobRequest, LsRequest,
    ReadBytesRequest, ReadRequest, Sandbox, SandboxExt, StdinRequest, VirtualPath,
};

use super::{Fake, connected_to, soon};

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

async fn small() -> (Remote, Arc<Fake>) {
    let limits = Limits::default()
        .message(16 << 10)
        .body(100_000)
        .elements(1000)
        .in_flight(2);
    let fake = Arc::new(Fake::new());
    let options = Options::default().limits(limits);
    let remote = connected_to(Arc::clone(&fake), 64 << 10, &options).await;
    (remote, fake)
}

#[tokio::test]
async fn a_write_that_is_too_large_reports_the_limit() {
    let (remote, _fake) = small().await;
    match remote.write("/a", vec![0; 100_001]).await.unwrap_err() {
        Error::TooLarge { path, size, limit } => {
            assert_eq!((path.as_str(), size, limit), ("/a", 100_001, 100_000));
        }
        other => panic!("{other:?}"),
    }
    remote.write("/a", vec![0; 100_000]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_too_large_can_be_read_in_ranges() {
    let (remote, fake) = small().await;
    fake.write("/a", vec![1; 250_000]).await.unwrap();
    match remote.read_bytes("/a").await.unwrap_err() {
        Error::TooLarge { size, limit, .. } => assert_eq!((size, limit), (250_000, 100_000)),
        other => panic!("{other:?}"),
    }
    let range = ReadBytesRequest::new(path("/a")).range(150_000..250_000);
    assert_eq!(
        remote.read_bytes_with(&range).await.unwrap().bytes.len(),
        100_000
    );
}

#[tokio::test]
async fn a_page_that_is_too_long_ends_earlier_and_can_be_continued() {
    let (remote, fake) = small().await;
    let text: String = (0..3000).map(|n| format!("this is line {n}\n")).collect();
    fake.write("/a", text.clone()).await.unwrap();
    let mut request = ReadRequest::new(path("/a"))
        .limit(usize::MAX)
        .page_bytes(usize::MAX);
    let mut read = String::new();
    loop {
        let page = remote.read_with(&request).await.unwrap();
        read.push_str(&page.text);
        match page.next_offset {
            Some(next) => request.offset = next,
            None => break,
        }
    }
    assert_eq!(read, text);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused_with_advice() {
    let (remote, fake) = small().await;
    for n in 0..200 {
        fake.write(format!("/file-number-{n}"), "x").await.unwrap();
    }
    let error = remote
        .ls_with(&LsRequest::new(path("/")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error
            .to_string()
            .ends_with("at most 16384 can be sent: ask for less at once"),
        "{error}"
    );
    let glob = GlobRequest::new("*").limit(20);
    assert_eq!(remote.glob_with(&glob).await.unwrap().items.len(), 20);
}

#[tokio::test]
async fn requests_that_are_too_long_are_not_sent() {
    let (remote, _fake) = small().await;
    let process = remote.spawn("p").await.unwrap().id;
    let edit = EditRequest::new(path("/a"), "x".repeat(20_000), "y");
    let errors = [
        remote.edit_with(&edit).await.unwrap_err(),
        remote.execute("x".repeat(20_000)).await.unwrap_err(),
        remote
            .execute_with(&ExecRequest::shell("cat").stdin(vec![0; 100_001]))
            .await
            .unwrap_err(),
        remote
            .execute_with(&ExecRequest::argv(vec![""; 2000]))
            .await
            .unwrap_err(),
        remote
            .write_stdin(&StdinRequest::write(process, vec![0; 100_001]))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().ends_with("send less at once"), "{error}");
    }
    assert!(remote.liveness().await.is_alive());
}

#[tokio::test]
async fn output_is_kept_up_to_the_limit() {
    let (remote, _fake) = small().await;
    let request = ExecRequest::shell("bytes 300000").output_bytes(usize::MAX);
    let output = remote.execute_with(&request).await.unwrap();
    assert_eq!(output.stdout.total(), 300_000);
    assert_eq!(output.stdout.head.len() + output.stdout.tail.len(), 50_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_the_limit_wait_for_a_slot() {
    let (remote, _fake) = small().await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.execute(format!("echo {n}")).await.unwrap() })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(soon(task).await.unwrap().stdout.head, format!("{n}\n"));
    }
}

#[tokio::test]
async fn a_liveness_check_does_not_wait_behind_commands() {
    let (remote, fake) = small().await;
    let busy = tokio::spawn({
        let remote = remote.clone();
        async move { remote.execute("forever").await }
    });
    soon(fake.running(1)).await;
    // All slots for ordinary calls are taken now.
    assert!(soon(remote.liveness()).await.is_alive());
    assert!(soon(remote.processes()).await.unwrap().is_empty());
    busy.abort();
}

#[tokio::test]
async fn limits_that_are_too_low_are_raised_until_a_connection_works() {
    let limits = Limits::default()
        .frame(0)
        .message(0)
        .elements(0)
        .body(0)
        .buffered(0)
        .window(0);
    let options = Options::default().limits(limits.in_flight(0));
    let remote = connected_to(Arc::new(Fake::new()), 100, &options).await;
    assert!(soon(remote.stat("/")).await.is_ok());
    assert_eq!(
        soon(remote.write("/a", "x")).await.unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    assert!(soon(remote.write("/a", "")).await.is_ok());
}
