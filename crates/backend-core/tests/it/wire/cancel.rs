//! A dropped call is cancelled on the other side, and so is everything when the connection ends.

use std::sync::Arc;
use std::time::Duration;

use backend_core::wire::{self, Options, Server};
use backend_core::{BackendExt, ErrorKind, ExecRequest, ExecStatus, Sandbox, SandboxExt};
use tokio::io::AsyncWriteExt;

use super::{Fake, connected, connected_to, raw, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_command_is_killed() {
    let (remote, fake) = connected().await;
    for _ in 0..50 {
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let remote = remote.clone();
                tokio::spawn(async move { remote.execute("forever").await })
            })
            .collect();
        soon(fake.running(20)).await;
        for call in &calls {
            call.abort();
        }
        soon(fake.running(0)).await;
    }
    assert_eq!(remote.execute("echo on").await.unwrap().stdout.head, "on\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_can_be_dropped_at_any_moment_without_affecting_others() {
    let options = Options::default().limits(wire::Limits::default().in_flight(4).frame(4096));
    let fake = Arc::new(Fake::new());
    let remote = connected_to(Arc::clone(&fake), 5000, &options).await;
    fake.write("/large", vec![3; 300_000]).await.unwrap();
    let tasks: Vec<_> = (0..12_u64)
        .map(|n| {
            let remote = remote.clone();
            tokio::spawn(async move {
                for round in 0..60_u64 {
                    let micros = Duration::from_micros((n * 7919 + round * 104_729) % 4000);
                    let content = vec![n as u8; 200_000];
                    let _ = tokio::time::timeout(micros, remote.read_bytes("/large")).await;
                    let _ =
                        tokio::time::timeout(micros, remote.write(format!("/f{n}"), content)).await;
                    assert_eq!(remote.stat("/large").await.unwrap().size, 300_000);
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    assert_eq!(remote.read_bytes("/large").await.unwrap(), vec![3; 300_000]);
}

#[tokio::test]
async fn the_commands_of_a_lost_client_are_killed() {
    let (remote, fake) = connected().await;
    let call = tokio::spawn({
        let remote = remote.clone();
        async move { remote.execute("forever").await }
    });
    soon(fake.running(1)).await;
    remote.close().await;
    assert_eq!(
        soon(call).await.unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    soon(fake.running(0)).await;
    let error = remote.stat("/").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "unavailable: the connection was closed on this side"
    );
}

#[tokio::test]
async fn when_the_stream_is_cut_all_pending_calls_end_on_both_sides() {
    let fake = Arc::new(Fake::new());
    let (near, middle_near) = tokio::io::duplex(1 << 16);
    let (mut middle_far, far) = tokio::io::duplex(1 << 16);
    super::serve(Arc::clone(&fake), far, &Options::default());
    let splice = tokio::spawn(async move {
        let mut middle_near = middle_near;
        let _ = tokio::io::copy_bidirectional(&mut middle_near, &mut middle_far).await;
    });
    let remote = wire::connect(near).await.unwrap();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.execute("forever").await })
        })
        .collect();
    soon(fake.running(10)).await;
    splice.abort();
    for call in calls {
        assert_eq!(
            soon(call).await.unwrap().unwrap_err().kind(),
            ErrorKind::Unavailable
        );
    }
    soon(fake.running(0)).await;
    assert_eq!(
        remote.read("/x").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!remote.liveness().await.is_alive());
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_a_command_includes_the_transfer_of_its_input() {
    let (mut near, far) = tokio::io::duplex(1 << 16);
    let fake = Arc::new(Fake::new());
    let server = Server::sandbox(Arc::clone(&fake));
    tokio::spawn(async move { server.serve(far).await });
    near.write_all(&raw::start(&raw::client_hello()))
        .await
        .unwrap();
    raw::read_magic(&mut near).await;
    raw::read_frame(&mut near).await.unwrap();
    let request = |timeout: u64| {
        raw::value(&serde_json::json!({ "parts": [10], "value": { "execute": {
            "command": { "shell": "cat" }, "stdin": [], "output_bytes": 100,
            "timeout": { "secs": timeout, "nanos": 0 },
        }}}))
    };
    for (id, timeout, want) in [(1, 5, "timed_out"), (2, 9, "exited")] {
        let content = request(timeout);
        let lengths = (content.len() as u32, 10);
        near.write_all(&raw::first(raw::REQUEST, id, lengths, &content))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        near.write_all(&raw::frame(raw::DATA, id, &[b'i'; 10]))
            .await
            .unwrap();
        let (_, _, payload) = raw::read_frame(&mut near).await.unwrap();
        assert!(String::from_utf8_lossy(&payload).contains(want));
    }
    let last = fake.last.lock().unwrap().clone().unwrap();
    assert_eq!(last.timeout, Some(Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_a_command_includes_its_wait_for_a_slot() {
    let options = Options::default().limits(wire::Limits::default().in_flight(2));
    let fake = Arc::new(Fake::new());
    let remote = connected_to(Arc::clone(&fake), 1 << 16, &options).await;
    let busy = tokio::spawn({
        let remote = remote.clone();
        async move {
            let forever = remote.execute("forever");
            let _ = tokio::time::timeout(Duration::from_secs(30), forever).await;
        }
    });
    fake.running(1).await;
    let request = ExecRequest::shell("echo late").timeout(Duration::from_secs(20));
    let output = remote.execute_with(&request).await.unwrap();
    assert_eq!(output.status, ExecStatus::TimedOut);
    assert_eq!(output.elapsed.as_secs(), 20);
    busy.await.unwrap();
}
