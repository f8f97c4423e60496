//! The exact messages for programs that cannot be started, and the limits of the kernel.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use backend_core::{Backend, ErrorKind, ExecOutput, ExecRequest, ExecStatus, Sandbox};

use crate::support::{run, sandbox};

async fn argv(sandbox: &dyn Sandbox, words: &[&str]) -> ExecOutput {
    let request = ExecRequest::argv(words.iter().copied());
    sandbox.execute_with(&request).await.unwrap()
}

#[tokio::test]
async fn a_missing_program_ends_with_127_and_a_line() {
    let (sandbox, dir) = sandbox();
    fs::write(dir.path().join("file"), "").unwrap();
    let script = dir.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for program in [
        "no-such-program",
        "./no-such",
        "/no/such",
        "file/x",
        "",
        "./script",
    ] {
        let output = argv(&sandbox, &[program, "argument"]).await;
        assert_eq!(output.status, ExecStatus::Exited(127), "{program}");
        assert_eq!(output.stderr.to_text(), format!("{program}: not found\n"));
        assert_eq!(output.stdout.total(), 0);
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_ends_with_126_and_a_line() {
    let (sandbox, dir) = sandbox();
    fs::write(dir.path().join("plain"), "echo hi\n").unwrap();
    fs::create_dir(dir.path().join("directory")).unwrap();
    for program in ["./plain", "./directory"] {
        let output = argv(&sandbox, &[program]).await;
        assert_eq!(output.status, ExecStatus::Exited(126), "{program}");
        assert_eq!(
            output.stderr.to_text(),
            format!("{program}: permission denied\n")
        );
    }
}

#[tokio::test]
async fn a_missing_shell_is_a_missing_program() {
    let (sandbox, dir) = sandbox();
    drop(sandbox);
    let sandbox = sandbox_local::LocalSandbox::builder_without_isolation(
        backend_fs::FsBackend::open(dir.path()).unwrap(),
    )
    .host_root(dir.path())
    .shell("/no/such/shell")
    .build()
    .unwrap();
    let output = run(&sandbox, "true").await;
    assert_eq!(output.status, ExecStatus::Exited(127));
    assert_eq!(output.stderr.to_text(), "/no/such/shell: not found\n");
}

#[tokio::test]
async fn arguments_up_to_the_limit_of_the_kernel_work_and_more_are_refused() {
    let (sandbox, _dir) = sandbox();
    // One argument may have 128 KiB including its terminator, all together a quarter of the stack: usually 2 MiB.
    let longest = "x".repeat((128 << 10) - 1);
    let one = ExecRequest::argv(["printf", "%s", &longest]);
    let output = sandbox.execute_with(&one).await.unwrap();
    assert_eq!(output.stdout.total(), longest.len() as u64);
    let many = |count| {
        let words = std::iter::repeat_n("y".repeat(1000), count);
        ExecRequest::argv(
            ["printf".to_owned(), "%.1s".to_owned()]
                .into_iter()
                .chain(words),
        )
    };
    let output = sandbox.execute_with(&many(1_900)).await.unwrap();
    assert_eq!(output.stdout.total(), 1_900);
    let too_long = format!("{longest}x");
    for request in [
        ExecRequest::argv(["printf", "%s", &too_long]),
        ExecRequest::shell(too_long.clone()),
        many(3_000_000 / 1000),
    ] {
        let error = sandbox.execute_with(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(error.to_string(), "argument list too long");
    }
    let request = ExecRequest::shell("true").env("X", too_long);
    let error = sandbox.execute_with(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("variable 'X'"), "{error}");
}

#[tokio::test]
async fn a_command_cannot_run_as_another_user() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::shell("true").user("nobody");
    let error = sandbox.execute_with(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn the_capabilities_of_a_sandbox_are_declared() {
    let (sandbox, _dir) = sandbox();
    let capabilities = sandbox.capabilities();
    assert!(capabilities.executes && capabilities.processes && capabilities.pty);
    assert!(capabilities.symlinks);
}

/// A program that was just written can be run, although other threads fork meanwhile and hold it open for writing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_was_just_written_runs() {
    let (sandbox, dir) = sandbox();
    let sandbox = std::sync::Arc::new(sandbox);
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let sandbox = std::sync::Arc::clone(&sandbox);
        others.spawn(async move {
            loop {
                run(&*sandbox, "true").await;
            }
        });
    }
    for round in 0..100 {
        let path = dir.path().join(format!("program{round}"));
        fs::write(&path, "#!/bin/sh\necho hello\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let output = argv(&*sandbox, &[&format!("./program{round}")]).await;
        assert_eq!(output.stdout.to_text(), "hello\n", "{output:?}");
    }
}
