//! What a virtual path accepts, refuses and keeps.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{MAX_PATH_BYTES, MAX_SEGMENT_BYTES, PathReason, VirtualPath};

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

#[track_caller]
fn check(input: &str, want: Result<&str, PathReason>) {
    let got = VirtualPath::parse(input);
    let got = got
        .as_ref()
        .map(VirtualPath::as_str)
        .map_err(super::PathError::reason);
    assert_eq!(got, want, "{input:?}");
}

#[test]
fn every_spelling_of_the_root_is_the_root() {
    for text in ["", ".", "./", "/", "/.", "//", "/./", "././/."] {
        check(text, Ok("/"));
    }
}

#[test]
fn empty_and_dot_segments_vanish() {
    check("a", Ok("/a"));
    check("/a/b/", Ok("/a/b"));
    check("//d//f", Ok("/d/f"));
    check("./a/./b", Ok("/a/b"));
}

#[test]
fn ordinary_names_are_not_mistaken_for_special_ones() {
    for name in [
        "a..b",
        "...",
        "~x.txt",
        "a:notes",
        "x~",
        "..a",
        "-rf",
        "w:1:x.txt",
        "it's",
        "a b",
        "C:",
    ] {
        check(name, Ok(&format!("/{name}")));
    }
    check("/a/~", Ok("/a/~"));
    check("/~/x", Ok("/~/x"));
    check("/C:\\b", Ok("/C:\\b"));
    check("/a/C:/x", Ok("/a/C:/x"));
    check("/é\u{2028}ü", Ok("/é\u{2028}ü"));
}

#[test]
fn a_path_that_could_lead_elsewhere_is_refused_with_its_reason() {
    for text in ["..", "/..", "a/../b", "../../etc/passwd", "/a/.."] {
        check(text, Err(PathReason::ParentSegment));
    }
    for text in ["a\0b", "/a\nb", "\u{7f}", "/a\u{85}"] {
        check(text, Err(PathReason::ControlCharacter));
    }
    for text in ["C:\\x", "c:/x"] {
        check(text, Err(PathReason::Drive));
    }
    for text in ["~", "~/x", "./~"] {
        check(text, Err(PathReason::Home));
    }
}

#[test]
fn lengths_are_bounded() {
    check(
        &"a".repeat(MAX_SEGMENT_BYTES),
        Ok(&format!("/{}", "a".repeat(MAX_SEGMENT_BYTES))),
    );
    check(
        &"a".repeat(MAX_SEGMENT_BYTES + 1),
        Err(PathReason::SegmentTooLong),
    );
    check(
        &"a/".repeat(MAX_PATH_BYTES / 2),
        Ok(&"/a".repeat(MAX_PATH_BYTES / 2)),
    );
    check(
        &"a/".repeat(MAX_PATH_BYTES / 2 + 1),
        Err(PathReason::PathTooLong),
    );
}

#[test]
fn an_error_shows_the_text_escaped_and_cut() {
    let error = VirtualPath::parse(format!("/{}\n", "x".repeat(10_000))).unwrap_err();
    assert!(error.to_string().len() < 200);
    let error = VirtualPath::parse("/a\nb\u{1b}[31m").unwrap_err();
    assert!(!error.to_string().contains(['\n', '\u{1b}']), "{error:?}");
}

#[test]
fn prefixes_match_by_segment() {
    assert!(path("/mem/x").starts_with(&path("/mem")));
    assert!(path("/mem").starts_with(&path("/mem")));
    assert!(!path("/memory/x").starts_with(&path("/mem")));
    assert_eq!(path("/mem/x").strip_prefix(&path("/mem")), Some(path("/x")));
    assert_eq!(
        path("/mem").strip_prefix(&path("/mem")),
        Some(VirtualPath::root())
    );
    assert_eq!(path("/memory").strip_prefix(&path("/mem")), None);
    assert_eq!(
        path("/x").strip_prefix(&VirtualPath::root()),
        Some(path("/x"))
    );
}

#[test]
fn parents_and_names_agree() {
    assert_eq!(path("/a/b").parent(), Some(path("/a")));
    assert_eq!(path("/a").parent(), Some(VirtualPath::root()));
    assert_eq!(VirtualPath::root().parent(), None);
    assert_eq!(VirtualPath::root().name(), None);
    assert_eq!(path("/a/b").name(), Some("b"));
    let all: Vec<_> = path("/a/b").ancestors().map(String::from).collect();
    assert_eq!(all, ["/a/b", "/a", "/"]);
}

#[test]
fn a_child_is_one_segment() {
    assert_eq!(path("/a").child("b").unwrap(), "/a/b");
    for name in ["", ".", "..", "a/b", "a\0"] {
        assert!(path("/a").child(name).is_err(), "{name:?}");
    }
    assert_eq!(VirtualPath::root().child("~").unwrap(), path("/~"));
}

#[test]
fn a_directory_is_followed_by_what_is_in_it() {
    let mut paths: Vec<_> = ["/a-b", "/a", "/", "/a/b", "/b", "/a/b/c", "/a.c"]
        .map(path)
        .into();
    paths.sort();
    let order: Vec<_> = paths.iter().map(VirtualPath::as_str).collect();
    assert_eq!(order, ["/", "/a", "/a/b", "/a/b/c", "/a-b", "/a.c", "/b"]);
}

proptest! {
    #[test]
    fn a_parsed_path_parses_to_itself(text in "\\PC{0,40}") {
        if let Ok(first) = VirtualPath::parse(&text) {
            prop_assert_eq!(VirtualPath::parse(first.as_str()).unwrap(), first);
        }
    }

    #[test]
    fn a_path_never_holds_what_it_refuses(text in "(/|\\.|\\.\\.|~|a|:|\\\\|C|\n|\0|é){0,12}") {
        if let Ok(path) = VirtualPath::parse(&text) {
            prop_assert!(path.as_str().starts_with('/'));
            prop_assert!(path.segments().all(|s| s != ".." && s != "." && !s.is_empty()));
            prop_assert!(!path.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn segments_are_what_is_between_slashes(text in "(/[aé-]{1,3}){0,5}", from_the_end in vec(any::<bool>(), 6)) {
        let path = path(&text);
        let mut want: VecDeque<_> = path.as_str().split('/').filter(|s| !s.is_empty()).collect();
        let mut segments = path.segments();
        for from_the_end in from_the_end {
            if from_the_end {
                prop_assert_eq!(segments.next_back(), want.pop_back());
            } else {
                prop_assert_eq!(segments.next(), want.pop_front());
            }
        }
        prop_assert_eq!((segments.next(), segments.next_back()), (None, None));
    }

    #[test]
    fn rebasing_undoes_stripping(base in "(/[ab]{1,2}){0,3}", rest in "(/[ab]{1,2}){0,3}") {
        let base = path(&base);
        let inner = path(&rest);
        let outer = inner.rebase(&base).unwrap();
        prop_assert_eq!(outer.strip_prefix(&base), Some(inner));
    }

    #[test]
    fn order_is_that_of_segment_lists(left in "(/[a./-]{1,3}){0,3}", right in "(/[a./-]{1,3}){0,3}") {
        if let (Ok(left), Ok(right)) = (VirtualPath::parse(left), VirtualPath::parse(right)) {
            let by_segments = left.segments().collect::<Vec<_>>().cmp(&right.segments().collect::<Vec<_>>());
            prop_assert_eq!(left.cmp(&right), by_segments);
        }
    }
}
