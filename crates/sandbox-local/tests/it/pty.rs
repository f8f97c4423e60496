//! Commands with a terminal.

use backend_core::{
    ErrorKind, ExecRequest, ExecStatus, ProcessId, Sandbox, Signal, StdinRequest, TerminalSize,
};

use crate::spawn::{read_all, read_until};
use crate::support::{MARK, eventually, mark, marked_processes, no_survivors, sandbox};

const SIZE: TerminalSize = TerminalSize {
    rows: 33,
    columns: 77,
};

async fn spawn(sandbox: &dyn Sandbox, line: &str) -> ProcessId {
    let request = ExecRequest::shell(line).terminal(SIZE);
    sandbox.spawn_with(&request).await.unwrap().id
}

async fn type_in(sandbox: &dyn Sandbox, id: &ProcessId, text: &'static str) {
    let request = StdinRequest::write(id.clone(), text);
    sandbox.write_stdin(&request).await.unwrap();
}

#[tokio::test]
async fn all_streams_are_the_terminal_which_the_command_controls() {
    let (sandbox, _dir) = sandbox();
    let line = "test -t 0 && test -t 1 && test -t 2 && stty size && echo err >&2 && : > /dev/tty";
    let request = ExecRequest::shell(line).terminal(SIZE);
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(0), "{output:?}");
    assert!(
        output.stdout.to_text().starts_with("33 77\r\nerr\r\n"),
        "{output:?}"
    );
    assert_eq!(output.stderr.total(), 0);
    // The same without a terminal fails.
    let output = sandbox
        .execute_with(&ExecRequest::shell(line))
        .await
        .unwrap();
    assert_eq!(output.status, ExecStatus::Exited(1));
}

#[tokio::test]
async fn input_is_typed_and_ends() {
    let (sandbox, _dir) = sandbox();
    for (input, wanted) in [
        ("", "0\r\n"),
        ("a\n", "a\r\n2\r\n"),
        ("a\nbc", "a\r\nbc4\r\n"),
    ] {
        let request = ExecRequest::shell("wc -c").terminal(SIZE).stdin(input);
        let output = sandbox.execute_with(&request).await.unwrap();
        // How the end itself is echoed is the terminal's business.
        let text = output.stdout.to_text().replace("^D\u{8}\u{8}", "");
        assert_eq!(text, wanted, "{output:?}");
    }
    let request = ExecRequest::argv(["no-such-program"]).terminal(SIZE);
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(127));
    assert_eq!(output.stdout.to_text(), "no-such-program: not found\n");
}

#[tokio::test]
async fn a_terminal_can_be_resized() {
    let (sandbox, _dir) = sandbox();
    let line = "trap 'stty size' WINCH; echo up; while :; do sleep 0.01; done";
    let id = spawn(&sandbox, line).await;
    let cursor = read_until(&sandbox, &id, 0, "up").await;
    let size = TerminalSize {
        rows: 5,
        columns: 6,
    };
    sandbox.resize(&id, size).await.unwrap();
    read_until(&sandbox, &id, cursor, "5 6\r\n").await;
    let plain = sandbox
        .spawn_with(&ExecRequest::shell("sleep 1000"))
        .await
        .unwrap();
    let error = sandbox.resize(&plain.id, size).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn what_is_typed_is_echoed_and_control_characters_work() {
    let (sandbox, _dir) = sandbox();
    let id = spawn(&sandbox, "trap 'echo caught' INT; cat; echo after; cat").await;
    type_in(&sandbox, &id, "hello\n").await;
    let cursor = read_until(&sandbox, &id, 0, "hello\r\nhello\r\n").await;
    // Ctrl-C ends the first `cat`, which is in the foreground; the shell handles it.
    type_in(&sandbox, &id, "\x03").await;
    let cursor = read_until(&sandbox, &id, cursor, "caught\r\nafter\r\n").await;
    type_in(&sandbox, &id, "more\n").await;
    read_until(&sandbox, &id, cursor, "more\r\nmore\r\n").await;
    sandbox
        .write_stdin(&StdinRequest::close(id.clone()))
        .await
        .unwrap();
    let (_, _, status) = read_all(&sandbox, &id).await;
    assert_eq!(status, ExecStatus::Exited(0));
    let error = sandbox
        .write_stdin(&StdinRequest::write(id.clone(), "x"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_shell_with_jobs_is_killed_with_them() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    // With job control each job is a group of its own.
    let line =
        "set -m; sleep 1000 & setsid sleep 1000 & (trap '' HUP; sleep 1000) & echo up; sleep 1000";
    let request = ExecRequest::shell(line).terminal(SIZE).env(MARK, &mark);
    let id = sandbox.spawn_with(&request).await.unwrap().id;
    read_until(&sandbox, &id, 0, "up").await;
    eventually("all are up", || marked_processes(&mark).len() >= 5);
    sandbox.signal(&id, Signal::Kill).await.unwrap();
    assert_eq!(marked_processes(&mark), Vec::<String>::new());
    let (_, _, status) = read_all(&sandbox, &id).await;
    assert_eq!(status, ExecStatus::Signaled(9));
    no_survivors(&mark);
}

#[tokio::test]
async fn a_hangup_ends_an_interactive_shell() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::argv(["/bin/sh", "-i"])
        .terminal(SIZE)
        .env("PS1", "ready> ");
    let id = sandbox.spawn_with(&request).await.unwrap().id;
    let cursor = read_until(&sandbox, &id, 0, "ready> ").await;
    type_in(&sandbox, &id, "echo $((6 * 7))\n").await;
    read_until(&sandbox, &id, cursor, "42\r\n").await;
    sandbox.signal(&id, Signal::Hangup).await.unwrap();
    let (_, _, status) = read_all(&sandbox, &id).await;
    assert!(!status.is_success(), "{status:?}");
}
