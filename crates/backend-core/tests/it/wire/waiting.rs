//! Waiting (for a slot, for room in a queue, for memory, for a goodbye) takes no longer than it must.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use backend_core::wire::{self, Limits, Options};
use backend_core::{BackendExt, ErrorKind, ExecRequest, ExecStatus, Sandbox, SandboxExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::raw::*;
use super::{Fake, connected_to, soon};

/// Polls a future once, and expects no result.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    std::future::poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Two concurrent requests: an ordinary and an urgent one.
fn narrow() -> Options {
    Options::default().limits(Limits::default().in_flight(2))
}

#[tokio::test]
async fn a_call_that_waits_for_a_slot_fails_at_the_end() {
    let fake = Arc::new(Fake::new());
    let (near, middle_near) = tokio::io::duplex(1 << 16);
    let (mut middle_far, far) = tokio::io::duplex(1 << 16);
    super::serve(Arc::clone(&fake), far, &narrow());
    let splice = tokio::spawn(async move {
        let mut middle_near = middle_near;
        let _ = tokio::io::copy_bidirectional(&mut middle_near, &mut middle_far).await;
    });
    let remote = wire::connect_with(near, &narrow()).await.unwrap();
    // Another call holds the only slot, and is no longer polled.
    let mut forgotten = pin!(remote.execute("forever"));
    poll_once(forgotten.as_mut()).await;
    soon(fake.running(1)).await;
    let waiting = tokio::spawn({
        let remote = remote.clone();
        async move { remote.stat("/").await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    splice.abort();
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = soon(remote.execute("echo x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_gets_no_slot_gives_up() {
    let fake = Arc::new(Fake::new());
    let remote = connected_to(Arc::clone(&fake), 1 << 16, &narrow()).await;
    let request = ExecRequest::shell("forever").timeout(None);
    let mut busy = pin!(remote.execute_with(&request));
    poll_once(busy.as_mut()).await;
    fake.running(1).await;
    let started = Instant::now();
    let error = remote.stat("/").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "unavailable: stat was not answered in time"
    );
    assert_eq!(started.elapsed().as_secs(), 120);
}

/// Sends a hello, and then reads nothing. Returns on a signal, and sends its last message.
async fn deaf(mut io: tokio::io::DuplexStream, after: Duration, last: Vec<u8>) {
    read_magic(&mut io).await;
    read_frame(&mut io).await.unwrap();
    let mut hello = server_hello();
    hello["offer"]["in_flight"] = 200.into();
    io.write_all(&start(&hello)).await.unwrap();
    tokio::time::sleep(after).await;
    let _ = io.write_all(&last).await;
    std::future::pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_cannot_even_be_sent_fail_immediately_at_the_end() {
    let (near, far) = tokio::io::duplex(1 << 10);
    let second = Duration::from_secs(1);
    tokio::spawn(deaf(far, second, frame(99, 1, b"")));
    let remote = wire::connect(near).await.unwrap();
    let started = Instant::now();
    let calls: Vec<_> = (0..100)
        .map(|n| {
            let remote = remote.clone();
            // Long, so that a few of them fill all buffers between the two.
            let name = format!("/{n}{}", format!("/{}", "x".repeat(200)).repeat(18));
            tokio::spawn(async move { remote.stat(name).await })
        })
        .collect();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("unknown kind 99"), "{error}");
    }
    assert_eq!(started.elapsed(), second);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_side_that_reads_nothing() {
    let (near, far) = tokio::io::duplex(1 << 10);
    tokio::spawn(deaf(far, Duration::MAX, Vec::new()));
    let options = Options::default().keep_alive(None);
    let remote = wire::connect_with(near, &options).await.unwrap();
    let content = vec![0; 100_000];
    let mut write = pin!(remote.write("/a", content));
    poll_once(write.as_mut()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    remote.close().await;
    assert!(started.elapsed() <= Duration::from_secs(1));
    assert_eq!(write.await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_command_with_much_output_delays_neither_files_nor_other_timeouts() {
    let fake = Arc::new(Fake::new());
    let remote = connected_to(Arc::clone(&fake), 1 << 16, &Options::default()).await;
    fake.write("/large", vec![7; 5 << 20]).await.unwrap();
    // Each may print as much as there is room for; together they may not.
    let hours = ExecRequest::shell("forever")
        .output_bytes(usize::MAX)
        .timeout(None);
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let (remote, hours) = (remote.clone(), hours.clone());
            tokio::spawn(async move { remote.execute_with(&hours).await })
        })
        .collect();
    fake.running(2).await;
    let read = remote.read_bytes("/large").await.unwrap();
    assert_eq!(read.len(), 5 << 20);
    let late = ExecRequest::shell("echo late")
        .output_bytes(usize::MAX)
        .timeout(Duration::from_secs(7));
    let late = remote.execute_with(&late).await.unwrap();
    assert_eq!(late.status, ExecStatus::TimedOut);
    assert_eq!(late.elapsed.as_secs(), 7);
    for call in calls {
        call.abort();
    }
    let output = remote.execute("echo on").await.unwrap();
    assert_eq!(output.stdout.head, "on\n");
}

#[tokio::test]
async fn impossible_numbers_do_no_harm() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        read_magic(&mut far).await;
        read_frame(&mut far).await.unwrap();
        far.write_all(&start(&server_hello())).await.unwrap();
        read_frame(&mut far).await.unwrap();
        let stream = serde_json::json!({ "head": [], "omitted": u64::MAX, "tail": [] });
        let content = value(
            &serde_json::json!({ "parts": [3, 0, 0, 2], "value": { "Ok": {
                "status": { "signaled": i32::MIN }, "stdout": stream, "stderr": stream,
                "elapsed": { "secs": u64::MAX, "nanos": 999_999_999 },
            }}}),
        );
        let all = [&content[..], b"abcde"].concat();
        far.write_all(&first(RESPONSE, 1, (content.len() as u32, 5), &all))
            .await
            .unwrap();
        let _ = far.read_to_end(&mut Vec::new()).await;
    });
    let remote = wire::connect(near).await.unwrap();
    let output = soon(remote.execute("x")).await.unwrap();
    assert!(!output.status.is_success());
    assert_eq!(output.stdout.total(), u64::MAX);
    assert_eq!(output.stderr.tail, "de");
    assert!(output.output().starts_with("abc\n... ("));
}
