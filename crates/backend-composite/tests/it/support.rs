//! Shared helpers of the tests: short ways to create composites and to inspect them.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, Entry, EntryKind, Error, ErrorKind, Page, Result, VirtualPath,
};
use backend_state::StateBackend;

pub(crate) fn p(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

/// A store with these files.
pub(crate) async fn store(files: &[&str]) -> StateBackend {
    let store = StateBackend::new();
    for file in files {
        store
            .write(*file, format!("needle in {file}\n"))
            .await
            .unwrap();
    }
    store
}

/// A composite of stores.
pub(crate) fn composite(
    default: &StateBackend,
    mounts: &[(&str, &StateBackend)],
) -> CompositeBackend<StateBackend> {
    let mut builder = CompositeBackend::builder(Arc::new(default.clone()));
    for (path, backend) in mounts {
        builder = builder.mount(*path, Arc::new((*backend).clone()));
    }
    builder.build().unwrap()
}

/// Paths, with a `/` after each directory.
pub(crate) fn marked(page: &Page<Entry>) -> Vec<String> {
    page.items
        .iter()
        .map(|entry| match entry.kind {
            EntryKind::Directory => format!("{}/", entry.path),
            _ => entry.path.as_str().to_owned(),
        })
        .collect()
}

pub(crate) async fn listed(backend: &dyn Backend, path: &str) -> Vec<String> {
    marked(&backend.ls(path).await.unwrap())
}

pub(crate) async fn text(backend: &dyn Backend, path: &str) -> String {
    let bytes = backend.read_bytes(path).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind, path: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.path().map(VirtualPath::as_str), Some(path), "{error}");
    error
}
