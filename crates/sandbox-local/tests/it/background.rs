//! What a command leaves running: it does not hold up the reply, and lives on until the sandbox ends.

use std::fs;

use backend_core::{ExecRequest, ExecStatus, Sandbox};

use crate::support::{eventually, mark, marked, marked_processes, no_survivors, sandbox};

#[tokio::test]
async fn a_background_child_does_not_hold_up_the_reply_and_lives_on() {
    let (sandbox, _dir) = sandbox();
    for line in [
        "sleep 1000 & echo started",
        "nohup sleep 1000 > log 2>&1 & echo started",
        "setsid sleep 1000 & echo started",
        "(sleep 1000 &); echo started",
    ] {
        let mark = mark();
        // Without a timeout: it returns, or the test never ends.
        let request = marked(line, &mark).timeout(None);
        let output = sandbox.execute_with(&request).await.unwrap();
        assert_eq!(output.status, ExecStatus::Exited(0), "{line}");
        assert_eq!(output.stdout.to_text(), "started\n");
        assert!(!marked_processes(&mark).is_empty(), "{line}: it lives on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_child_that_goes_on_printing_does_not_hold_up_the_reply_and_lives_on() {
    let (sandbox, dir) = sandbox();
    let mark = mark();
    let line =
        "(i=0; while :; do i=$((i + 1)); printf %01000d $i; echo $i > count; done) & echo started";
    let request = marked(line, &mark).timeout(None);
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(0));
    assert!(output.stdout.to_text().contains("started\n"));
    // It prints into nothing, more than a pipe holds, and is neither stopped nor killed by that.
    let count = || -> u64 {
        let text = fs::read_to_string(dir.path().join("count")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    };
    let seen = count();
    eventually("it goes on", || count() > seen + 1_000);
    drop(sandbox);
    no_survivors(&mark);
}

#[tokio::test]
async fn a_stop_ends_what_lives_in_the_background() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    for _ in 0..5 {
        let line = "setsid sleep 1000 & (trap '' TERM; sleep 1000) & true";
        sandbox.execute_with(&marked(line, &mark)).await.unwrap();
    }
    assert!(marked_processes(&mark).len() >= 10);
    sandbox.stop().await.unwrap();
    assert_eq!(marked_processes(&mark), Vec::<String>::new());
}

#[tokio::test]
async fn all_of_what_a_command_printed_is_there_whoever_holds_its_streams() {
    let (sandbox, _dir) = sandbox();
    for _ in 0..30 {
        let line = "sleep 1000 & seq 5000; seq 5000 >&2";
        let request = ExecRequest::shell(line).timeout(None);
        let output = sandbox.execute_with(&request).await.unwrap();
        assert!(output.stdout.head.ends_with(b"\n5000\n"));
        assert_eq!(output.stdout.total(), 23_893);
        assert_eq!(output.stderr.total(), 23_893);
    }
}
