//! Files that are read in pieces: they are whole and of one version, and no reader waits for another one for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use backend_core::wire::{self, Limits, Options, Remote, Server};
use backend_core::*;
use backend_state::StateBackend;
use bytes::Bytes;

use super::soon;

const FILE: &str = "/large";

/// Files of which one is written by somebody else before so many reads of it.
#[derive(Debug)]
struct Restless {
    files: StateBackend,
    changes: AtomicU32,
    /// The most bytes that a read brought.
    most: AtomicU32,
}

impl Restless {
    fn new(changes: u32) -> Arc<Self> {
        Arc::new(Self {
            files: StateBackend::new(),
            changes: changes.into(),
            most: AtomicU32::new(0),
        })
    }
}

#[async_trait]
impl Backend for Restless {
    fn capabilities(&self) -> Capabilities {
        self.files.capabilities()
    }
    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.files.stat_with(request).await
    }
    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.files.ls_with(request).await
    }
    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        self.files.read_with(request).await
    }
    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        let is_late = request
            .range
            .as_ref()
            .is_some_and(|range| range.start > 1 << 20);
        let fewer = |left: u32| left.checked_sub(1);
        if is_late
            && self
                .changes
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
                .is_ok()
        {
            let content = self.files.read_bytes(FILE).await?;
            self.files.write(FILE, content).await?;
        }
        let content = self.files.read_bytes_with(request).await?;
        self.most
            .fetch_max(content.bytes.len() as u32, Ordering::SeqCst);
        Ok(content)
    }
    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.files.write_with(request).await
    }
    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        self.files.edit_with(request).await
    }
    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.files.delete_with(request).await
    }
    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.files.rename_with(request).await
    }
    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.files.mkdir_with(request).await
    }
    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.files.glob_with(request).await
    }
    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.files.grep_with(request).await
    }
}

async fn connected(files: Arc<Restless>, limits: Limits) -> Remote {
    let (near, far) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move { Server::backend(files).serve(far).await });
    let options = Options::default().limits(limits);
    wire::connect_with(near, &options).await.unwrap()
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
async fn a_part_of_a_large_file_is_that_part() {
    let files = Restless::new(0);
    files.files.write(FILE, content()).await.unwrap();
    let remote = connected(Arc::clone(&files), Limits::default()).await;
    for range in [
        0..3_500_001,
        1..3_500_001,
        7..2_000_000,
        262_143..262_145,
        2_000_000..u64::MAX,
    ] {
        let request = request().range(range.clone());
        let there = soon(remote.read_bytes_with(&request)).await.unwrap();
        let here = files.files.read_bytes_with(&request).await.unwrap();
        assert_eq!(there, here, "{range:?}");
    }
    // Neither side needs memory for the whole file beside what the caller gets.
    assert!(files.most.load(Ordering::SeqCst) <= 1 << 20);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let files = Restless::new(2);
    files.files.write(FILE, content()).await.unwrap();
    let remote = connected(Arc::clone(&files), Limits::default()).await;
    let read = soon(remote.read_bytes_with(&request())).await.unwrap();
    assert_eq!(read.bytes, content());
    let now = files.files.stat(FILE).await.unwrap().version;
    assert_eq!(Some(read.version), now);
}

#[tokio::test]
async fn a_file_that_does_not_stop_changing_is_a_conflict() {
    let files = Restless::new(u32::MAX);
    files.files.write(FILE, content()).await.unwrap();
    let remote = connected(files, Limits::default()).await;
    let error = soon(remote.read_bytes_with(&request())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn what_is_too_large_is_told_before_any_of_it_comes() {
    let files = Restless::new(0);
    files.files.write(FILE, content()).await.unwrap();
    let remote = connected(Arc::clone(&files), Limits::default().body(2 << 20)).await;
    for (limit, told) in [(u64::MAX, 2 << 20), (1_500_000, 1_500_000)] {
        let request = request().limit(limit);
        match soon(remote.read_bytes_with(&request)).await.unwrap_err() {
            Error::TooLarge { size, limit, .. } => assert_eq!((size, limit), (3_500_001, told)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(files.most.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn many_readers_share_little_memory_and_all_come_to_an_end() {
    let files = Restless::new(0);
    files.files.write(FILE, content()).await.unwrap();
    let limits = Limits::default()
        .body(4 << 20)
        .message(4 << 10)
        .buffered(4 << 20);
    let remote = connected(files, limits).await;
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
