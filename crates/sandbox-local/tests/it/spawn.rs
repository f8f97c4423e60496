//! Processes: which are remembered, and by what ids. The laws cover the rest.

use std::time::Duration;

use backend_core::{ErrorKind, ExecRequest, ExecStatus, OutputRequest, ProcessId, Sandbox, Signal};

use crate::support::{mark, marked, marked_processes, sandbox};

/// Waits for the end of a process that prints nothing.
async fn ended(sandbox: &dyn Sandbox, id: &ProcessId) -> ExecStatus {
    let request = OutputRequest::new(id.clone()).wait(Duration::from_secs(100));
    let output = sandbox.read_output(&request).await.unwrap();
    output.status.unwrap()
}

async fn spawn(sandbox: &dyn Sandbox, line: &str) -> ProcessId {
    sandbox
        .spawn_with(&ExecRequest::shell(line))
        .await
        .unwrap()
        .id
}

#[tokio::test]
async fn processes_that_ended_long_ago_are_forgotten() {
    let (sandbox, _dir) = sandbox();
    let old = spawn(&sandbox, "sleep 1000").await;
    let mut ids = Vec::new();
    for _ in 0..270 {
        let id = sandbox
            .spawn_with(&ExecRequest::argv(["true"]))
            .await
            .unwrap()
            .id;
        ended(&sandbox, &id).await;
        ids.push(id);
    }
    let list = sandbox.processes().await.unwrap();
    // The running one, the 256 newest that had ended when the last one was added, and that last
    // one.
    assert_eq!(list.len(), 258);
    assert_eq!(list[0].id, old);
    let error = sandbox
        .read_output(&OutputRequest::new(ids[0].clone()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn text_that_only_resembles_an_id_is_not_one() {
    let (sandbox, _dir) = sandbox();
    let known = spawn(&sandbox, "sleep 1000").await;
    for text in ["p", "p0", "p99", "1", "p1 ", "p01", "p+1", "P1"] {
        let id = ProcessId::new(text);
        assert_ne!(id, known);
        let error = sandbox.signal(&id, Signal::Kill).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{text}");
    }
}

#[tokio::test]
async fn a_missing_program_has_ended_at_once() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::argv(["no-such-program"]);
    let process = sandbox.spawn_with(&request).await.unwrap();
    assert_eq!(process.status, Some(ExecStatus::Exited(127)));
}

#[tokio::test]
async fn descendants_of_an_ended_process_can_still_be_killed() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    let request = marked("setsid sleep 1000 & exit 0", &mark);
    let id = sandbox.spawn_with(&request).await.unwrap().id;
    assert_eq!(ended(&sandbox, &id).await, ExecStatus::Exited(0));
    assert_eq!(marked_processes(&mark).len(), 1);
    sandbox.signal(&id, Signal::Kill).await.unwrap();
    assert_eq!(marked_processes(&mark), Vec::<String>::new());
}
