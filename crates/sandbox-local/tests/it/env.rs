//! The exact environment of a command; and that a descriptor which leaks here does not leak into it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;

use backend_core::{ErrorKind, ExecRequest, Sandbox, TerminalSize};
use backend_fs::FsBackend;
use rustix::io::FdFlags;
use sandbox_local::LocalSandbox;

use crate::support::{printed, sandbox};

async fn variables(sandbox: &dyn Sandbox, request: ExecRequest) -> BTreeMap<String, String> {
    let output = sandbox.execute_with(&request).await.unwrap();
    let text = output.stdout.to_text();
    text.split_terminator('\0')
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn the_environment_is_the_base_the_sandbox_and_the_request() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = LocalSandbox::builder_without_isolation(FsBackend::open(dir.path()).unwrap())
        .host_root(dir.path())
        .env("OF_THE_SANDBOX", "a")
        .env("REPLACED", "a")
        .build()
        .unwrap();
    let request = ExecRequest::argv(["env", "-0"])
        .env("REPLACED", "b")
        .env("OF_THE_REQUEST", "two\nlines = ü");
    let found = variables(&sandbox, request).await;
    let home = dir.path().canonicalize().unwrap().display().to_string();
    let wanted: BTreeMap<String, String> = [
        ("HOME", home.as_str()),
        ("LANG", "C.UTF-8"),
        ("OF_THE_REQUEST", "two\nlines = ü"),
        ("OF_THE_SANDBOX", "a"),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        ("REPLACED", "b"),
        ("TERM", "dumb"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    assert_eq!(found, wanted);
    let size = TerminalSize {
        rows: 9,
        columns: 9,
    };
    let found = variables(&sandbox, ExecRequest::argv(["env", "-0"]).terminal(size)).await;
    assert_eq!(found["TERM"], "xterm-256color");
}

#[tokio::test]
async fn an_invalid_variable_is_named_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let with = |bytes: usize| {
        let files = FsBackend::open(dir.path()).unwrap();
        LocalSandbox::builder_without_isolation(files)
            .host_root(dir.path())
            .env("LONG", "x".repeat(bytes))
            .build()
    };
    // With the name, the `=` and the terminating byte: the most that the kernel accepts.
    let most = (128 << 10) - "LONG=".len() - 1;
    let sandbox = with(most).unwrap();
    let line = ExecRequest::shell("echo ${#LONG} ${#MORE}").env("MORE", "y".repeat(most));
    let printed = sandbox.execute_with(&line).await.unwrap().output();
    assert_eq!(printed, format!("{most} {most}\n"));
    let too_long = [
        with(most + 1).unwrap_err(),
        sandbox
            .execute_with(&line.clone().env("MORE", "y".repeat(most + 1)))
            .await
            .unwrap_err(),
        sandbox
            .spawn_with(&line.env("MORE", "y".repeat(most + 1)))
            .await
            .unwrap_err(),
    ];
    for (error, name) in too_long.iter().zip(["LONG", "MORE", "MORE"]) {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    // Each is allowed, but not all together.
    let mut many = ExecRequest::shell("true");
    for number in 0..40 {
        many = many.env(format!("N{number}"), "z".repeat(100_000));
    }
    let error = sandbox.execute_with(&many).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
}

#[tokio::test]
async fn only_the_three_streams_are_open() {
    let (sandbox, dir) = sandbox();
    // A descriptor that a library opened without close-on-exec.
    let leaked = File::create(dir.path().join("leak")).unwrap();
    rustix::io::fcntl_setfd(leaked.as_fd(), FdFlags::empty()).unwrap();
    let list = ["ls", "-1", "/proc/self/fd"];
    let output = sandbox
        .execute_with(&ExecRequest::argv(list))
        .await
        .unwrap();
    // The fourth is the directory that `ls` reads.
    assert_eq!(output.stdout.to_text(), "0\n1\n2\n3\n");
    // Not into a pipe, which the shell itself would briefly have open.
    let output = printed(&sandbox, "ls /proc/$$/fd > fds; cat fds").await;
    // A shell may keep its own output at 10 meanwhile.
    assert_eq!(output.replace("10\n", ""), "0\n1\n2\n");
    let size = TerminalSize {
        rows: 9,
        columns: 9,
    };
    let request = ExecRequest::argv(list).terminal(size);
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.stdout.to_text(), "0\r\n1\r\n2\r\n3\r\n");
    drop(leaked);
}

#[tokio::test]
async fn a_command_has_a_session_and_a_group_of_its_own_and_no_terminal() {
    let (sandbox, _dir) = sandbox();
    // pid, ppid, group, session and terminal of the process itself.
    let request = ExecRequest::argv(["cat", "/proc/self/stat"]);
    let output = sandbox.execute_with(&request).await.unwrap();
    let text = output.stdout.to_text();
    let (pid, rest) = text.split_once(" (cat) ").unwrap();
    let fields: Vec<&str> = rest.split(' ').collect();
    assert_eq!((fields[2], fields[3], fields[4]), (pid, pid, "0"));
}
