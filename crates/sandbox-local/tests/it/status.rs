//! How commands end, and what is answered when they cannot even start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use backend_core::{Backend, ErrorKind, ExecOutput, ExecRequest, ExecStatus, Sandbox};

use crate::support::{run, sandbox};

async fn argv(sandbox: &dyn Sandbox, words: &[&str]) -> ExecOutput {
    let request = ExecRequest::argv(words.iter().copied());
    sandbox.execute_with(&request).await.unwrap()
}

#[tokio::test]
async fn a_code_is_a_code_and_a_signal_a_signal() {
    let (sandbox, _dir) = sandbox();
    for (line, status) in [
        ("true", ExecStatus::Exited(0)),
        ("exit 1", ExecStatus::Exited(1)),
        ("exit 124", ExecStatus::Exited(124)),
        ("exit 255", ExecStatus::Exited(255)),
        ("", ExecStatus::Exited(0)),
        ("kill -TERM $$", ExecStatus::Signaled(15)),
        ("kill -KILL $$", ExecStatus::Signaled(9)),
        ("kill -HUP $$", ExecStatus::Signaled(1)),
        ("kill -PIPE $$", ExecStatus::Signaled(13)),
        ("sh -c 'kill -9 $$'; exit $?", ExecStatus::Exited(137)),
        ("no-such-program", ExecStatus::Exited(127)),
        ("/", ExecStatus::Exited(126)),
    ] {
        assert_eq!(run(&sandbox, line).await.status, status, "{line}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_ends_with_127_and_a_line() {
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
async fn programs_are_looked_for_in_the_path_of_the_command() {
    let (sandbox, dir) = sandbox();
    fs::create_dir(dir.path().join("tools")).unwrap();
    let tool = dir.path().join("tools/my-tool");
    fs::write(&tool, "#!/bin/sh\necho \"$0 $1\"\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let absolute = format!("{}/tools", dir.path().display());
    for path in [absolute.as_str(), "tools", "/no/such:tools"] {
        let request = ExecRequest::argv(["my-tool", "x"]).env("PATH", path);
        let output = sandbox.execute_with(&request).await.unwrap();
        assert_eq!(output.status, ExecStatus::Exited(0), "{path}: {output:?}");
        assert!(output.stdout.to_text().ends_with("/my-tool x\n"));
    }
    let request = ExecRequest::argv(["ls"]).env("PATH", "/no/such");
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(127));
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
async fn a_line_that_looks_like_an_option_is_a_line() {
    let (sandbox, _dir) = sandbox();
    for line in ["-x", "--version", "+x", "-"] {
        let output = run(&sandbox, line).await;
        assert_eq!(output.status, ExecStatus::Exited(127), "{line}: {output:?}");
    }
}

#[tokio::test]
async fn words_arrive_as_they_are() {
    let (sandbox, _dir) = sandbox();
    let words = [
        "", " ", "it's", "\"", "$HOME", "`ls`", "a\nb", "\\", "*", "ü", "-n", "\u{1}",
    ];
    let mut request = vec!["printf", "%s|"];
    request.extend(words);
    let output = argv(&sandbox, &request).await;
    assert_eq!(output.stdout.to_text(), words.join("|") + "|");
}

#[tokio::test]
async fn arguments_up_to_the_limit_of_the_kernel_work_and_more_are_refused() {
    let (sandbox, _dir) = sandbox();
    // One argument may have 128 KiB with its end, all together a quarter of the stack: 2 MiB mostly.
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
        ExecRequest::shell("true").env("X", too_long.clone()),
        many(3_000_000 / 1000),
    ] {
        let error = sandbox.execute_with(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(error.to_string(), "argument list too long");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (sandbox, _dir) = sandbox();
    for request in [
        ExecRequest::argv(Vec::<String>::new()),
        ExecRequest::shell("a\0b"),
        ExecRequest::argv(["ls", "a\0b"]),
        ExecRequest::shell("true").env("", "x"),
        ExecRequest::shell("true").env("A=B", "x"),
        ExecRequest::shell("true").env("A", "x\0"),
        ExecRequest::shell("true").timeout(Duration::ZERO),
    ] {
        let error = sandbox.execute_with(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{request:?}");
        let error = sandbox.spawn_with(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{request:?}");
    }
    let request = ExecRequest::shell("true").user("nobody");
    let error = sandbox.execute_with(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn the_deadline_starts_at_the_call() {
    let (sandbox, _dir) = sandbox();
    let request = ExecRequest::shell("true").timeout(Duration::from_nanos(1));
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::TimedOut);
}

#[tokio::test]
async fn a_timeout_returns_what_was_printed() {
    let (sandbox, _dir) = sandbox();
    let line = "echo out; echo err >&2; printf rest; sleep 1000";
    let request = ExecRequest::shell(line).timeout(Duration::from_millis(500));
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::TimedOut);
    assert_eq!(output.stdout.to_text(), "out\nrest");
    assert_eq!(output.stderr.to_text(), "err\n");
    assert!(output.elapsed >= Duration::from_millis(500));
}

#[tokio::test]
async fn what_a_sandbox_can_do_is_declared() {
    let (sandbox, _dir) = sandbox();
    let capabilities = sandbox.capabilities();
    assert!(capabilities.executes && capabilities.processes && capabilities.pty);
    assert!(capabilities.durable && capabilities.symlinks);
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
