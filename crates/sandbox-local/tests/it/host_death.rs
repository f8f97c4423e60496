//! However this process dies, everything that it started dies with it.

use std::path::Path;
use std::time::Duration;

use backend_core::{ExecRequest, Sandbox};
use backend_fs::FsBackend;
use sandbox_local::LocalSandbox;

use crate::support::{MARK, await_file, in_own_process, is_own_process, mark, no_survivors};

const KILLED: &str = "host_death::a_killed_host_leaves_no_processes";

#[test]
fn a_killed_host_leaves_no_processes() {
    if is_own_process(KILLED) {
        host();
    }
    for round in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let mark = mark();
        let mut host = in_own_process(KILLED)
            .env("SANDBOX_LOCAL_DIR", dir.path())
            .env("SANDBOX_LOCAL_MARK", &mark)
            .spawn()
            .unwrap();
        for name in ["execute", "spawn", "background"] {
            await_file(&dir.path().join(name));
        }
        std::thread::sleep(Duration::from_millis(round));
        // SIGKILL: the host cannot react to it.
        host.kill().unwrap();
        host.wait().unwrap();
        no_survivors(&mark);
    }
}

/// Starts commands of every kind, and waits to be killed.
fn host() -> ! {
    let dir = std::env::var("SANDBOX_LOCAL_DIR").unwrap();
    let mark = std::env::var("SANDBOX_LOCAL_MARK").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let backend = FsBackend::open(Path::new(&dir)).unwrap();
        let sandbox = LocalSandbox::without_isolation(backend, dir).unwrap();
        let wild =
            "trap '' TERM HUP; (setsid sleep 1000 &); setsid sh -c 'kill -STOP $$' & sleep 1000 &";
        let request = |rest: &str| ExecRequest::shell(format!("{wild} {rest}")).env(MARK, &mark);
        sandbox
            .execute_with(&request("touch background"))
            .await
            .unwrap();
        sandbox
            .spawn_with(&request("touch spawn; sleep 1000"))
            .await
            .unwrap();
        sandbox
            .execute_with(&request("touch execute; sleep 1000"))
            .await
            .unwrap();
    });
    panic!("it should have been killed")
}

const ENDED: &str = "host_death::a_host_that_exits_leaves_no_processes";

#[test]
fn a_host_that_exits_leaves_no_processes() {
    if !is_own_process(ENDED) {
        let dir = tempfile::tempdir().unwrap();
        let mark = mark();
        let mut host = in_own_process(ENDED)
            .env("SANDBOX_LOCAL_DIR", dir.path())
            .env("SANDBOX_LOCAL_MARK", &mark)
            .spawn()
            .unwrap();
        host.wait().unwrap();
        assert!(dir.path().join("up").exists());
        no_survivors(&mark);
        return;
    }
    let dir = std::env::var("SANDBOX_LOCAL_DIR").unwrap();
    let mark = std::env::var("SANDBOX_LOCAL_MARK").unwrap();
    // A sandbox that is never dropped, in a runtime that is never shut down.
    let runtime = Box::leak(Box::new(tokio::runtime::Runtime::new().unwrap()));
    runtime.block_on(async {
        let backend = FsBackend::open(Path::new(&dir)).unwrap();
        let sandbox = LocalSandbox::without_isolation(backend, &dir).unwrap();
        let request = ExecRequest::shell("(setsid sleep 1000 &); touch up; sleep 1000");
        sandbox.spawn_with(&request.env(MARK, mark)).await.unwrap();
        await_file(&Path::new(&dir).join("up"));
        std::mem::forget(sandbox);
    });
    std::process::exit(0);
}
