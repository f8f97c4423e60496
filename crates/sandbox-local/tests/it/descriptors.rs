//! Commands leave no descriptors open in this process, however they end, nor does an ended process that is still
//! listed.

use std::fs;
use std::time::Duration;

use backend_core::{ErrorKind, ExecRequest, OutputRequest, Sandbox, Signal, TerminalSize};
use tokio::time::timeout;

use crate::support::{HANG, alone, eventually, run, sandbox};

/// How many descriptors this process has open.
fn open() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs commands and processes that end in every way.
async fn round(sandbox: &dyn Sandbox) {
    for line in ["true", "exit 3", "kill -9 $$", "no-such-program", "cat"] {
        run(sandbox, line).await;
    }
    for program in ["no-such-program", "/"] {
        let request = ExecRequest::argv([program]);
        sandbox.execute_with(&request).await.unwrap();
    }
    let nowhere = backend_core::VirtualPath::parse("/none").unwrap();
    let request = ExecRequest::shell("true").cwd(nowhere);
    let error = sandbox.execute_with(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let request = ExecRequest::argv(["true", &"x".repeat(200_000)]);
    let error = sandbox.execute_with(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);

    let endless = ExecRequest::shell("sleep 1000 & yes").timeout(Duration::from_millis(30));
    sandbox.execute_with(&endless).await.unwrap();
    let over = ExecRequest::shell("sleep 1000 & yes").output_ceiling(10);
    sandbox.execute_with(&over).await.unwrap();
    let dropped = ExecRequest::shell("sleep 1000 & sleep 1000");
    let call = sandbox.execute_with(&dropped);
    assert!(timeout(Duration::from_millis(5), call).await.is_err());

    let size = TerminalSize {
        rows: 9,
        columns: 9,
    };
    for request in [
        ExecRequest::shell("echo ended"),
        ExecRequest::shell("echo ended").terminal(size),
        ExecRequest::argv(["no-such-program"]),
        ExecRequest::shell("cat").stdin("ended"),
    ] {
        let process = sandbox.spawn_with(&request).await.unwrap();
        if request.stdin.is_empty() {
            let read = OutputRequest::new(process.id).wait(HANG);
            while sandbox.read_output(&read).await.unwrap().next == 0 {}
        } else {
            sandbox.signal(&process.id, Signal::Kill).await.unwrap();
        }
    }
}

#[test]
fn commands_and_processes_leave_none_open() {
    alone(
        "descriptors::commands_and_processes_leave_none_open",
        async || {
            let (sandbox, _dir) = sandbox();
            round(&sandbox).await;
            let few = open();
            for _ in 0..20 {
                round(&sandbox).await;
            }
            assert!(sandbox.processes().await.unwrap().len() > 80);
            // The last killed ones may still be exiting.
            eventually("no more are open than before", || open() <= few);
        },
    );
}
