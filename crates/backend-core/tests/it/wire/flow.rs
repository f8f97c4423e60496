//! Long transfers: they are complete, they stop when the receiver does, and they block nothing else.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use backend_core::wire::{self, Limits, Options};
use backend_core::{Backend, BackendExt, ExecRequest, Sandbox};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::{Fake, connected, connected_to, soon};

/// Counts the bytes that come through a stream.
struct Counted {
    inner: DuplexStream,
    read: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }
    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }
    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

fn pattern(length: usize) -> Bytes {
    (0..length)
        .map(|n| (n * 7 + n / 251) as u8)
        .collect::<Vec<u8>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_pass_both_ways() {
    let (remote, _fake) = connected().await;
    let content = pattern(100 << 20);
    remote.write("/large", content.clone()).await.unwrap();
    let read = soon(remote.read_bytes("/large")).await.unwrap();
    assert_eq!(read, content);
    let request = ExecRequest::shell("cat")
        .stdin(content.clone())
        .output_bytes(usize::MAX);
    let output = soon(remote.execute_with(&request)).await.unwrap();
    assert_eq!(output.stdout.head, content);
}

#[tokio::test]
async fn a_slow_receiver_blocks_only_its_own_sender() {
    let fake = Arc::new(Fake::new());
    let size = 40 << 20;
    fake.write("/large", pattern(size)).await.unwrap();
    let (near, far) = tokio::io::duplex(16 << 10);
    let read = Arc::new(AtomicU64::new(0));
    let near = Counted {
        inner: near,
        read: Arc::clone(&read),
    };
    super::serve(Arc::clone(&fake), far, &Options::default());
    let remote = wire::connect(near).await.unwrap();

    // The call has started, and is then never polled.
    let slow = remote.read_bytes("/large");
    tokio::pin!(slow);
    for _ in 0..20 {
        let polled = futures_poll(slow.as_mut()).await;
        assert!(polled.is_pending());
        tokio::task::yield_now().await;
    }
    let taken = read.load(Ordering::Relaxed);
    for n in 0..500 {
        let name = format!("/small{n}");
        soon(remote.write(&name, "x")).await.unwrap();
        assert_eq!(soon(remote.stat(&name)).await.unwrap().size, 1);
    }
    let more = read.load(Ordering::Relaxed) - taken;
    assert!(
        more < 1 << 20,
        "{more} bytes arrived although none are taken"
    );
    let content = soon(slow).await.unwrap();
    assert_eq!(content, pattern(size));
}

/// Polls a future once.
async fn futures_poll<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn small_requests_pass_a_long_transfer() {
    // A pipe that is much slower than the transfer is long.
    let fake = Arc::new(Fake::new());
    let remote = connected_to(Arc::clone(&fake), 4 << 10, &Options::default()).await;
    let content = pattern(30 << 20);
    let transfer = tokio::spawn({
        let (remote, content) = (remote.clone(), content.clone());
        async move { remote.write("/large", content).await }
    });
    let mut beside = 0;
    while !transfer.is_finished() {
        soon(remote.stat("/")).await.unwrap();
        beside += 1;
    }
    soon(transfer).await.unwrap().unwrap();
    assert!(beside > 10, "only {beside} requests passed");
    assert_eq!(fake.read_bytes("/large").await.unwrap(), content);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_over_the_budget_wait_for_each_other() {
    // Room for one body of 4 MB at a time, on both sides, and 16 of them at once each way.
    let limits = Limits::default()
        .body(4 << 20)
        .message(64 << 10)
        .buffered(5 << 20);
    let options = Options::default().limits(limits);
    let fake = Arc::new(Fake::new());
    let remote = connected_to(Arc::clone(&fake), 64 << 10, &options).await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let remote = remote.clone();
            tokio::spawn(async move {
                let (name, content) = (format!("/f{n}"), pattern((4 << 20) - n));
                remote.write(&name, content.clone()).await.unwrap();
                assert_eq!(remote.read_bytes(&name).await.unwrap(), content);
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
}

#[tokio::test]
async fn keeping_one_content_does_not_keep_the_others_alive() {
    let (remote, fake) = connected().await;
    let requests: Vec<_> = (0..100)
        .map(|n| {
            let path = backend_core::VirtualPath::parse(format!("/f{n}")).unwrap();
            backend_core::WriteRequest::new(path, pattern(1000))
        })
        .collect();
    for written in remote.write_many_with(&requests).await {
        written.unwrap();
    }
    // As slices of the one received body they would be adjacent.
    let first = fake.read_bytes("/f0").await.unwrap();
    let second = fake.read_bytes("/f1").await.unwrap();
    assert_ne!(first.as_ptr().wrapping_add(1000), second.as_ptr());
}
