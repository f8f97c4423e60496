//! Everything that a command starts dies with it: hundreds of trees of every shape, killed in every way and at every
//! moment.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{ExecRequest, ExecStatus, Sandbox, Signal};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{
    Ends, alone, await_file, mark, marked, marked_processes, no_survivors, sandbox,
};

/// Commands that never end, with children that try to escape. Each says `up` when it has started them.
const SHAPES: &[(&str, &str)] = &[
    ("plain", "sleep 1000 & sleep 1000 & echo up; wait"),
    ("exec", "sleep 1000 & echo up; exec sleep 1000"),
    (
        "session",
        "setsid sleep 1000 & setsid sh -c 'sleep 1000 & wait' & echo up; wait",
    ),
    (
        "orphan",
        "(sleep 1000 &); (sh -c 'sleep 1000 & sleep 1000' &); echo up; sleep 1000",
    ),
    (
        "daemon",
        "setsid sh -c 'setsid sh -c \"setsid sleep 1000 & sleep 1000 &\" &' ; echo up; sleep 1000",
    ),
    (
        "deaf",
        "trap '' TERM INT HUP; sh -c 'trap \"\" TERM; sleep 1000; sleep 1000' & echo up; sleep 1000; sleep 1000",
    ),
    (
        "stopped",
        "sh -c 'kill -STOP $$; sleep 1000' & setsid sh -c 'kill -STOP $$' & echo up; kill -STOP $$",
    ),
    (
        "forking",
        "echo up; while :; do sleep 1000 & sleep 0.005; done",
    ),
    (
        "respawning",
        "echo up; while :; do setsid sh -c 'sleep 0.002 & setsid sleep 0.002'; done",
    ),
    (
        "deep",
        "f() { if [ $1 = 0 ]; then echo up; sleep 1000; else (f $(($1 - 1)); :) ; fi; }; f 12",
    ),
    (
        "all",
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; (setsid sleep 1000 &); kill -STOP $$' & (sleep 1000 &); \
         setsid -f sleep 1000; echo up; sleep 1000; sleep 1000",
    ),
];

/// How often each shape is tried in each way.
const TIMES: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_leaves_no_processes() {
    let mut ends = Ends::default();
    for round in 0..TIMES {
        for (name, line) in SHAPES {
            let (sandbox, _dir) = sandbox();
            let mark = mark();
            // From the middle of its start to well after it.
            let time = Duration::from_millis(1 + round * round * 2);
            let output = sandbox
                .execute_with(&marked(line, &mark).timeout(time))
                .await
                .unwrap();
            assert_eq!(output.status, ExecStatus::TimedOut, "{name}: {output:?}");
            // Immediately, not just soon: the call returns when all are dead, unless the command had not even
            // started.
            ends.of(&mark);
        }
    }
    ends.within_a_second("a timeout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_call_leaves_no_processes() {
    let mut ends = Ends::default();
    for round in 0..TIMES {
        for (name, line) in SHAPES {
            let (sandbox, _dir) = sandbox();
            let mark = mark();
            let request = marked(line, &mark);
            let call = sandbox.execute_with(&request);
            let time = Duration::from_millis(round * round * 2);
            assert!(timeout(time, call).await.is_err(), "{name}");
            ends.of(&mark);
        }
    }
    ends.within_a_second("a dropped call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ceiling_leaves_no_processes() {
    for _ in 0..TIMES {
        for (name, line) in SHAPES {
            let (sandbox, _dir) = sandbox();
            let mark = mark();
            // `up` and its newline are three bytes.
            let request = marked(line, &mark).output_ceiling(2);
            let output = sandbox.execute_with(&request).await.unwrap();
            assert_eq!(output.status, ExecStatus::OutputCeiling, "{name}");
            assert_eq!(output.stdout.to_text(), "up\n");
            assert_eq!(marked_processes(&mark), Vec::<String>::new(), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_leaves_no_processes() {
    for round in 0..TIMES {
        let (sandbox, _dir) = sandbox();
        let (sandbox, mark) = (Arc::new(sandbox), mark());
        let mut calls = JoinSet::new();
        for (_, line) in SHAPES {
            let (sandbox, request) = (Arc::clone(&sandbox), marked(line, &mark));
            if round % 2 == 0 {
                sandbox.spawn_with(&request).await.unwrap();
            } else {
                calls.spawn(async move { sandbox.execute_with(&request).await });
            }
        }
        tokio::time::sleep(Duration::from_millis(round * 10)).await;
        sandbox.stop().await.unwrap();
        assert_eq!(marked_processes(&mark), Vec::<String>::new());
        while let Some(outcome) = calls.join_next().await {
            assert!(outcome.unwrap().is_err());
        }
        no_survivors(&mark);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_leaves_no_processes() {
    for _ in 0..TIMES {
        for (name, line) in SHAPES {
            let (sandbox, _dir) = sandbox();
            let mark = mark();
            let process = sandbox.spawn_with(&marked(line, &mark)).await.unwrap();
            sandbox.signal(&process.id, Signal::Kill).await.unwrap();
            assert_eq!(marked_processes(&mark), Vec::<String>::new(), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_sandbox_leaves_no_processes() {
    let mut ends = Ends::default();
    for _ in 0..TIMES {
        let (sandbox, dir) = sandbox();
        let mark = mark();
        for (number, (_, line)) in SHAPES.iter().enumerate() {
            let line = format!("echo > ready{number}; {line}");
            sandbox.spawn_with(&marked(&line, &mark)).await.unwrap();
        }
        for number in 0..SHAPES.len() {
            await_file(&dir.path().join(format!("ready{number}")));
        }
        drop(sandbox);
        ends.of(&mark);
    }
    ends.within_a_second("a dropped sandbox");
}

#[test]
fn a_sandbox_dropped_after_its_runtime_leaves_no_processes() {
    let (sandbox, dir) = sandbox();
    let mark = mark();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for (_, line) in SHAPES {
            sandbox.spawn_with(&marked(line, &mark)).await.unwrap();
        }
        let line = "echo > ready; sleep 1000";
        sandbox.spawn_with(&marked(line, &mark)).await.unwrap();
    });
    await_file(&dir.path().join("ready"));
    drop(runtime);
    drop(sandbox);
    no_survivors(&mark);
}

/// The tree forks as fast as it can while it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_bomb_is_killed() {
    // Bounded in breadth, so that the test does no harm if it fails.
    let bomb = "f() { i=0; while [ $i -lt 30 ]; do (g $1) & i=$((i + 1)); done; wait; }; \
                g() { [ $1 -gt 0 ] && f $(($1 - 1)); setsid sleep 0.01 & sleep 0.02; g $1; }; f 1";
    for round in 0..3 {
        let (sandbox, _dir) = sandbox();
        let mark = mark();
        let request = marked(bomb, &mark).timeout(Duration::from_millis(100 + round * 100));
        let output = sandbox.execute_with(&request).await.unwrap();
        assert_eq!(output.status, ExecStatus::TimedOut);
        no_survivors(&mark);
    }
}

/// A process that clears its environment is found anyway: the search does not rely on marks.
#[tokio::test]
async fn a_child_without_environment_dies_too() {
    let (sandbox, _dir) = sandbox();
    let name = mark();
    let line = format!(
        "env -i setsid sleep 1000 {name} & env -i sh -c 'sleep 1000; : {name}' & sleep 1000"
    );
    let request = ExecRequest::shell(line).timeout(Duration::from_millis(200));
    sandbox.execute_with(&request).await.unwrap();
    let found = std::fs::read_dir("/proc").unwrap().any(|entry| {
        let line = std::fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&name)
    });
    assert!(!found);
}

/// When a command kills its supervisor, the command itself and its process group do not survive.
#[tokio::test]
async fn a_command_that_kills_its_supervisor_dies_with_it() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    let request = marked("sleep 1000 & kill -KILL $PPID; sleep 1000", &mark);
    let output = sandbox.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::Lost);
    no_survivors(&mark);
}

#[tokio::test]
async fn a_supervisor_that_a_command_stops_still_kills_all() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    let request = marked("setsid sleep 1000 & kill -STOP $PPID; sleep 1000", &mark);
    let output = sandbox
        .execute_with(&request.timeout(Duration::from_millis(200)))
        .await
        .unwrap();
    assert_eq!(output.status, ExecStatus::TimedOut);
    assert_eq!(marked_processes(&mark), Vec::<String>::new());
}

const ZOMBIES: &str = "tree::no_process_stays_a_zombie";

/// No process is left unreaped, not even a supervisor.
#[test]
fn no_process_stays_a_zombie() {
    alone(ZOMBIES, async || {
        let (sandbox, _dir) = sandbox();
        for round in 0..20 {
            let line = "(true &); (sleep 0.01 &); setsid true & true";
            sandbox
                .execute_with(&ExecRequest::shell(line))
                .await
                .unwrap();
            let dropped = ExecRequest::shell("sleep 1000");
            let time = Duration::from_millis(round);
            let _ = timeout(time, sandbox.execute_with(&dropped)).await;
        }
        sandbox.stop().await.unwrap();
        let own = std::process::id().to_string();
        let task = format!("/proc/{own}/task");
        let children = || -> String {
            let threads = std::fs::read_dir(&task).unwrap();
            let list =
                |thread: std::path::PathBuf| std::fs::read_to_string(thread.join("children"));
            threads
                .map(|thread| list(thread.unwrap().path()).unwrap_or_default())
                .collect()
        };
        assert_eq!(children(), "");
    });
}
