//! Defects of the Python original's in-memory backend, by their numbers in the list.

use backend_core::{Backend, VirtualPath};
use backend_core::{BackendExt, ErrorKind, GrepRequest};
use backend_state::StateBackend;

#[tokio::test]
async fn d31_bytes_stored_are_the_bytes_read() {
    let store = StateBackend::new();
    let png = b"\x89PNG\xff\x00\r\n";
    store.write("/p", png).await.unwrap();
    assert_eq!(store.read_bytes("/p").await.unwrap(), &png[..]);
    let error = store.read("/p").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotText);
}

#[tokio::test]
async fn d32_a_size_is_in_bytes() {
    let store = StateBackend::new();
    store.write("/f", "é\n").await.unwrap();
    assert_eq!(store.stat("/f").await.unwrap().size, 3);
}

#[tokio::test]
async fn d33_a_path_is_a_file_or_a_directory() {
    let store = StateBackend::new();
    store.write("/a", "x").await.unwrap();
    let error = store.write("/a/b", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
    store.write("/d/b", "x").await.unwrap();
    let error = store.write("/d", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
}

#[tokio::test]
async fn d34_paths_are_normalised_and_the_root_is_not_a_file() {
    let store = StateBackend::new();
    store.write("//d//f", "x").await.unwrap();
    assert_eq!(store.stat("/d/f").await.unwrap().path, "/d/f");
    let error = store.write("/", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
}

#[tokio::test]
async fn d35_a_dot_is_the_root() {
    let store = StateBackend::new();
    store.write("/f", "x").await.unwrap();
    for root in [".", "", "./", "/."] {
        assert_eq!(store.ls(root).await.unwrap().items.len(), 1, "{root:?}");
    }
}

#[tokio::test]
async fn d36_an_error_is_never_content() {
    let store = StateBackend::new();
    let error = store.read_bytes("/../x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPath);
    let error = store.read_bytes("/x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn d37_a_glob_without_a_slash_filters_at_any_depth() {
    let store = StateBackend::new();
    store.write("/a/b/x.py", "needle").await.unwrap();
    store.write("/a/b/x.rs", "needle").await.unwrap();
    let request = GrepRequest::new("needle").glob("*.py");
    let found = store.grep_with(&request).await.unwrap();
    assert_eq!(found.matches.len(), 1);
    assert_eq!(
        found.matches[0].path,
        VirtualPath::parse("/a/b/x.py").unwrap()
    );
}
