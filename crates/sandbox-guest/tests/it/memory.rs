//! How much memory a guest takes while much goes through it, and when it has nothing to do.

use std::time::Duration;

use backend_core::Backend;
use backend_core::{
    BackendExt, ExecRequest, ExecStatus, OutputRequest, ProcessInfo, ReadBytesRequest, Sandbox,
    VirtualPath,
};
use bytes::Bytes;

use crate::host::{Served, soon, until};

/// Returns a line of what the kernel says of a process, in KiB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

const MIB: u64 = 1 << 10;

#[tokio::test]
async fn a_hundred_megabytes_each_way_are_held_once_and_given_back() {
    let guest = Served::start().await;
    let before = memory(guest.pid(), "VmRSS:");
    let content: Bytes = (0..100_usize << 20)
        .map(|at| (at >> 3) as u8)
        .collect::<Vec<u8>>()
        .into();
    soon(guest.remote.write("/large", content.clone()))
        .await
        .unwrap();
    assert_eq!(
        soon(guest.remote.read_bytes("/large")).await.unwrap(),
        content
    );
    let command = ExecRequest::shell("cksum > sum; wc -c < large").stdin(content.clone());
    let output = soon(guest.remote.execute_with(&command)).await.unwrap();
    assert_eq!(output.stdout.head, "104857600\n");
    let most = memory(guest.pid(), "VmHWM:");
    assert!(
        most < before + 130 * MIB,
        "{most} KiB at most, {before} KiB before"
    );
    until(|| memory(guest.pid(), "VmRSS:") < before + 8 * MIB).await;
}

#[tokio::test]
async fn a_gigabyte_of_output_is_kept_to_its_cap() {
    let guest = Served::start().await;
    let before = memory(guest.pid(), "VmRSS:");
    let command = ExecRequest::shell("head -c 1000000000 /dev/zero; echo end")
        .output_bytes(1 << 20)
        .timeout(None);
    let output = soon(guest.remote.execute_with(&command)).await.unwrap();
    assert_eq!(output.stdout.total(), 1_000_000_004);
    assert!(output.stdout.tail.ends_with(b"\0end\n"));
    let most = memory(guest.pid(), "VmHWM:");
    assert!(
        most < before + 16 * MIB,
        "{most} KiB at most, {before} KiB before"
    );
}

#[tokio::test]
async fn output_that_nobody_reads_does_not_grow() {
    let guest = Served::start().await;
    let before = memory(guest.pid(), "VmRSS:");
    let command = ExecRequest::shell("head -c 500000000 /dev/zero; echo end").output_bytes(1 << 20);
    let process = guest.remote.spawn_with(&command).await.unwrap();
    soon(async {
        let ended = |all: Vec<ProcessInfo>| all[0].status.is_some();
        while !ended(guest.remote.processes().await.unwrap()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let read = OutputRequest::new(process.id).cursor(500_000_000);
    let end = guest.remote.read_output(&read).await.unwrap();
    assert_eq!(end.chunks[0].bytes, "end\n");
    assert_eq!(end.status, Some(ExecStatus::Exited(0)));
    let most = memory(guest.pid(), "VmHWM:");
    assert!(
        most < before + 16 * MIB,
        "{most} KiB at most, {before} KiB before"
    );
}

#[tokio::test]
async fn readers_that_do_not_take_what_they_asked_for_cost_what_the_limits_say() {
    let guest = Served::start().await;
    let file = guest.root.path().join("large");
    std::fs::File::create(&file)
        .unwrap()
        .set_len(200 << 20)
        .unwrap();
    let path = VirtualPath::parse("/large").unwrap();
    // Twenty times 200 MiB are asked for at once; the guest holds as much as it may, and then no more.
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let (remote, path) = (guest.remote.clone(), path.clone());
            tokio::spawn(async move {
                let read = remote.read_bytes_with(&ReadBytesRequest::new(path)).await;
                read.unwrap().bytes.len()
            })
        })
        .collect();
    for read in reads {
        assert_eq!(soon(read).await.unwrap(), 200 << 20);
    }
    let most = memory(guest.pid(), "VmHWM:");
    assert!(most < 340 * MIB, "{most} KiB");
}
