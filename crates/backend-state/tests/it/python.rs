//! Documents of the Python original and its successors, as they wrote them.

use std::time::{Duration, SystemTime};

use backend_core::BackendExt;
use backend_state::{Document, DocumentError, StateBackend};

// `json.dumps(backend.files)` after three writes with pydantic-ai-backend 0.0.4.
const WRITTEN_BY_0_0_4: &str = include_str!("python/files-0.0.4.json");

// The same with 0.2.37, one of the files a PNG.
const WRITTEN_BY_0_2_37: &str = include_str!("python/files-0.2.37.json");

#[tokio::test]
async fn documents_of_the_original_are_loaded() {
    let store = StateBackend::from_json(WRITTEN_BY_0_0_4).unwrap();
    let read = async |path: &str| store.read_bytes(path).await.unwrap();
    assert_eq!(read("/src/app.py").await, "print('hello')\n");
    assert_eq!(read("/notes.txt").await, "a\n\nb é");
    assert_eq!(read("/empty").await, "");
    let entry = store.stat("/src/app.py").await.unwrap();
    let since = entry
        .modified
        .unwrap()
        .duration_since(SystemTime::UNIX_EPOCH);
    assert!(since.unwrap() > Duration::from_secs(1_700_000_000));
    assert_eq!(store.usage().files, 3);
}

#[tokio::test]
async fn documents_of_its_successors_are_loaded() {
    let store = StateBackend::from_json(WRITTEN_BY_0_2_37).unwrap();
    let png = store.read_bytes("/logo.png").await.unwrap();
    assert_eq!(png, &b"\x89PNG\r\n\x1a\n\x00\xff"[..]);
    assert_eq!(store.read_bytes("/a.txt").await.unwrap(), "text\r\n");
}

fn file(content: &str) -> String {
    format!(r#"{{"/f": {{"content": {content}, "created_at": "", "modified_at": ""}}}}"#)
}

#[tokio::test]
async fn lone_surrogates_are_the_bytes_that_python_means() {
    let json = file(r#"["\udc89PNG", "\udcff\udc80é😀"]"#);
    let store = StateBackend::from_json(json).unwrap();
    let bytes = store.read_bytes("/f").await.unwrap();
    assert_eq!(bytes, [b"\x89PNG\n\xff\x80", "é😀".as_bytes()].concat());
}

#[test]
fn half_of_a_pair_that_is_not_a_byte_is_refused() {
    for content in [r#"["\ud83d"]"#, r#"["\udc00"]"#, r#"["\ude00"]"#] {
        let error = StateBackend::from_json(file(content)).unwrap_err();
        assert!(matches!(error, DocumentError::Content { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn paths_are_normalised_as_the_original_did_not() {
    let json = r#"{"//d//f": {"content": ["x"], "created_at": "", "modified_at": ""}}"#;
    let store = StateBackend::from_json(json).unwrap();
    assert_eq!(store.read_bytes("/d/f").await.unwrap(), "x");
}

#[test]
fn invalid_content_that_the_original_accepted_is_refused() {
    let two = |a: &str, b: &str| {
        let file = r#"{"content": ["x"], "created_at": "", "modified_at": ""}"#;
        StateBackend::from_json(format!(r#"{{"{a}": {file}, "{b}": {file}}}"#)).unwrap_err()
    };
    let error = two("/a", "/a/b");
    assert!(matches!(error, DocumentError::FileAndDirectory { ref path } if *path == "/a"));
    let error = two("/a/b", "//a//b");
    assert!(matches!(error, DocumentError::Duplicate { ref path } if *path == "/a/b"));
    let error = two("/", "/a");
    assert!(matches!(error, DocumentError::FileAndDirectory { ref path } if path.is_root()));
    assert!(matches!(two("/a", "/../b"), DocumentError::Path(_)));
}

#[test]
fn times_are_read_with_and_without_an_offset() {
    let with = |time: &str| {
        Document::from_json(format!(
            r#"{{"/f": {{"content": [], "created_at": "x", "modified_at": "{time}"}}}}"#
        ))
    };
    let utc = with("2026-01-02T03:04:05.600000+00:00").unwrap();
    assert_eq!(utc, with("2026-01-02T03:04:05.6").unwrap());
    assert_eq!(utc, with("2026-01-02T05:04:05.6+02:00").unwrap());
    assert!(matches!(with("yesterday"), Err(DocumentError::Time { .. })));
}

#[test]
fn other_shapes_are_refused() {
    for json in [
        r#"{"/f": "text"}"#,
        r#"{"/f": {"content": "text", "created_at": "", "modified_at": ""}}"#,
        r#"{"/f": {"created_at": "", "modified_at": ""}}"#,
        r#"{"/f": {"content": [], "mode": 420}}"#,
        r#"{"f": {"content": []}}"#,
        r#"{"/f": {"content": [1]}}"#,
        "[]",
        "",
        "null",
        "{",
    ] {
        let error = StateBackend::from_json(json).unwrap_err();
        assert!(
            matches!(error, DocumentError::Syntax { .. }),
            "{json}: {error:?}"
        );
    }
    let error = StateBackend::from_json(r#"{"/f": {"content": ["=="], "encoding": "base64"}}"#);
    assert!(matches!(error, Err(DocumentError::Content { .. })));
    let error = StateBackend::from_json(r#"{"/f": {"content": [], "encoding": "latin-1"}}"#);
    assert!(matches!(error, Err(DocumentError::Content { .. })));
}
