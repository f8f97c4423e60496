//! Documents: their form, that nothing is lost in them, and what is rejected.

use std::time::{Duration, SystemTime};

use backend_core::{BackendExt, Error, ErrorKind};
use backend_state::{Document, DocumentError, StateBackend};
use proptest::prelude::*;

/// A store whose clock stands still.
fn store() -> StateBackend {
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_795_380_328, 500_000_000);
    StateBackend::builder().clock(move || time).build()
}

#[tokio::test]
async fn a_document_is_plain_json() {
    let store = store();
    store.write("/main.py", "print('hello')\n").await.unwrap();
    store.write("/logo.png", b"\x89PNG\xff").await.unwrap();
    store.mkdir("/empty").await.unwrap();
    assert_eq!(
        store.to_json(),
        concat!(
            r#"{"format":"agent-backends-state","version":1,"#,
            r#""directories":{"/":{"modified":"2026-11-22T20:45:28.5Z"},"#,
            r#""/empty":{"modified":"2026-11-22T20:45:28.5Z"}},"#,
            r#""files":{"/logo.png":{"base64":"iVBOR/8=","modified":"2026-11-22T20:45:28.5Z"},"#,
            r#""/main.py":{"text":"print('hello')\n","modified":"2026-11-22T20:45:28.5Z"}}}"#,
        )
    );
    assert_eq!(
        store.to_document().without_times().to_json(),
        concat!(
            r#"{"format":"agent-backends-state","version":1,"directories":{"/empty":{}},"#,
            r#""files":{"/logo.png":{"base64":"iVBOR/8="},"/main.py":{"text":"print('hello')\n"}}}"#,
        )
    );
}

#[tokio::test]
async fn a_loaded_store_knows_derived_versions() {
    for derived in [false, true] {
        let builder = || StateBackend::builder().derived_versions(derived);
        let store = builder().build();
        store.write("/a", "one").await.unwrap();
        let version = store.edit("/a", "one", "two").await.unwrap().version;
        let loaded = builder().load(&store.to_document()).unwrap();
        let known = loaded.stat("/a").await.unwrap().version == Some(version);
        assert_eq!(known, derived);
        // Nor does a fork give other ones.
        let fork = store.fork();
        assert_eq!(fork.stat("/a").await.unwrap().version, Some(version));
    }
}

#[tokio::test]
async fn content_that_is_not_plain_text_is_base64() {
    let store = store();
    for (content, text) in [
        (&b"plain"[..], true),
        ("é \u{2028} \u{1b} \r\n".as_bytes(), true),
        (b"\xef\xbb\xbfbom", true),
        (b"", true),
        (b"nul \0", false),
        (b"\xff\xfeh\0i\0", false),
        (b"\xfe\xff\0h\0i", false),
        (b"latin \xe9", false),
    ] {
        store.write("/f", content).await.unwrap();
        let json = store.to_json();
        assert_eq!(json.contains(r#""text":"#), text, "{content:?}");
        assert_eq!(json.contains(r#""base64":"#), !text, "{content:?}");
        let loaded = StateBackend::from_json(&json).unwrap();
        assert_eq!(loaded.read_bytes("/f").await.unwrap(), content);
    }
}

#[tokio::test]
async fn a_store_comes_back_with_its_times_and_directories() {
    let original = StateBackend::new();
    original.write("/a/b/c.txt", "c").await.unwrap();
    original.write("/a.txt", "a").await.unwrap();
    original.mkdir("/a/empty/er").await.unwrap();
    let loaded = StateBackend::from_json(original.to_json()).unwrap();
    for path in [
        "/",
        "/a",
        "/a/b",
        "/a/b/c.txt",
        "/a.txt",
        "/a/empty",
        "/a/empty/er",
    ] {
        let (mut old, new) = (
            original.stat(path).await.unwrap(),
            loaded.stat(path).await.unwrap(),
        );
        if old.is_file() {
            assert_ne!(old.version, new.version, "a version belongs to one store");
        }
        old.version = new.version;
        assert_eq!(old, new);
    }
    assert_eq!(loaded.to_json(), original.to_json());
    assert_eq!(loaded.usage(), original.usage());
}

#[tokio::test]
async fn equal_stores_give_equal_documents_whatever_their_history() {
    let (left, right) = (StateBackend::new(), StateBackend::new());
    for path in ["/b", "/a/x", "/a-b", "/a.txt"] {
        left.write(path, "x").await.unwrap();
    }
    right.write("/gone/x", "x").await.unwrap();
    for path in ["/a.txt", "/a/x", "/b", "/a-b"] {
        right.write(path, "y").await.unwrap();
        right.write(path, "x").await.unwrap();
    }
    right.rename("/gone", "/a/gone").await.unwrap();
    right.delete("/a/gone/x").await.unwrap();
    right.delete("/a/gone").await.unwrap();
    let json = |store: &StateBackend| store.to_document().without_times().to_json();
    assert_eq!(json(&left), json(&right));
    // Path order: the content of a directory follows it.
    let at = |path: &str| json(&left).find(path).unwrap();
    assert!(at("\"/a/x\"") < at("\"/a-b\"") && at("\"/a-b\"") < at("\"/a.txt\""));
}

#[test]
fn a_document_is_found_in_any_order_of_its_fields() {
    let json = r#"{"files":{"/f":{"modified":"2026-01-01T00:00:00Z","text":"x"}},
        "version":1,"directories":{},"format":"agent-backends-state"}"#;
    let document = Document::from_json(json).unwrap();
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::from_value::<Document>(value).unwrap(), document);
    let value = serde_json::to_value(&document).unwrap();
    assert_eq!(value["files"]["/f"]["text"], "x");
}

#[test]
fn an_empty_object_and_an_empty_document_are_empty_stores() {
    let least = r#"{"format":"agent-backends-state","version":1}"#;
    for json in ["{}", least] {
        assert_eq!(StateBackend::from_json(json).unwrap().usage().files, 0);
        assert_eq!(Document::from_json(json).unwrap(), Document::default());
    }
}

#[test]
fn a_contradictory_document_is_refused() {
    let load = |directories: &str, files: &str| {
        let json = format!(
            r#"{{"format":"agent-backends-state","version":1,
                "directories":{directories},"files":{files}}}"#
        );
        Document::from_json(json).map(drop).unwrap_err()
    };
    let text = r#"{"text":""}"#;
    let kinds: Vec<(String, String, &str)> = vec![
        (
            "{}".into(),
            format!(r#"{{"/a":{text},"/a":{text}}}"#),
            "Duplicate",
        ),
        (
            "{}".into(),
            format!(r#"{{"/a":{text},"/a/":{text}}}"#),
            "Duplicate",
        ),
        (r#"{"/d":{},"/d":{}}"#.into(), "{}".into(), "Duplicate"),
        (
            "{}".into(),
            format!(r#"{{"/a":{text},"/a/b/c":{text}}}"#),
            "FileAndDirectory",
        ),
        (
            r#"{"/a":{}}"#.into(),
            format!(r#"{{"/a":{text}}}"#),
            "FileAndDirectory",
        ),
        (
            r#"{"/a/b":{}}"#.into(),
            format!(r#"{{"/a":{text},"/a!":{text}}}"#),
            "FileAndDirectory",
        ),
        (
            "{}".into(),
            format!(r#"{{"/":{text}}}"#),
            "FileAndDirectory",
        ),
        ("{}".into(), format!(r#"{{"/a/../b":{text}}}"#), "Path"),
        (r#"{"/a\u0000":{}}"#.into(), "{}".into(), "Path"),
        ("{}".into(), r#"{"/a":{}}"#.into(), "Content"),
        (
            "{}".into(),
            r#"{"/a":{"text":"","base64":""}}"#.into(),
            "Content",
        ),
        ("{}".into(), r#"{"/a":{"base64":"a"}}"#.into(), "Content"),
        ("{}".into(), r#"{"/a":{"base64":"YQ="}}"#.into(), "Content"),
        (
            "{}".into(),
            r#"{"/a":{"base64":"YQ==\n"}}"#.into(),
            "Content",
        ),
        (
            "{}".into(),
            r#"{"/a":{"text":"","modified":"now"}}"#.into(),
            "Time",
        ),
        (r#"{"/d":{"modified":""}}"#.into(), "{}".into(), "Time"),
        (
            "{}".into(),
            r#"{"/a":{"text":"","mode":1}}"#.into(),
            "Syntax",
        ),
        (r#"{"/d":{"text":""}}"#.into(), "{}".into(), "Syntax"),
        ("{}".into(), r#"{"/a":null}"#.into(), "Syntax"),
        ("[]".into(), "{}".into(), "Syntax"),
    ];
    for (directories, files, want) in kinds {
        let error = load(&directories, &files);
        let shown = format!("{error:?}");
        assert!(shown.starts_with(want), "{directories} {files}: {shown}");
        let error = Error::from(error);
        let kind = if want == "Path" {
            ErrorKind::InvalidPath
        } else {
            ErrorKind::InvalidRequest
        };
        assert_eq!(error.kind(), kind);
    }
}

#[test]
fn other_formats_and_versions_are_refused() {
    for (format, version) in [("agent-backends-state", 2), ("something", 1)] {
        let json = format!(r#"{{"format":"{format}","version":{version}}}"#);
        let error = Document::from_json(json).unwrap_err();
        assert!(matches!(error, DocumentError::Format { .. }), "{error:?}");
    }
    for json in [
        r#"{"format":"agent-backends-state"}"#,
        r#"{"version":1,"files":{}}"#,
        r#"{"format":"agent-backends-state","version":1,"more":1}"#,
        r#"{"format":"agent-backends-state","version":1,"/f":{"content":[]}}"#,
        r#"{"format":"agent-backends-state","version":1,"version":1}"#,
        r#"{"format":"agent-backends-state","version":1} x"#,
    ] {
        let error = Document::from_json(json).unwrap_err();
        assert!(
            matches!(error, DocumentError::Syntax { .. }),
            "{json}: {error:?}"
        );
    }
}

#[test]
fn an_error_names_the_path_once() {
    let json = r#"{"format":"agent-backends-state","version":1,"files":{"/a":{"base64":"a"}}}"#;
    let error = Error::from(Document::from_json(json).unwrap_err());
    assert_eq!(error.to_string(), "/a: the base64 does not decode");
}

proptest! {
    #[test]
    fn no_bytes_make_a_load_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::from_json(bytes);
    }

    #[test]
    fn a_damaged_document_is_refused_or_holds_together(
        places in prop::collection::vec((any::<prop::sample::Index>(), 32..127u8), 1..4),
        python: bool,
    ) {
        let own = r#"{"format":"agent-backends-state","version":1,
            "directories":{"/d":{},"/d/e":{"modified":"2026-01-01T00:00:00Z"}},
            "files":{"/d/a":{"text":"\u0041"},"/f":{"base64":"QUJD"}}}"#;
        let original = r#"{"/d/a":{"content":["a","\udc80"],"created_at":"","modified_at":""},
            "/f":{"content":["QUJD"],"encoding":"base64"}}"#;
        let mut json = if python { original } else { own }.as_bytes().to_vec();
        for (place, byte) in places {
            let place = place.index(json.len());
            json[place] = byte;
        }
        if let Ok(store) = StateBackend::from_json(&json) {
            let again = StateBackend::from_json(store.to_json()).unwrap();
            prop_assert_eq!(again.usage(), store.usage());
        }
    }

    #[test]
    fn every_store_survives_its_document(
        files in prop::collection::btree_map(
            "/[a-c.]{1,2}(/[a-c]){0,3}",
            prop::collection::vec(prop_oneof![Just(0u8), any::<u8>(), 32..127u8], 0..40),
            0..12,
        ),
        directories in prop::collection::vec("(/[a-d]){1,3}", 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = StateBackend::new();
        for (path, content) in &files {
            // Some are refused because a file is in the way: that is fine.
            let _ = runtime.block_on(store.write(path.as_str(), content));
        }
        for path in &directories {
            let _ = runtime.block_on(store.mkdir(path.as_str()));
        }
        let json = store.to_json();
        let loaded = StateBackend::from_json(&json).unwrap();
        prop_assert_eq!(loaded.to_json(), json);
        prop_assert_eq!(loaded.usage(), store.usage());
        let timeless = store.to_document().without_times();
        let loaded = StateBackend::from_document(&timeless).unwrap();
        prop_assert_eq!(loaded.usage(), store.usage());
        prop_assert_eq!(loaded.to_document().without_times(), timeless);
    }
}
