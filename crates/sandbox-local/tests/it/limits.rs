//! Limits of commands: each command has them, and this process and the supervisors do not.

use std::time::Duration;

use backend_core::{ExecStatus, Sandbox};
use backend_fs::FsBackend;
use rustix::process::{Resource as RawResource, getrlimit};
use sandbox_local::{LocalSandbox, Resource};
use tempfile::TempDir;

use crate::support::{alone, mark, marked, no_survivors, printed, run};

fn limited(limits: &[(Resource, u64, u64)]) -> (LocalSandbox<FsBackend>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let files = FsBackend::open(dir.path()).unwrap();
    let mut builder = LocalSandbox::builder_without_isolation(files).host_root(dir.path());
    for &(resource, soft, hard) in limits {
        builder = builder.limit(resource, soft, hard);
    }
    (builder.build().unwrap(), dir)
}

#[tokio::test]
async fn every_limit_applies_to_the_command() {
    for (resource, line, soft, hard) in [
        (
            Resource::AddressSpace,
            "Max address space",
            1 << 31,
            1 << 32,
        ),
        (Resource::Core, "Max core file size", 0, 0),
        (Resource::Cpu, "Max cpu time", 50, 100),
        (Resource::Data, "Max data size", 1 << 30, 1 << 31),
        (Resource::FileSize, "Max file size", 4096, 8192),
        (Resource::Locks, "Max file locks", 5, 6),
        (Resource::LockedMemory, "Max locked memory", 4096, 4096),
        (Resource::MessageQueues, "Max msgqueue size", 1000, 2000),
        (Resource::Nice, "Max nice priority", 0, 0),
        (Resource::OpenFiles, "Max open files", 20, 30),
        (Resource::Processes, "Max processes", 3, 4),
        (
            Resource::ResidentMemory,
            "Max resident set",
            1 << 20,
            1 << 21,
        ),
        (Resource::RealtimePriority, "Max realtime priority", 0, 0),
        (Resource::RealtimeTime, "Max realtime timeout", 1000, 2000),
        (Resource::PendingSignals, "Max pending signals", 7, 8),
        (Resource::Stack, "Max stack size", 1 << 20, 2 << 20),
    ] {
        let (sandbox, _dir) = limited(&[(resource, soft, hard)]);
        let all = printed(&sandbox, "cat /proc/self/limits").await;
        let found = all.lines().find(|found| found.starts_with(line)).unwrap();
        let numbers = found.strip_prefix(line).unwrap().split_whitespace();
        let wanted = [soft.to_string(), hard.to_string()];
        assert_eq!(numbers.take(2).collect::<Vec<_>>(), wanted, "{found}");
        // The next command has it too, and the limits of the previous one do not keep it from
        // starting.
        assert_eq!(printed(&sandbox, "echo again").await, "again\n");
    }
}

#[test]
fn a_limit_does_not_apply_to_this_process_and_cannot_exceed_its_own() {
    alone(
        "limits::a_limit_does_not_apply_to_this_process_and_cannot_exceed_its_own",
        async || {
            let before = getrlimit(RawResource::Nofile);
            let most = before.maximum.unwrap();
            let (sandbox, _dir) = limited(&[(Resource::OpenFiles, 16, u64::MAX)]);
            let line = "ulimit -Sn; ulimit -Hn";
            assert_eq!(printed(&sandbox, line).await, format!("16\n{most}\n"));
            assert_eq!(getrlimit(RawResource::Nofile), before);
        },
    );
}

#[tokio::test]
async fn a_command_that_reaches_a_limit_ends_and_the_sandbox_does_not() {
    let spin = "while :; do :; done";
    let write = "exec head -c 100000 /dev/zero > big";
    let (most, none) = (1, u64::MAX);
    for (resource, soft, hard, line, want) in [
        // By the default of SIGXFSZ and SIGXCPU, which shows that commands do not inherit ignored
        // signals.
        (
            Resource::FileSize,
            4096,
            4096,
            write,
            ExecStatus::Signaled(25),
        ),
        (Resource::Cpu, most, none, spin, ExecStatus::Signaled(24)),
        (Resource::Cpu, most, most, spin, ExecStatus::Signaled(9)),
    ] {
        let (sandbox, _dir) = limited(&[(resource, soft, hard)]);
        assert_eq!(run(&sandbox, line).await.status, want, "{resource:?}");
        assert_eq!(run(&sandbox, "exit 3").await.status, ExecStatus::Exited(3));
        // The supervisor still knows the rest of the tree, and kills it.
        let mark = mark();
        let request = marked("sleep 1000 & sleep 1000", &mark);
        let request = request.timeout(Duration::from_millis(300));
        let output = sandbox.execute_with(&request).await.unwrap();
        assert_eq!(output.status, ExecStatus::TimedOut);
        no_survivors(&mark);
    }
}
