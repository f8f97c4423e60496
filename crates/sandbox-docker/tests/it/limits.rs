//! Process limits in a real container: they apply to commands, and the guest survives them.

use backend_core::{BackendExt, ErrorKind, ExecStatus, Sandbox, SandboxExt};
use sandbox_docker::DockerSandbox;

use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip};

/// Starts a sandbox with a limit.
async fn limited(
    engine: &sandbox_docker::Engine,
    name: &str,
    limit: u64,
) -> (DockerSandbox, Cleaner) {
    let sandbox = builder(engine, debian()).ulimit(name, limit);
    let sandbox = sandbox.start().await.unwrap();
    let cleaner = Cleaner::of(&sandbox);
    (sandbox, cleaner)
}

/// Makes sure that no part of the sandbox has ended, and that files and commands still work.
async fn lives(sandbox: &DockerSandbox, what: &str) {
    assert!(sandbox.liveness().await.is_alive(), "{what}");
    assert_eq!(sandbox.read("kept").await.unwrap().text, "kept", "{what}");
    let format = "{{.State.Running}} {{.RestartCount}}";
    let running = docker(&["inspect", "-f", format, &container(sandbox)]);
    assert_eq!(running, "true 0", "{what}");
}

#[tokio::test]
async fn the_sandbox_outlives_every_limit_of_its_commands() {
    let engine = engine_or_skip!();
    let spin = "while :; do :; done";
    let take = "exec python3 -c 'x = bytearray(1 << 30)'";
    let open = "exec python3 -c 'x = [open(\"/dev/null\") for _ in range(100)]'";
    let deep =
        "exec python3 -c 'import re, sys; sys.setrecursionlimit(10**6); f = lambda: f(); f()'";
    for (name, limit, line, shown) in [
        ("as", 500 << 20, take, "Max address space"),
        ("core", 0, "kill -SEGV $$", "Max core file size"),
        ("cpu", 1, spin, "Max cpu time"),
        ("data", 100 << 20, take, "Max data size"),
        (
            "fsize",
            100_000,
            "head -c 200000 /dev/zero > big",
            "Max file size",
        ),
        ("memlock", 4096, "false", "Max locked memory"),
        ("msgqueue", 0, "false", "Max msgqueue size"),
        ("nofile", 24, open, "Max open files"),
        ("nproc", 4, "false", "Max processes"),
        ("rttime", 1, "false", "Max realtime timeout"),
        ("sigpending", 0, "false", "Max pending signals"),
        ("stack", 1 << 18, deep, "Max stack size"),
    ] {
        let (sandbox, _cleaner) = limited(&engine, name, limit).await;
        sandbox.write("kept", "kept").await.unwrap();
        let all = sandbox.execute("cat /proc/self/limits").await.unwrap();
        let all = all.stdout.to_text();
        let found = all.lines().find(|found| found.starts_with(shown)).unwrap();
        let numbers = found.strip_prefix(shown).unwrap().split_whitespace();
        let wanted = [limit.to_string(), limit.to_string()];
        assert_eq!(
            numbers.take(2).collect::<Vec<_>>(),
            wanted,
            "{name}: {found}"
        );
        let output = sandbox.execute(line).await.unwrap();
        assert!(!output.status.is_success(), "{name}: {output:?}");
        lives(&sandbox, name).await;
        sandbox.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_write_over_the_file_size_limit_is_quota_exceeded() {
    let engine = engine_or_skip!();
    let (sandbox, _cleaner) = limited(&engine, "fsize", 100_000).await;
    sandbox.write("kept", "kept").await.unwrap();
    for _ in 0..2 {
        let error = sandbox.write("thesis", "x".repeat(200_000)).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        assert!(error.to_string().contains("100000"), "{error}");
    }
    assert!(!sandbox.exists("thesis").await.unwrap());
    lives(&sandbox, "fsize").await;
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn the_processes_of_a_user_are_limited_and_the_guest_can_still_start_them() {
    let engine = engine_or_skip!();
    // With a unique user number, because the kernel counts all its processes on the machine.
    let number = 700_000_000 + std::process::id();
    let sandbox = builder(&engine, debian())
        .user(format!("{number}:{number}"))
        .ulimit("nproc", 12);
    let sandbox = sandbox.start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("kept", "kept").await.unwrap();
    let bomb = "b() { sleep 2 & b; }; b";
    let output = sandbox.execute(bomb).await.unwrap();
    assert!(!output.status.is_success(), "{output:?}");
    let code = sandbox.execute("exit 5").await.unwrap();
    assert_eq!(code.status, ExecStatus::Exited(5));
    lives(&sandbox, "nproc").await;
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn signals_that_a_command_sends_around_leave_the_guest() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("kept", "kept").await.unwrap();
    for name in [
        "ALRM", "IO", "PIPE", "PROF", "USR1", "USR2", "VTALRM", "XCPU", "XFSZ",
    ] {
        // To everything but process 1 and the shell itself.
        let _ = sandbox
            .execute(format!("trap '' {name}; kill -{name} -1"))
            .await;
        lives(&sandbox, name).await;
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_limit_is_refused_before_the_engine_is_contacted() {
    let engine = engine_or_skip!();
    for name in ["files", "NOFILE", ""] {
        let error = builder(&engine, debian()).ulimit(name, 1).build();
        assert_eq!(
            error.unwrap_err().kind(),
            ErrorKind::InvalidRequest,
            "{name}"
        );
    }
}
