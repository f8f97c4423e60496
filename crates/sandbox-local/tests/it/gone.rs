//! A sandbox that was stopped answers `unavailable`, at once and for good, to everything.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, OutputRequest, ReadRequest, Result, Sandbox,
    Signal, StdinRequest, TerminalSize, VirtualPath, WriteRequest,
};

use crate::support::{await_file, sandbox};

#[track_caller]
fn gone<T: std::fmt::Debug>(result: Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn everything_is_unavailable_after_a_stop() {
    let (sandbox, _dir) = sandbox();
    sandbox.write("/f", "x").await.unwrap();
    let process = sandbox
        .spawn_with(&ExecRequest::shell("sleep 1000"))
        .await
        .unwrap()
        .id;
    assert!(sandbox.is_alive().await);
    sandbox.stop().await.unwrap();
    sandbox.stop().await.unwrap();
    assert!(!sandbox.is_alive().await);
    gone(sandbox.execute_with(&ExecRequest::shell("true")).await);
    gone(sandbox.spawn_with(&ExecRequest::shell("true")).await);
    gone(sandbox.processes().await);
    gone(
        sandbox
            .read_output(&OutputRequest::new(process.clone()))
            .await,
    );
    gone(
        sandbox
            .write_stdin(&StdinRequest::close(process.clone()))
            .await,
    );
    gone(sandbox.signal(&process, Signal::Kill).await);
    gone(
        sandbox
            .resize(
                &process,
                TerminalSize {
                    rows: 1,
                    columns: 1,
                },
            )
            .await,
    );
    gone(sandbox.read("/f").await);
    gone(sandbox.read_bytes("/f").await);
    gone(sandbox.write("/f", "y").await);
    gone(sandbox.edit("/f", "x", "y").await);
    gone(sandbox.ls("/").await);
    gone(sandbox.stat("/").await);
    gone(sandbox.mkdir("/d").await);
    gone(sandbox.glob("*").await);
    gone(sandbox.grep("x").await);
    gone(sandbox.rename("/f", "/g").await);
    gone(sandbox.delete("/f").await);
    let path = VirtualPath::parse("/f").unwrap();
    for outcome in sandbox
        .read_many_with(&[ReadRequest::new(path.clone())])
        .await
    {
        gone(outcome);
    }
    for outcome in sandbox
        .write_many_with(&[WriteRequest::new(path, "y")])
        .await
    {
        gone(outcome);
    }
    assert_eq!(sandbox.backend().read("/f").await.unwrap().text, "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_wait_are_unavailable_when_it_stops() {
    let (sandbox, dir) = sandbox();
    let sandbox = Arc::new(sandbox);
    let running = tokio::spawn({
        let sandbox = Arc::clone(&sandbox);
        async move {
            let line = "touch up; sleep 1000; exit 0";
            sandbox.execute_with(&ExecRequest::shell(line)).await
        }
    });
    let process = sandbox
        .spawn_with(&ExecRequest::shell("sleep 1000"))
        .await
        .unwrap()
        .id;
    let reading = tokio::spawn({
        let sandbox = Arc::clone(&sandbox);
        let request = OutputRequest::new(process.clone()).wait(Duration::from_secs(1000));
        async move { sandbox.read_output(&request).await }
    });
    let writing = tokio::spawn({
        let sandbox = Arc::clone(&sandbox);
        let request = StdinRequest::write(process, vec![0; 10_000_000]);
        async move { sandbox.write_stdin(&request).await }
    });
    await_file(&dir.path().join("up"));
    sandbox.stop().await.unwrap();
    gone(running.await.unwrap());
    gone(reading.await.unwrap());
    gone(writing.await.unwrap());
}
