//! How much memory a guest uses for large transfers, and when it is idle.

use backend_core::{Backend, BackendExt, ExecRequest, ReadBytesRequest, Sandbox, VirtualPath};
use bytes::Bytes;

use crate::host::{Served, memory, soon, until};

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
        "peak {most} KiB, {before} KiB before"
    );
    until(|| memory(guest.pid(), "VmRSS:") < before + 8 * MIB).await;
}

#[tokio::test]
async fn readers_that_do_not_take_their_answers_cost_no_more_than_the_limits() {
    let guest = Served::start().await;
    let file = guest.root.path().join("large");
    std::fs::File::create(&file)
        .unwrap()
        .set_len(200 << 20)
        .unwrap();
    let path = VirtualPath::parse("/large").unwrap();
    // Requests twenty times 200 MiB at once; the guest holds as much as it may, and no more.
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
