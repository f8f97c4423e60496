//! A guest under limits, and signals sent to it: it survives them, and commands get the original limits and signals.

use std::path::Path;

use backend_core::{BackendExt, ErrorKind, ExecStatus, Sandbox, SandboxExt};
use tempfile::TempDir;
use tokio::process::Command;

use crate::host::{Served, guest, over_stdio, soon};

/// Starts a guest below a shell that sets limits.
async fn under(limits: &str, more: &[&str]) -> Served {
    let root: TempDir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limits} && exec \"$@\""), "sh"])
        .arg(guest())
        .arg("serve")
        .arg("--root")
        .arg(root.path())
        .args(more);
    let (remote, child) = over_stdio(&mut command).await;
    Served {
        remote,
        child,
        root,
    }
}

#[tokio::test]
async fn a_write_beyond_the_file_size_limit_exceeds_the_quota_and_the_guest_survives() {
    // In blocks of 512 bytes: about 100 kB.
    let guest = under("ulimit -f 200", &[]).await;
    let remote = &guest.remote;
    remote.write("/small", "x".repeat(50_000)).await.unwrap();
    for _ in 0..3 {
        let big = soon(remote.write("/small", "y".repeat(200_000))).await;
        let error = big.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        assert!(error.to_string().contains("102400"), "{error}");
        assert!(remote.liveness().await.is_alive());
    }
    // The old content is intact, and nothing is left of the new one.
    assert_eq!(remote.read_bytes("/small").await.unwrap().len(), 50_000);
    assert_eq!(files(guest.root.path()), 1);
    // A command gets the limit, and the signal's default.
    let output = remote.execute("head -c 200000 /dev/zero > /dev/shm/agent-limit-$$");
    let output = output.await.unwrap();
    let _ = remote.execute("rm -f /dev/shm/agent-limit-*").await;
    assert_eq!(output.status, ExecStatus::Exited(128 + 25));
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

#[tokio::test]
async fn soft_limits_apply_only_to_commands() {
    let limits = "ulimit -S -n 64 && ulimit -S -t 1 && ulimit -S -v 900000 && ulimit -S -s 512";
    let guest = under(limits, &[]).await;
    let remote = &guest.remote;
    let line = "ulimit -S -n; ulimit -S -t; ulimit -S -v; ulimit -S -s";
    let output = soon(remote.execute(line)).await.unwrap();
    assert_eq!(output.stdout.head, "64\n1\n900000\n512\n");
    // More than a second of processor time, and more files than a command may have open.
    let pid = guest.pid();
    let spent = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<u64> = stat
            .rsplit(") ")
            .next()
            .unwrap()
            .split(' ')
            .filter_map(|field| field.parse().ok())
            .collect();
        // User and system time in ticks, the 14th and 15th field: two of the preceding fields, up to the name, are
        // not numbers.
        fields[10] + fields[11]
    };
    remote.write("/a", "x".repeat(8 << 20)).await.unwrap();
    while spent() < 150 {
        remote.grep("y").await.unwrap();
    }
    let many: Vec<_> = (0..40)
        .map(|_| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.execute("sleep 0.5; exit 7").await })
        })
        .collect();
    for one in many {
        let status = soon(one).await.unwrap().unwrap().status;
        assert_eq!(status, ExecStatus::Exited(7));
    }
    assert!(remote.liveness().await.is_alive());
}

#[tokio::test]
async fn given_limits_apply_to_commands_and_not_to_the_guest() {
    let given = [
        "--limit",
        "nofile=16",
        "--limit",
        "cpu=1",
        "--limit",
        "as=300000000",
        "--limit",
        "stack=262144",
    ];
    let guest = under("true", &given).await;
    let remote = &guest.remote;
    let line = "ulimit -n; ulimit -t; ulimit -s; ulimit -H -s";
    let output = soon(remote.execute(line)).await.unwrap();
    assert_eq!(output.stdout.head, "16\n1\n256\n256\n");
    let spin = soon(remote.execute("while :; do :; done")).await.unwrap();
    assert_eq!(spin.status, ExecStatus::Signaled(9));
    remote.write("/a", "b").await.unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", guest.pid())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    assert!(!files.unwrap().contains(" 16 "), "{limits}");
}

#[tokio::test]
async fn irrelevant_signals_do_not_end_the_guest() {
    let guest = Served::start().await;
    let pid = guest.pid();
    for name in [
        "ALRM", "IO", "PIPE", "PROF", "USR1", "USR2", "VTALRM", "XCPU", "XFSZ",
    ] {
        let sent = guest.remote.execute(format!("kill -{name} {pid}"));
        assert!(soon(sent).await.unwrap().status.is_success(), "{name}");
        assert!(guest.remote.liveness().await.is_alive(), "{name}");
    }
    // A command ignores none of them.
    let line = "grep -E 'SigIgn|SigBlk' /proc/self/status";
    let output = guest.remote.execute(line).await.unwrap().output();
    let none = "0000000000000000";
    assert_eq!(output, format!("SigBlk:\t{none}\nSigIgn:\t{none}\n"));
}
