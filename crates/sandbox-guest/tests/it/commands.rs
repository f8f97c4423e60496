//! Commands in the real guest: their results, and that no process of them is left.

use std::time::Duration;

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, ExecStatus, OutputRequest, Sandbox, SandboxExt,
    StdinRequest,
};
use bytes::Bytes;

use crate::host::{
    Init, Served, guest, lives as is_alive, mark, over_stdio, soon, until_none, until_sleeping,
};

#[tokio::test]
async fn commands_and_files_see_each_other() {
    let guest = Served::start().await;
    let remote = &guest.remote;
    assert_eq!(remote.id().as_str(), "guest");
    assert!(remote.capabilities().executes && remote.capabilities().processes);
    let made = remote
        .execute("printf 'one\\ntwo\\n' > made.txt; echo oops >&2; exit 3")
        .await
        .unwrap();
    assert_eq!(made.status, ExecStatus::Exited(3));
    assert_eq!(made.stderr.head, "oops\n");
    remote.edit("/made.txt", "two", "three").await.unwrap();
    assert_eq!(
        remote.execute("cat made.txt").await.unwrap().stdout.head,
        "one\nthree\n"
    );
    remote.write("/dir/a", "x").await.unwrap();
    let cwd = backend_core::VirtualPath::parse("/dir").unwrap();
    let listed = remote
        .execute_with(&ExecRequest::argv(["ls"]).cwd(cwd))
        .await
        .unwrap();
    assert_eq!(listed.stdout.head, "a\n");
}

#[tokio::test]
async fn relative_paths_and_commands_start_in_the_work_directory() {
    let root = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(guest());
    command.arg("serve").arg("--root").arg(root.path());
    command.args(["--work-dir", "/agent/here"]);
    let (remote, _child) = over_stdio(&mut command).await;
    assert_eq!(remote.work_dir(), "/agent/here");
    remote.write("a.txt", "one\n").await.unwrap();
    remote.write("/agent/b.txt", "two\n").await.unwrap();
    let seen = remote.execute("cat a.txt ../b.txt").await.unwrap();
    assert_eq!(seen.stdout.head, "one\ntwo\n");
    let globbed = remote.glob("**/*.txt").await.unwrap();
    assert_eq!(globbed.items.len(), 1);
    assert_eq!(globbed.items[0].path, "/agent/here/a.txt");
    assert_eq!(remote.grep("o").await.unwrap().matches.len(), 1);
    remote.rename("a.txt", "sub/c.txt").await.unwrap();
    assert!(root.path().join("agent/here/sub/c.txt").exists());
}

#[tokio::test]
async fn odd_ends_of_commands_are_typed() {
    let guest = Served::start().await;
    let remote = &guest.remote;
    let bytes = remote
        .execute("printf '\\377\\000x'; printf '\\376' >&2")
        .await
        .unwrap();
    assert_eq!(
        (&bytes.stdout.head[..], &bytes.stderr.head[..]),
        (&b"\xff\x00x"[..], &b"\xfe"[..])
    );
    let killed = remote.execute("kill -9 $$").await.unwrap();
    assert_eq!(killed.status, ExecStatus::Signaled(9));
    let unknown = remote
        .execute_with(&ExecRequest::argv(["/no/such/program"]))
        .await
        .unwrap();
    assert_eq!(unknown.status, ExecStatus::Exited(127));
    remote.write("/text", "no program").await.unwrap();
    let denied = remote
        .execute_with(&ExecRequest::argv(["./text"]))
        .await
        .unwrap();
    assert_eq!(denied.status, ExecStatus::Exited(126));
    let cwd = backend_core::VirtualPath::parse("/gone").unwrap();
    let missing = remote
        .execute_with(&ExecRequest::shell("true").cwd(cwd))
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(missing.path().map(|path| path.as_str()), Some("/gone"));
    let late = ExecRequest::shell("echo early; sleep 1000").timeout(Duration::from_millis(300));
    let late = remote.execute_with(&late).await.unwrap();
    assert_eq!(
        (late.status, &late.stdout.head[..]),
        (ExecStatus::TimedOut, &b"early\n"[..])
    );
    // One argument may have one byte less than 128 KiB.
    let fits = ExecRequest::argv(["printf", "%s", &"x".repeat(131_000)]);
    assert_eq!(
        remote.execute_with(&fits).await.unwrap().stdout.total(),
        131_000
    );
    let long = ExecRequest::argv(["true", &"x".repeat(132_000)]);
    let error = remote.execute_with(&long).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn sixty_four_commands_and_as_many_files_at_once_are_not_mixed_up() {
    let guest = Served::start().await;
    let tasks: Vec<_> = (0..64_usize)
        .map(|n| {
            let remote = guest.remote.clone();
            tokio::spawn(async move {
                let input: Bytes = (0..20_000 + n)
                    .map(|at| (at * n) as u8)
                    .collect::<Vec<u8>>()
                    .into();
                let command =
                    ExecRequest::shell(format!("cat; echo {n} >&2; exit {n}")).stdin(input.clone());
                let (name, content) = (format!("/dir/f{n}"), vec![n as u8; n * 3000]);
                let (output, written) = tokio::join!(
                    remote.execute_with(&command),
                    remote.write(&name, content.clone()),
                );
                let output = output.unwrap();
                assert_eq!(output.stdout.head, input);
                assert_eq!(output.stderr.head, format!("{n}\n"));
                assert_eq!(output.status, ExecStatus::Exited(n as i32));
                written.unwrap();
                assert_eq!(remote.read_bytes(&name).await.unwrap(), content);
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    assert_eq!(guest.remote.ls("/dir").await.unwrap().items.len(), 64);
}

/// A command that tries everything to outlive its caller.
fn clinging(mark: &str) -> String {
    format!(
        "trap '' TERM INT HUP; sleep {mark} & setsid sleep {mark} & (setsid sh -c 'trap \"\" TERM; sleep {mark} & sleep 0.1; kill -STOP $!; wait' &) ; sleep {mark}"
    )
}

#[tokio::test]
async fn a_dropped_command_dies_with_everything_that_it_started() {
    let guest = Served::start().await;
    for _ in 0..10 {
        let mark = mark();
        let call = tokio::spawn({
            let (remote, line) = (guest.remote.clone(), clinging(&mark));
            async move {
                remote
                    .execute_with(&ExecRequest::shell(line).timeout(None))
                    .await
            }
        });
        until_sleeping(&mark, 4).await;
        call.abort();
        until_none(&mark).await;
    }
}

#[tokio::test]
async fn when_the_host_is_gone_its_commands_die_and_so_does_the_guest() {
    let mark = mark();
    let mut guest = Served::start().await;
    let call = tokio::spawn({
        let (remote, line) = (guest.remote.clone(), clinging(&mark));
        async move {
            remote
                .execute_with(&ExecRequest::shell(line).timeout(None))
                .await
        }
    });
    let spawned = guest.remote.spawn(format!("sleep {mark}")).await.unwrap();
    until_sleeping(&mark, 5).await;
    guest.remote.close().await;
    assert_eq!(
        call.await.unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(soon(guest.child.wait()).await.unwrap().success());
    until_none(&mark).await;
    assert_eq!(
        guest
            .remote
            .signal(&spawned.id, backend_core::Signal::Kill)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn when_the_guest_is_killed_every_call_is_unavailable_and_nothing_is_left() {
    let mark = mark();
    let mut guest = Served::start().await;
    let call = tokio::spawn({
        let (remote, line) = (guest.remote.clone(), clinging(&mark));
        async move {
            remote
                .execute_with(&ExecRequest::shell(line).timeout(None))
                .await
        }
    });
    until_sleeping(&mark, 4).await;
    guest.child.kill().await.unwrap();
    assert_eq!(
        soon(call).await.unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        guest.remote.stat("/").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!guest.remote.liveness().await.is_alive());
    until_none(&mark).await;
}

#[tokio::test]
async fn processes_outlive_their_connection_and_the_next_one_finds_them() {
    let init = Init::start().await;
    let mark = mark();
    let (first, mut splice) = init.splice().await;
    let line = format!("echo started; while read line; do echo \"got $line\"; done; sleep {mark}");
    let process = first
        .spawn_with(&ExecRequest::shell(line).timeout(None))
        .await
        .unwrap();
    first
        .write_stdin(&StdinRequest::write(process.id.clone(), "one\n"))
        .await
        .unwrap();
    let read = OutputRequest::new(process.id.clone()).wait(Duration::from_secs(60));
    let mut cursor = 0;
    while cursor < "started\ngot one\n".len() as u64 {
        cursor = first
            .read_output(&read.clone().cursor(cursor))
            .await
            .unwrap()
            .next;
    }
    // The host is killed, and with it the program that held the connection.
    splice.kill().await.unwrap();
    assert_eq!(soon(first.closed()).await.kind(), ErrorKind::Unavailable);

    let second = init.connect().await;
    assert_eq!(
        second.processes().await.unwrap(),
        std::slice::from_ref(&process)
    );
    let all = second.read_output(&read).await.unwrap();
    let text: Vec<u8> = all
        .chunks
        .iter()
        .flat_map(|chunk| chunk.bytes.to_vec())
        .collect();
    assert_eq!(text, b"started\ngot one\n");
    second
        .write_stdin(&StdinRequest::write(process.id.clone(), "two\n"))
        .await
        .unwrap();
    second
        .write_stdin(&StdinRequest::close(process.id.clone()))
        .await
        .unwrap();
    until_sleeping(&mark, 1).await;
    second
        .signal(&process.id, backend_core::Signal::Kill)
        .await
        .unwrap();
    until_none(&mark).await;
}

#[tokio::test]
async fn a_command_under_way_dies_with_its_connection_and_a_spawned_process_does_not() {
    let init = Init::start().await;
    let (dies, lives) = (mark(), mark());
    let (first, mut splice) = init.splice().await;
    let spawned = ExecRequest::shell(format!("sleep {lives}")).timeout(None);
    first.spawn_with(&spawned).await.unwrap();
    let call = tokio::spawn({
        let (remote, line) = (first.clone(), clinging(&dies));
        async move {
            remote
                .execute_with(&ExecRequest::shell(line).timeout(None))
                .await
        }
    });
    until_sleeping(&dies, 4).await;
    until_sleeping(&lives, 1).await;
    splice.kill().await.unwrap();
    assert_eq!(
        call.await.unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    until_none(&dies).await;
    assert!(is_alive(&lives));
    init.connect().await.stop().await.unwrap();
    until_none(&lives).await;
}
