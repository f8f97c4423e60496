//! Ends of containers, guests and streams, and the errors that callers get.

use std::time::Duration;

use backend_core::{
    BackendExt, Error, ErrorKind, ExecRequest, ExecStatus, OutputRequest, Sandbox, SandboxExt,
};
use sandbox_docker::{DockerSandbox, Lifetime};

use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip, id};

/// Much longer than needed, and much shorter than any command here would run.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("it hangs")
}

#[track_caller]
fn is_unavailable<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.to_string()
}

/// Does something to a container while a command runs in it, and makes sure that it is noticed at once and for good.
async fn dies_of(deed: impl AsyncFnOnce(&DockerSandbox), lifetime: Lifetime) {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian())
        .lifetime(lifetime)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let command = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move {
            sandbox
                .execute("echo on > /workspace/on; trap '' TERM; sleep 600")
                .await
        })
    };
    while !sandbox.exists("/workspace/on").await.unwrap() {
        tokio::task::yield_now().await;
    }
    deed(&sandbox).await;
    is_unavailable(soon(command).await.unwrap());
    let why = is_unavailable(soon(sandbox.read("on")).await);
    assert!(why.contains("does not run"), "{why}");
    is_unavailable(soon(sandbox.execute("true")).await);
    is_unavailable(soon(sandbox.spawn("true")).await);
    assert!(!soon(sandbox.liveness()).await.is_alive());
    // And nothing has taken its place.
    let name = format!("name={}", container(&sandbox));
    let running = docker(&["ps", "-q", "--filter", &name]);
    assert_eq!(running, "");
    soon(sandbox.stop()).await.unwrap();
}

#[tokio::test]
async fn a_container_that_is_killed_is_gone() {
    let kill = async |sandbox: &DockerSandbox| drop(docker(&["kill", &container(sandbox)]));
    dies_of(kill, Lifetime::Ephemeral).await;
    dies_of(kill, Lifetime::Kept).await;
}

/// The engine kills the processes of a container before it reports the container as not running, so the end of a command that is
/// reported first looks as if only the command was killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_container_is_never_that_of_a_command() {
    let engine = engine_or_skip!();
    let mut deaths = tokio::task::JoinSet::new();
    for (number, deed) in ["kill", "rm -f", "kill -s TERM", "rm -f", "kill", "rm -f"]
        .into_iter()
        .enumerate()
    {
        let builder = builder(&engine, debian()).lifetime(Lifetime::Kept);
        deaths.spawn(async move {
            let sandbox = builder.start().await.unwrap();
            let _cleaner = Cleaner::of(&sandbox);
            let line = ["echo on > on; sleep 600", "echo on > on; exec sleep 600"][number % 2];
            let command = {
                let sandbox = sandbox.clone();
                tokio::spawn(async move { sandbox.execute(line).await })
            };
            while !sandbox.exists("on").await.unwrap() {
                tokio::task::yield_now().await;
            }
            let name = container(&sandbox);
            let words: Vec<&str> = deed.split(' ').chain([name.as_str()]).collect();
            docker(&words);
            is_unavailable(soon(command).await.unwrap());
            is_unavailable(soon(sandbox.execute("true")).await);
        });
    }
    deaths.join_all().await;
}

#[tokio::test]
async fn a_container_that_is_removed_is_gone() {
    let remove = async |sandbox: &DockerSandbox| drop(docker(&["rm", "-f", &container(sandbox)]));
    dies_of(remove, Lifetime::Kept).await;
}

#[tokio::test]
async fn a_container_that_is_stopped_is_gone() {
    let stop = async |sandbox: &DockerSandbox| drop(docker(&["stop", &container(sandbox)]));
    dies_of(stop, Lifetime::Kept).await;
}

#[tokio::test]
async fn a_guest_that_is_killed_from_inside_takes_its_container_with_it() {
    let kill = async |sandbox: &DockerSandbox| {
        // The worker is the first child of process 1; killing process 1 itself has no effect from inside.
        let line = "for p in /proc/[0-9]*; do read -r _ _ _ ppid _ < $p/stat && \
                    [ \"$ppid\" = 1 ] && kill -9 ${p#/proc/} && break; done; sleep 60";
        is_unavailable(soon(sandbox.execute(line)).await);
    };
    dies_of(kill, Lifetime::Kept).await;
}

#[tokio::test]
async fn a_broken_stream_is_reopened_and_processes_are_still_there() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let process = sandbox.spawn("echo begun; sleep 600").await.unwrap();
    let command = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { sandbox.execute("echo on > on; sleep 600").await })
    };
    while !sandbox.exists("on").await.unwrap() {
        tokio::task::yield_now().await;
    }
    // `connect` has no parent inside.
    let cut = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline | grep -q '^/.agent-backends/agent-guest connect' \
               && kill -9 ${p#/proc/}; done 2>/dev/null; true";
    docker(&["exec", &container(&sandbox), "sh", "-c", cut]);
    let why = is_unavailable(soon(command).await.unwrap());
    assert!(why.contains("the sandbox is running"), "{why}");
    assert!(soon(sandbox.liveness()).await.is_alive());
    let processes = soon(sandbox.processes()).await.unwrap();
    assert_eq!(processes.len(), 1);
    assert_eq!(processes[0].id, process.id);
    let read = sandbox
        .read_output(&OutputRequest::new(process.id.clone()))
        .await
        .unwrap();
    assert!(format!("{read:?}").contains("begun"));
    let output = sandbox.execute("true").await.unwrap();
    assert_eq!(output.status, ExecStatus::Exited(0));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_command_that_kills_itself_is_not_a_sandbox_that_died() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    for (line, status) in [
        ("kill -9 $$", ExecStatus::Signaled(9)),
        ("kill -15 $$", ExecStatus::Signaled(15)),
        ("exit 137", ExecStatus::Exited(137)),
        ("exit 124", ExecStatus::Exited(124)),
    ] {
        let output = soon(sandbox.execute(line)).await.unwrap();
        assert_eq!(output.status, status, "{line}");
    }
    let request = ExecRequest::shell("sleep 600").timeout(Duration::from_millis(300));
    let output = soon(sandbox.execute_with(&request)).await.unwrap();
    assert_eq!(output.status, ExecStatus::TimedOut);
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_paused_sandbox_reports_it_and_continues_after_resuming() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox
        .spawn("while sleep 0.05; do date +%s%N > tick; done")
        .await
        .unwrap();
    while !sandbox.exists("tick").await.unwrap() {
        tokio::task::yield_now().await;
    }
    sandbox.pause().await.unwrap();
    let why = is_unavailable(soon(sandbox.read("tick")).await);
    assert!(why.contains("resume"), "{why}");
    assert!(soon(sandbox.liveness()).await.is_alive());
    sandbox.resume().await.unwrap();
    assert_eq!(soon(sandbox.processes()).await.unwrap().len(), 1);
    sandbox.write("a", "x").await.unwrap();

    sandbox.restart().await.unwrap();
    assert!(soon(sandbox.processes()).await.unwrap().is_empty());
    assert_eq!(sandbox.read("a").await.unwrap().text, "x");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_commands() {
    let engine = engine_or_skip!();
    let kept = builder(&engine, debian())
        .id(id("quick-stop"))
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&kept);
    kept.spawn("trap '' TERM HUP INT; while :; do sleep 1; done")
        .await
        .unwrap();
    let command = {
        let kept = kept.clone();
        tokio::spawn(async move { kept.execute("trap '' TERM; echo on > on; sleep 600").await })
    };
    while !kept.exists("on").await.unwrap() {
        tokio::task::yield_now().await;
    }
    // The engine would kill it after 3 seconds, which the exit code would show.
    kept.stop().await.unwrap();
    is_unavailable(soon(command).await.unwrap());
    let code = docker(&["inspect", "-f", "{{.State.ExitCode}}", &container(&kept)]);
    assert_eq!(code, "0");
    kept.destroy().await.unwrap();
}
