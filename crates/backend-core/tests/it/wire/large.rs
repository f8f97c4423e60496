//! Files that are read in pieces: they are complete and of one version, and no reader waits for another forever.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::wire::{Limits, Options, Remote};
use backend_core::{Backend, BackendExt, Error, ErrorKind, ReadBytesRequest, VirtualPath};
use bytes::Bytes;

use super::{Fake, connected_to, soon};

const FILE: &str = "/large";

/// Connects to a sandbox with a large file, which is rewritten this many times while it is read.
async fn connected(rewrites: u32, limits: Limits) -> (Remote, Arc<Fake>) {
    let fake = Arc::new(Fake::new());
    fake.files.write(FILE, content()).await.unwrap();
    fake.rewrites.store(rewrites, Ordering::SeqCst);
    let options = Options::default().limits(limits);
    let remote = connected_to(Arc::clone(&fake), 64 << 10, &options).await;
    (remote, fake)
}

fn content() -> Bytes {
    (0..3_500_001_u32)
        .map(|n| (n % 251) as u8)
        .collect::<Vec<u8>>()
        .into()
}

fn request() -> ReadBytesRequest {
    ReadBytesRequest::new(VirtualPath::parse(FILE).unwrap())
}

#[tokio::test]
async fn a_range_of_a_large_file_is_that_range() {
    let (remote, fake) = connected(0, Limits::default()).await;
    for range in [
        0..3_500_001,
        1..3_500_001,
        7..2_000_000,
        262_143..262_145,
        2_000_000..u64::MAX,
    ] {
        let request = request().range(range.clone());
        let there = soon(remote.read_bytes_with(&request)).await.unwrap();
        let here = fake.files.read_bytes_with(&request).await.unwrap();
        assert_eq!(there, here, "{range:?}");
    }
    // Neither side needs memory for the whole file in addition to the result.
    assert!(fake.most_read.load(Ordering::SeqCst) <= 1 << 20);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let (remote, fake) = connected(2, Limits::default()).await;
    let read = soon(remote.read_bytes_with(&request())).await.unwrap();
    assert_eq!(read.bytes, content());
    let now = fake.files.stat(FILE).await.unwrap().version;
    assert_eq!(Some(read.version), now);
}

#[tokio::test]
async fn a_file_that_keeps_changing_is_a_conflict() {
    let (remote, _fake) = connected(u32::MAX, Limits::default()).await;
    let error = soon(remote.read_bytes_with(&request())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_reported_before_any_of_it_arrives() {
    let (remote, fake) = connected(0, Limits::default().body(2 << 20)).await;
    for (limit, told) in [(u64::MAX, 2 << 20), (1_500_000, 1_500_000)] {
        let request = request().limit(limit);
        match soon(remote.read_bytes_with(&request)).await.unwrap_err() {
            Error::TooLarge { size, limit, .. } => assert_eq!((size, limit), (3_500_001, told)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fake.most_read.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn many_readers_share_little_memory_and_all_finish() {
    let limits = Limits::default()
        .body(4 << 20)
        .message(4 << 10)
        .buffered(4 << 20);
    let (remote, _fake) = connected(0, limits).await;
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.read_bytes_with(&request()).await })
        })
        .collect();
    for reader in readers {
        let read = soon(reader).await.unwrap().unwrap();
        assert_eq!(read.bytes, content());
    }
}
