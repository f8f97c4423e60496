//! Bombs of all kinds: each ends in a specific outcome, and other sandboxes are not affected.

use std::time::Duration;

use backend_core::{BackendExt, ErrorKind, ExecRequest, ExecStatus, Sandbox, SandboxExt};
use sandbox_docker::{DockerSandbox, Engine, Hardening};

use crate::support::{Cleaner, builder, debian, engine_or_skip};

const BOTH: [Hardening; 2] = [Hardening::Standard, Hardening::Strict];

/// Nothing here is this slow, unless it is blocked by another sandbox.
const SOON: Duration = Duration::from_secs(30);

async fn small(engine: &Engine, hardening: Hardening) -> DockerSandbox {
    let mut builder = builder(engine, debian());
    if hardening == Hardening::Standard {
        builder = builder.tmpfs("/workspace", 128 << 20);
    }
    builder
        .hardening(hardening)
        .memory(256 << 20)
        .pids(128)
        .cpus(0.5)
        .start()
        .await
        .unwrap()
}

/// Runs a bomb in one sandbox, and meanwhile checks another one.
async fn beside_a_neighbour(
    engine: &Engine,
    hardening: Hardening,
    line: &str,
    timeout: Duration,
) -> (DockerSandbox, ExecStatus, String) {
    let neighbour = builder(engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&neighbour);
    let sandbox = small(engine, hardening).await;
    let request = ExecRequest::shell(line).timeout(timeout);
    let bomb = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { sandbox.execute_with(&request).await })
    };
    let mut answers = 0;
    while !bomb.is_finished() || answers < 5 {
        let check = async {
            neighbour.write("a", answers.to_string()).await.unwrap();
            neighbour.execute("cat a").await.unwrap()
        };
        let output = tokio::time::timeout(SOON, check)
            .await
            .expect("the neighbour hangs");
        assert_eq!(output.stdout.to_text(), answers.to_string());
        answers += 1;
    }
    let output = bomb.await.unwrap().unwrap();
    neighbour.stop().await.unwrap();
    (sandbox, output.status, output.output())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_runs_out_of_processes_and_then_of_time() {
    let engine = engine_or_skip!();
    for hardening in BOTH {
        let bomb = "b() { b | b & }; b; sleep 600";
        let (sandbox, status, output) =
            beside_a_neighbour(&engine, hardening, bomb, Duration::from_secs(5)).await;
        let _cleaner = Cleaner::of(&sandbox);
        // The shell may exit when it cannot fork.
        assert!(
            matches!(status, ExecStatus::TimedOut | ExecStatus::Exited(_)),
            "{status:?} {output}"
        );
        // Files work at all times, and commands once the bomb has ended.
        assert!(
            tokio::time::timeout(SOON, sandbox.ls("/"))
                .await
                .unwrap()
                .is_ok()
        );
        let clear = async {
            loop {
                match sandbox.execute("true").await {
                    Ok(output) if output.status.is_success() => break,
                    Ok(output) => panic!("{output:?}"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
                }
                assert!(sandbox.liveness().await.is_alive());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if tokio::time::timeout(SOON, clear).await.is_err() {
            // Processes that left the tree early fill it again: a restart ends them.
            sandbox
                .restart()
                .await
                .unwrap_or_else(|_| panic!("{hardening:?}"));
        }
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_is_distinguished_from_a_kill() {
    let engine = engine_or_skip!();
    for hardening in BOTH {
        let bomb = "exec perl -e '$x = \"x\" x (1 << 30); sleep 60'";
        let (sandbox, status, output) =
            beside_a_neighbour(&engine, hardening, bomb, Duration::from_secs(60)).await;
        let _cleaner = Cleaner::of(&sandbox);
        assert_eq!(status, ExecStatus::OutOfMemory, "{output}");
        assert!(sandbox.liveness().await.is_alive());
        let killed = sandbox.execute("kill -9 $$").await.unwrap();
        assert_eq!(killed.status, ExecStatus::Signaled(9));
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_a_file_system_in_memory_is_out_of_space() {
    let engine = engine_or_skip!();
    // All directories in memory: the built-in ones of a strict sandbox, the requested ones of another.
    let places = [
        (Hardening::Standard, "/workspace /dev/shm"),
        (Hardening::Strict, "/workspace /tmp /home/agent /dev/shm"),
    ];
    for (hardening, places) in places {
        let flood = format!(
            "n=0; for d in {places}; do dd if=/dev/zero of=$d/flood bs=64k 2>&1 | grep -q 'No space left' && n=$((n+1)); \
             done; echo $n"
        );
        let (sandbox, status, output) =
            beside_a_neighbour(&engine, hardening, &flood, Duration::from_secs(60)).await;
        let _cleaner = Cleaner::of(&sandbox);
        let count = places.split(' ').count();
        assert_eq!(output.trim(), count.to_string(), "{hardening:?} {status:?}");
        assert!(sandbox.liveness().await.is_alive());
        let write = sandbox.write("more", "x".repeat(1 << 20));
        let error = write.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        sandbox.delete("flood").await.unwrap();
        sandbox.write("more", "x".repeat(1 << 20)).await.unwrap();
        assert!(sandbox.execute("true").await.unwrap().status.is_success());
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_is_cut_and_one_over_the_ceiling_is_ended() {
    let engine = engine_or_skip!();
    let flood = "head -c 50000000 /dev/zero";
    let (sandbox, status, output) =
        beside_a_neighbour(&engine, Hardening::Standard, flood, Duration::from_secs(60)).await;
    let _cleaner = Cleaner::of(&sandbox);
    assert_eq!(status, ExecStatus::Exited(0));
    assert!(output.len() < 2 << 20);
    let endless = ExecRequest::shell("yes").output_ceiling(1 << 20);
    let output = sandbox.execute_with(&endless).await.unwrap();
    assert_eq!(output.status, ExecStatus::OutputCeiling);
    sandbox.stop().await.unwrap();
}
