//! Quotas are checked before a change; a refused change has no effect.

use backend_core::{
    Backend, BackendExt, Error, ErrorKind, RenameRequest, Result, VirtualPath, WriteMode,
    WriteRequest,
};
use backend_state::{Document, DocumentError, StateBackend};

#[track_caller]
fn exceeded<T: std::fmt::Debug>(result: Result<T>, what: &str, limit: u64) {
    match result.unwrap_err() {
        Error::QuotaExceeded {
            what: is,
            limit: at,
        } => assert_eq!((&*is, at), (what, limit)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_files_together_have_a_limit() {
    let store = StateBackend::builder().max_bytes(10).build();
    store.write("/a", "12345").await.unwrap();
    store.write("/b", "12345").await.unwrap();
    exceeded(store.write("/c", "1").await, "bytes", 10);
    exceeded(store.write("/b", "123456").await, "bytes", 10);
    exceeded(store.edit("/b", "1", "11").await, "bytes", 10);
    assert_eq!(store.read_bytes("/b").await.unwrap(), "12345");
    assert!(!store.exists("/c").await.unwrap());
    store.write("/c", "").await.unwrap();
    store.write("/a", "1").await.unwrap();
    store.write("/c", "1234").await.unwrap();
    store.delete("/b").await.unwrap();
    store.edit("/c", "1", "11").await.unwrap();
    assert_eq!(store.usage().bytes, 6);
}

#[tokio::test]
async fn files_and_directories_are_counted() {
    let store = StateBackend::builder().max_files(3).build();
    exceeded(
        store.write("/a/b/c/d", "").await,
        "files and directories",
        3,
    );
    assert_eq!(store.usage().directories, 0);
    store.write("/a/b/c", "").await.unwrap();
    exceeded(store.mkdir("/d").await, "files and directories", 3);
    exceeded(
        store.rename("/a/b/c", "/d/c").await,
        "files and directories",
        3,
    );
    assert!(store.exists("/a/b/c").await.unwrap());
    store.write("/a/b/c", "again").await.unwrap();
    store.rename("/a/b/c", "/c").await.unwrap();
    let request = RenameRequest::new(path("/c"), path("/d")).overwrite();
    store.rename_with(&request).await.unwrap();
    store.delete("/d").await.unwrap();
    store.mkdir("/e").await.unwrap();
}

#[tokio::test]
async fn one_file_has_a_limit() {
    let store = StateBackend::builder().max_file_bytes(4).build();
    exceeded(store.write("/a", "12345").await, "bytes in one file", 4);
    store.write("/a", "1234").await.unwrap();
    exceeded(store.edit("/a", "4", "45").await, "bytes in one file", 4);
    assert_eq!(store.read_bytes("/a").await.unwrap(), "1234");
}

#[tokio::test]
async fn a_store_over_its_limit_can_shrink() {
    let store = StateBackend::builder().max_bytes(4).build();
    let large = StateBackend::new();
    large.write("/a", "12345678").await.unwrap();
    store.restore(&large);
    exceeded(store.write("/b", "1").await, "bytes", 4);
    store.write("/a", "1234567").await.unwrap();
    store.rename("/a", "/b").await.unwrap();
    store.edit("/b", "1234567", "1").await.unwrap();
    store.write("/c", "123").await.unwrap();
}

#[tokio::test]
async fn a_fork_has_the_limits_of_its_origin() {
    let store = StateBackend::builder().max_bytes(4).build();
    let fork = store.fork();
    fork.write("/a", "1234").await.unwrap();
    exceeded(fork.write("/b", "1").await, "bytes", 4);
    store.write("/b", "1234").await.unwrap();
}

#[tokio::test]
async fn a_document_over_the_limits_is_not_loaded() {
    let store = StateBackend::new();
    store.write("/d/a", "12345").await.unwrap();
    let document = store.to_document();
    let builder = StateBackend::builder;
    for (builder, want) in [
        (builder().max_bytes(4), "bytes"),
        (builder().max_file_bytes(4), "bytes in one file"),
        (builder().max_files(1), "files and directories"),
    ] {
        match builder.load(&document).unwrap_err() {
            DocumentError::Limit(Error::QuotaExceeded { what, .. }) => assert_eq!(what, want),
            other => panic!("{other:?}"),
        }
    }
    let error = Error::from(builder().max_bytes(4).load(&document).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    builder().max_bytes(5).max_files(2).load(&document).unwrap();
    builder().max_bytes(0).load(&Document::default()).unwrap();
}

#[tokio::test]
async fn a_refused_mode_comes_before_a_quota() {
    let store = StateBackend::builder().max_bytes(4).build();
    store.write("/a", "1234").await.unwrap();
    let request = WriteRequest::new(path("/a"), "12345").mode(WriteMode::CreateNew);
    let error = store.write_with(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn content_of_any_size_does_not_keep_its_buffer() {
    let store = StateBackend::new();
    let buffer = bytes::Bytes::from(vec![7; 1 << 20]);
    let request = WriteRequest::new(path("/small"), buffer.slice(10..20));
    store.write_with(&request).await.unwrap();
    let kept = store.read_bytes("/small").await.unwrap();
    assert_eq!(kept, buffer.slice(10..20));
    assert!(!buffer.as_ptr_range().contains(&kept.as_ptr()));
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}
