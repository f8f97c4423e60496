//! Errors keep their kinds and paths, and reveal nothing about the host.

use std::error::Error as _;
use std::io;

use super::{Difference, Error, ErrorKind, NearMatch};
use crate::{ProcessId, VirtualPath};

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

#[test]
fn an_error_is_a_json_object_with_its_kind() {
    let error = Error::not_found(&path("/a"));
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "kind": "not_found", "path": "/a" })
    );
    let back: Error = serde_json::from_value(json).unwrap();
    assert_eq!(back.kind(), ErrorKind::NotFound);
    assert_eq!(back.to_string(), "/a: not found");
}

#[test]
fn an_unknown_process_is_not_found_and_has_no_path() {
    let error = Error::unknown_process(&ProcessId::new("p1\n2"));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.path(), None);
    assert_eq!(error.to_string(), "process p1\\n2: not found");
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "kind": "not_found", "process": "p1\n2" })
    );
    let back: Error = serde_json::from_value(json).unwrap();
    assert_eq!(back.to_string(), error.to_string());
}

#[test]
fn a_kind_reads_the_same_in_text_and_json() {
    for kind in [
        ErrorKind::InvalidPath,
        ErrorKind::NotADirectory,
        ErrorKind::QuotaExceeded,
    ] {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}

#[test]
fn a_source_is_only_for_operators() {
    let cause = io::Error::other("open /home/operator/secret: no");
    let error = Error::internal_from(Some(&path("/a")), "cannot open the file", cause);
    assert!(error.source().is_some());
    let shown = format!(
        "{error}{}{}",
        error.for_model(),
        serde_json::to_string(&error).unwrap()
    );
    assert!(!shown.contains("operator"), "{shown}");
    assert_eq!(
        error.to_string(),
        "/a: internal error: cannot open the file"
    );
}

#[test]
fn a_moved_error_names_the_new_path() {
    let moved = Error::is_a_directory(&path("/a")).map_path(|p| p.rebase(&path("/mnt")).unwrap());
    assert_eq!(moved.to_string(), "/mnt/a: is a directory");
    assert_eq!(moved.path(), Some(&path("/mnt/a")));
}

#[test]
fn an_invalid_request_about_a_path_names_it_outside_the_message() {
    let error = Error::invalid_request_at(&path("/a"), "offset 10 is past the end");
    assert_eq!(error.path(), Some(&path("/a")));
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json["message"], "offset 10 is past the end");
    let moved = error.map_path(|p| p.rebase(&path("/mnt")).unwrap());
    assert_eq!(moved.to_string(), "/mnt/a: offset 10 is past the end");

    let bare = Error::invalid_request("the limit must be at least 1");
    assert_eq!(bare.path(), None);
    let json = serde_json::to_value(&bare).unwrap();
    assert!(json.get("path").is_none());
    assert!(
        serde_json::from_value::<Error>(json)
            .unwrap()
            .path()
            .is_none()
    );
}

#[test]
fn a_model_is_shown_the_nearest_text() {
    let near = NearMatch::new(7, Difference::Indentation, "\tlet x = 1;");
    let error = Error::NoMatch {
        path: path("/a.rs"),
        index: 0,
        near: Some(Box::new(near)),
    };
    assert_eq!(
        error.for_model(),
        "/a.rs: no match for the text to replace; the nearest is on line 7: it differs in indentation\n\
         Copy the text exactly from the file. From line 7 on it reads:\n\tlet x = 1;"
    );
}

#[test]
fn an_ambiguous_match_names_its_lines() {
    let error = Error::AmbiguousMatch {
        path: path("/a"),
        index: 0,
        count: 3,
        lines: vec![1, 4],
    };
    assert_eq!(
        error.to_string(),
        "/a: 3 matches for the text to replace, on lines 1, 4, …"
    );
}

#[test]
fn an_error_is_small() {
    assert!(size_of::<Error>() <= 72, "{}", size_of::<Error>());
}
