//! Edits by exact text: what they match, keep and refuse.

use proptest::prelude::*;

use super::{Applied, apply_edits};
use crate::text::MAX_EDIT_BYTES;
use crate::text::decode::{decode, encode};
use crate::{Edits, Encoding, Error, ErrorKind, Replacement, Result, VirtualPath};

fn path() -> VirtualPath {
    VirtualPath::parse("/f").unwrap()
}

fn apply(content: &[u8], replacements: Vec<Replacement>) -> Result<Applied> {
    apply_edits(&path(), content, &Edits::Exact(replacements))
}

fn one(content: &str, old: &str, new: &str) -> Result<Applied> {
    apply(content.as_bytes(), vec![Replacement::new(old, new)])
}

fn all(content: &str, old: &str, new: &str) -> Result<Applied> {
    apply(content.as_bytes(), vec![Replacement::all(old, new)])
}

#[track_caller]
fn check(applied: Result<Applied>, want: &str, replacements: u64) {
    let applied = applied.unwrap();
    assert_eq!(String::from_utf8(applied.bytes).unwrap(), want);
    assert_eq!(applied.replacements, replacements);
}

#[track_caller]
fn check_refused(applied: Result<Applied>, kind: ErrorKind, message: &str) {
    let error = applied.unwrap_err();
    assert_eq!(error.kind(), kind);
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_match_is_replaced_literally() {
    check(one("abc a.c", "a.c", "X"), "abc X", 1);
    check(one("a $1 b", "$1", "\\1\n\"'&"), "a \\1\n\"'& b", 1);
    check(one("x\ty\n", "\t", "\n"), "x\ny\n", 1);
    check(one("one\ntwo\nthree", "one\ntwo", "1"), "1\nthree", 1);
    check(one("a", "a", ""), "", 1);
}

#[test]
fn all_matches_are_replaced_from_the_left() {
    check(all("x x", "x", "y"), "y y", 2);
    check(all("aaa", "aa", "b"), "ba", 1);
    check(all("aaaa", "aa", "a"), "aa", 2);
    check(all("x", "x", "xx"), "xx", 1);
    check(all("a\r\nb\nc\n", "\n", ";"), "a;b;c;", 3);
}

#[test]
fn replacements_are_made_one_after_the_other() {
    let edits = vec![
        Replacement::new("a", "b"),
        Replacement::all("b", "c"),
        Replacement::new("c\n", "d\n"),
    ];
    check_refused(
        apply(b"a b\nc\n", edits),
        ErrorKind::AmbiguousMatch,
        "/f: 2 matches for the text to replace, on lines 1, 2",
    );
    let edits = vec![Replacement::new("a", "b"), Replacement::all("b", "c")];
    check(apply(b"a b\n", edits), "c c\n", 3);
}

#[test]
fn a_match_that_is_not_there_says_which_it_was() {
    let edits = vec![Replacement::new("a", "b"), Replacement::new("a", "c")];
    let error = apply(b"a", edits).unwrap_err();
    assert!(
        matches!(error, Error::NoMatch { index: 1, .. }),
        "{error:?}"
    );
    assert_eq!(one("", "a", "b").unwrap_err().kind(), ErrorKind::NoMatch);
}

#[test]
fn more_than_one_match_is_ambiguous_and_overlapping_ones_count() {
    check_refused(
        one("x\nx\n\nx", "x", "y"),
        ErrorKind::AmbiguousMatch,
        "/f: 3 matches for the text to replace, on lines 1, 2, 4",
    );
    check_refused(
        one("aaa", "aa", "b"),
        ErrorKind::AmbiguousMatch,
        "/f: 2 matches for the text to replace, on lines 1, 1",
    );
    check_refused(
        one("a\r\n\r\n\r\n", "\n\n", "\n"),
        ErrorKind::AmbiguousMatch,
        "/f: 2 matches for the text to replace, on lines 1, 2",
    );
    let error = one(&"x\n".repeat(50), "x", "y").unwrap_err();
    let Error::AmbiguousMatch {
        count,
        lines,
        index,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((count, lines, index), (50, (1..=20).collect(), 0));
}

#[test]
fn a_meaningless_edit_is_refused() {
    let invalid = ErrorKind::InvalidRequest;
    check_refused(
        apply(b"a", vec![]),
        invalid,
        "/f: an edit needs at least one replacement",
    );
    check_refused(
        all("a", "", "-"),
        invalid,
        "/f: the text to replace must not be empty",
    );
    check_refused(
        one("a", "a", "a"),
        invalid,
        "/f: the new text is the same as the text to replace",
    );
    check_refused(
        one("a", "a", "\0"),
        invalid,
        "/f: the new text must not contain a NUL character",
    );
}

#[test]
fn a_meaningless_edit_is_refused_before_the_file_is_read() {
    let error = apply(b"\xff", vec![Replacement::new("", "x")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[test]
fn an_edit_is_all_or_nothing() {
    let edits = vec![Replacement::new("a", "b"), Replacement::new("zz", "c")];
    assert_eq!(apply(b"a", edits).unwrap_err().kind(), ErrorKind::NoMatch);
}

#[test]
fn a_file_that_is_not_text_is_not_edited() {
    for content in [&b"caf\xe9"[..], b"a\0", b"\xff\xfea", b"a\xed\xa0\x80"] {
        let error = apply(content, vec![Replacement::new("a", "b")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotText, "{content:?}");
    }
    check_refused(
        apply(b"caf\xe9", vec![Replacement::new("a", "b")]),
        ErrorKind::NotText,
        "/f: not text (text/plain; charset=unknown, 4 bytes)",
    );
}

#[test]
fn a_file_that_is_too_large_is_not_edited() {
    let size = usize::try_from(MAX_EDIT_BYTES).unwrap();
    let mut content = vec![b'a'; size];
    content[0] = b'b';
    check_refused(
        apply(&content, vec![Replacement::new("b", "cc")]),
        ErrorKind::TooLarge,
        "/f: too large: 67108865 bytes, at most 67108864",
    );
    content.push(b'a');
    check_refused(
        apply(&content, vec![Replacement::new("b", "c")]),
        ErrorKind::TooLarge,
        "/f: too large: 67108865 bytes, at most 67108864",
    );
}

#[test]
fn a_result_that_is_too_large_is_refused_before_it_is_made() {
    let content = "a".repeat(1 << 20);
    check_refused(
        all(&content, "a", &"b".repeat(1 << 20)),
        ErrorKind::TooLarge,
        "/f: too large: 1099511627776 bytes, at most 67108864",
    );
}

#[test]
fn a_newline_in_the_needle_matches_either_line_ending() {
    check(one("a\r\nb\r\nc\r\n", "a\nb", "x\ny"), "x\r\ny\r\nc\r\n", 1);
    check(one("a\r\nb\r\nc\r\n", "b\n", ""), "a\r\nc\r\n", 1);
    check(one("a\r\nb\r\nc\r\n", "\nb", "!"), "a!\r\nc\r\n", 1);
    check(one("a\nb\r\nc\n", "a\nb\nc", "x"), "x\n", 1);
}

#[test]
fn new_lines_get_the_line_ending_of_their_place() {
    // From the match itself.
    check(one("a\r\nb\nc\n", "a\nb", "a\nx\nb"), "a\r\nx\r\nb\nc\n", 1);
    // From the line of the match.
    check(one("a\r\nb\nc\n", "a", "a\nx"), "a\r\nx\r\nb\nc\n", 1);
    check(one("a\r\nb\nc\n", "b", "b\nx"), "a\r\nb\nx\nc\n", 1);
    // From the previous line, where the last one has none.
    check(one("a\r\nb", "b", "b\nx"), "a\r\nb\r\nx", 1);
    check(one("a", "a", "a\nx"), "a\nx", 1);
}

#[test]
fn line_endings_that_the_match_keeps_stay_as_they_are() {
    check(
        one("a\r\nb\nc\r\nd\n", "a\nb\nc\nd", "a\nB\nc\nd"),
        "a\r\nB\nc\r\nd\n",
        1,
    );
    check(
        one("a\r\nb\nc\r\nd\n", "a\nb\nc\nd\n", "a\nb\nc\nD\n"),
        "a\r\nb\nc\r\nD\n",
        1,
    );
}

#[test]
fn a_carriage_return_in_the_needle_is_matched_as_it_is() {
    check(one("a\r\nb\n", "a\r\n", "x\r\n"), "x\r\nb\n", 1);
    check(one("a\r\nb\n", "\r", ""), "a\nb\n", 1);
    check(one("a\rb", "\r", "\n"), "a\nb", 1);
    assert_eq!(
        one("a\nb", "a\r\nb", "x").unwrap_err().kind(),
        ErrorKind::NoMatch
    );
    check(one("a\r\nb\r\n", "a\r\nb", "x\ny"), "x\r\ny\r\n", 1);
}

#[test]
fn line_endings_can_be_converted_on_purpose() {
    check(all("a\r\nb\r\n", "\r\n", "\n"), "a\nb\n", 2);
    check(all("a\nb\n", "\n", "\r\n"), "a\r\nb\r\n", 2);
    check(all("a\r\nb\n", "\n", "\r\n"), "a\r\nb\r\n", 2);
}

#[test]
fn the_rest_of_a_file_with_mixed_endings_is_untouched() {
    check(
        one("\u{feff}a\r\n\rb\r\r\nc\n\n\r\nd", "c", "C"),
        "\u{feff}a\r\n\rb\r\r\nC\n\n\r\nd",
        1,
    );
}

#[test]
fn a_byte_order_mark_is_not_matched() {
    let error = one("\u{feff}a", "\u{feff}a", "b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMatch);
    check(one("\u{feff}a", "a", "b"), "\u{feff}b", 1);
}

#[test]
fn utf16_is_edited_in_its_own_encoding() {
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        let content = encode(encoding, "a😀\r\nb\r\n".into());
        let applied = apply(&content, vec![Replacement::new("😀\n", "é\nx\n")]).unwrap();
        assert_eq!(applied.bytes, encode(encoding, "aé\r\nx\r\nb\r\n".into()));
        assert!(applied.diff.contains("-a😀"), "{}", applied.diff);
    }
}

#[test]
fn the_diff_shows_what_changed() {
    let applied = one("1\n2\n3\n4\n5\n6\n7\n8\n", "5", "five").unwrap();
    assert_eq!(
        applied.diff,
        "--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
    );
    assert!(!applied.diff_cut);
}

#[test]
fn several_replacements_make_one_diff() {
    let edits = vec![
        Replacement::new("5", "five"),
        Replacement::new("five", "FIVE"),
        Replacement::new("2\n", ""),
    ];
    let applied = apply(b"1\n2\n3\n4\n5\n", edits).unwrap();
    assert_eq!(
        applied.diff,
        "--- a/f\n+++ b/f\n@@ -1,5 +1,4 @@\n 1\n-2\n 3\n 4\n-5\n+FIVE\n"
    );
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ab]{1,3}",
        2 => Just("\n".to_owned()),
        2 => Just("\r\n".to_owned()),
        1 => Just("\r".to_owned()),
        1 => "[é😀]",
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn encodings() -> impl Strategy<Value = Encoding> {
    prop_oneof![
        Just(Encoding::Utf8),
        Just(Encoding::Utf8Bom),
        Just(Encoding::Utf16Le),
        Just(Encoding::Utf16Be),
    ]
}

fn untouched(before: &str, after: &str, text: &str) -> bool {
    text.starts_with(before) && text.ends_with(after) && before.len() + after.len() <= text.len()
}

proptest! {
    #[test]
    fn text_outside_an_edit_stays_byte_for_byte(
        before in texts(),
        after in texts(),
        old in "[xy]([ab]|\n){0,6}[xy]",
        new in "([pq]|\n){0,8}",
        crlf in any::<bool>(),
        encoding in encodings(),
    ) {
        let inside = if crlf { old.replace('\n', "\r\n") } else { old.clone() };
        let content = encode(encoding, format!("{before}{inside}{after}"));
        let applied = apply(&content, vec![Replacement::new(old.as_str(), new.as_str())]).unwrap();
        let (encoding_after, text) = decode(&applied.bytes).unwrap();
        prop_assert_eq!(encoding_after, encoding);
        prop_assert!(untouched(&before, &after, &text), "{:?}", text);
        let replaced = text[before.len()..text.len() - after.len()].replace("\r\n", "\n");
        prop_assert_eq!(replaced, new);
    }

    #[test]
    fn an_edit_and_its_reverse_leave_the_file_as_it_was(
        before in texts(),
        after in texts(),
        old in "x[ab]{0,4}y",
        new in "p([ab]|\n){0,4}q",
        encoding in encodings(),
    ) {
        let content = encode(encoding, format!("{before}{old}{after}"));
        let there = apply(&content, vec![Replacement::new(old.as_str(), new.as_str())]).unwrap();
        let back = apply(&there.bytes, vec![Replacement::new(new.as_str(), old.as_str())]).unwrap();
        prop_assert_eq!(back.bytes, content);
    }

    #[test]
    fn any_bytes_and_edits_give_a_result_or_an_error(
        content in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'\n'), Just(b'\r')], 0..40),
        edits in proptest::collection::vec(("[a\n\r\u{e9}]{0,3}", "[ab\n\r]{0,3}", any::<bool>()), 0..4),
    ) {
        let replacements = edits
            .into_iter()
            .map(|(old, new, all)| if all { Replacement::all(old, new) } else { Replacement::new(old, new) })
            .collect();
        let _ = apply(&content, replacements);
    }

    #[test]
    fn the_diff_of_any_edits_leads_from_the_old_text_to_the_new(
        text in texts(),
        edits in proptest::collection::vec(("[ab\n]{1,2}", "[abc\n]{0,3}"), 1..4),
    ) {
        let replacements = edits
            .into_iter()
            .map(|(old, new)| Replacement::all(old, new))
            .collect();
        if let Ok(applied) = apply(text.as_bytes(), replacements) {
            let new = crate::text::diff::tests::patch(&text, &applied.diff);
            prop_assert_eq!(new.as_bytes(), &applied.bytes[..]);
        }
    }
}
