//! How much memory a host uses for large transfers through a guest. Measured in a separate process: this program, run
//! again for one test.

use std::time::Duration;

use backend_core::{ExecRequest, ExecStatus, OutputRequest, ProcessInfo, Sandbox, SandboxExt};
use bytes::Bytes;
use tokio::process::Command;

use crate::host::{Served, memory, soon};

/// Marks the process that is measured.
const MEASURED: &str = "AGENT_GUEST_TEST_MEASURED";

/// The allowed increase, in KiB, for transfers that should need almost no memory.
const LITTLE: u64 = 16 << 10;

/// Runs a test of this program again, in a process of its own.
async fn again(name: &str) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(MEASURED, "1")
        .kill_on_drop(true)
        .status();
    assert!(soon(status).await.unwrap().success());
}

fn measured() -> bool {
    std::env::var_os(MEASURED).is_some()
}

/// The resident memory of this process and a guest at some moment.
struct Before {
    pids: [u32; 2],
    resident: [u64; 2],
}

impl Before {
    fn now(guest: &Served) -> Self {
        let pids = [std::process::id(), guest.pid()];
        for pid in pids {
            // Resets the peak.
            std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        }
        let resident = pids.map(|pid| memory(pid, "VmRSS:"));
        Self { pids, resident }
    }

    /// Returns by how much the peaks of the host and the guest rose.
    fn more(&self, after: &str) -> [u64; 2] {
        let [host, guest] = [0, 1].map(|at| {
            let most = memory(self.pids[at], "VmHWM:");
            most.saturating_sub(self.resident[at])
        });
        println!("{after}: {host} KiB more in the host, {guest} KiB more in the guest");
        [host, guest]
    }
}

#[tokio::test]
async fn a_gigabyte_of_output_is_a_megabyte_on_both_sides() {
    if !measured() {
        return again("host_memory::a_gigabyte_of_output_is_a_megabyte_on_both_sides").await;
    }
    let guest = Served::start().await;
    guest.remote.execute("true").await.unwrap();
    let before = Before::now(&guest);
    let command = ExecRequest::shell("head -c 1000000000 /dev/zero; echo end")
        .output_bytes(1 << 20)
        .timeout(None);
    let output = soon(guest.remote.execute_with(&command)).await.unwrap();
    assert_eq!(output.stdout.total(), 1_000_000_004);
    assert!(output.stdout.tail.ends_with(b"\0end\n"));
    let more = before.more("a gigabyte of output");
    assert!(more.iter().all(|more| *more < LITTLE), "{more:?} KiB");
}

#[tokio::test]
async fn an_unread_gigabyte_is_a_megabyte_on_both_sides() {
    if !measured() {
        return again("host_memory::an_unread_gigabyte_is_a_megabyte_on_both_sides").await;
    }
    let guest = Served::start().await;
    guest.remote.execute("true").await.unwrap();
    let before = Before::now(&guest);
    let command = ExecRequest::shell("head -c 1000000000 /dev/zero; echo end")
        .output_bytes(1 << 20)
        .timeout(None);
    let process = guest.remote.spawn_with(&command).await.unwrap();
    soon(async {
        let ended = |all: Vec<ProcessInfo>| all[0].status.is_some();
        while !ended(guest.remote.processes().await.unwrap()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let read = OutputRequest::new(process.id).limit(usize::MAX);
    let kept = soon(guest.remote.read_output(&read)).await.unwrap();
    assert_eq!(kept.status, Some(ExecStatus::Exited(0)));
    assert_eq!(
        (kept.next, kept.missed),
        (1_000_000_004, 1_000_000_004 - (1 << 20))
    );
    let more = before.more("an unread gigabyte");
    assert!(more.iter().all(|more| *more < LITTLE), "{more:?} KiB");
}

#[tokio::test]
async fn a_hundred_megabytes_of_input_are_not_copied_by_the_host() {
    if !measured() {
        return again("host_memory::a_hundred_megabytes_of_input_are_not_copied_by_the_host").await;
    }
    let guest = Served::start().await;
    let content: Vec<u8> = (0..100_usize << 20).map(|at| (at / 7) as u8).collect();
    let content = Bytes::from(content);
    std::fs::write(guest.root.path().join("same"), &content).unwrap();
    let want = guest.remote.execute("sha256sum < same").await.unwrap();
    let before = Before::now(&guest);
    for (line, want) in [
        ("wc -c", Bytes::from_static(b"104857600\n")),
        ("sha256sum", want.stdout.head),
        // A command that does not read its input must not make the call wait.
        ("echo none", Bytes::from_static(b"none\n")),
    ] {
        let request = ExecRequest::shell(line).stdin(content.clone());
        let output = soon(guest.remote.execute_with(&request)).await.unwrap();
        assert_eq!(output.stdout.head, want, "{line}");
    }
    let [host, inside] = before.more("a hundred megabytes of input, three times");
    assert!(host < LITTLE, "{host} KiB");
    // It is held once while it is written to the command.
    assert!(inside < (100 << 10) + LITTLE, "{inside} KiB");
}
