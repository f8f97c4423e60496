//! Edits by line and hash: what they produce, keep and refuse.

use proptest::prelude::*;

use crate::text::{apply_edits, line_hash};
use crate::{Edits, Error, ErrorKind, LineAnchor, LineEdit, Result, VirtualPath};

fn path() -> VirtualPath {
    VirtualPath::parse("/f").unwrap()
}

/// Makes the anchor of a line as shown by a page.
fn at(text: &str, line: usize) -> LineAnchor {
    let content = text.split('\n').nth(line - 1).unwrap();
    let content = content.strip_suffix('\r').unwrap_or(content);
    LineAnchor::new(line as u64, line_hash(content))
}

fn replace(text: &str, first: usize, last: usize, new: &str) -> LineEdit {
    LineEdit::Replace {
        first: at(text, first),
        last: at(text, last),
        text: new.into(),
    }
}

fn delete(text: &str, first: usize, last: usize) -> LineEdit {
    LineEdit::Delete {
        first: at(text, first),
        last: at(text, last),
    }
}

fn before(text: &str, line: usize, new: &str) -> LineEdit {
    LineEdit::InsertBefore {
        line: at(text, line),
        text: new.into(),
    }
}

fn after(text: &str, line: usize, new: &str) -> LineEdit {
    LineEdit::InsertAfter {
        line: at(text, line),
        text: new.into(),
    }
}

fn apply(text: &str, edits: Vec<LineEdit>) -> Result<String> {
    let count = edits.len() as u64;
    let applied = apply_edits(&path(), text.as_bytes(), &Edits::Lines(edits))?;
    assert_eq!(applied.replacements, count);
    let new = String::from_utf8(applied.bytes).unwrap();
    assert_eq!(crate::text::diff::tests::patch(text, &applied.diff), new);
    Ok(new)
}

#[track_caller]
fn check(text: &str, edits: Vec<LineEdit>, want: &str) {
    assert_eq!(apply(text, edits).unwrap(), want);
}

#[track_caller]
fn check_refused(text: &str, edits: Vec<LineEdit>, kind: ErrorKind, message: &str) {
    let error = apply(text, edits).unwrap_err();
    assert_eq!(error.kind(), kind);
    assert_eq!(error.to_string(), message);
}

const ABC: &str = "a\nb\nc\n";

#[test]
fn lines_are_replaced() {
    check(ABC, vec![replace(ABC, 2, 2, "B")], "a\nB\nc\n");
    check(ABC, vec![replace(ABC, 1, 2, "x\ny\nz")], "x\ny\nz\nc\n");
    check(ABC, vec![replace(ABC, 1, 3, "x")], "x\n");
    check(ABC, vec![replace(ABC, 3, 3, "C")], "a\nb\nC\n");
}

#[test]
fn nothing_for_a_line_is_an_empty_line() {
    check(ABC, vec![replace(ABC, 2, 2, "")], "a\n\nc\n");
    check("a", vec![replace("a", 1, 1, "")], "\n");
    check("a\nb", vec![replace("a\nb", 2, 2, "")], "a\n\n");
}

#[test]
fn an_ending_after_the_last_new_line_is_no_further_line() {
    check(ABC, vec![replace(ABC, 2, 2, "B\n")], "a\nB\nc\n");
    check(ABC, vec![after(ABC, 3, "d\r\n")], "a\nb\nc\nd\n");
    check(ABC, vec![after(ABC, 3, "d\n\n")], "a\nb\nc\nd\n\n");
}

#[test]
fn lines_are_deleted_with_their_endings() {
    check(ABC, vec![delete(ABC, 2, 2)], "a\nc\n");
    check(ABC, vec![delete(ABC, 1, 3)], "");
    check("a\n", vec![delete("a\n", 1, 1)], "");
    check("a", vec![delete("a", 1, 1)], "");
    check("a\nb", vec![delete("a\nb", 2, 2)], "a\n");
    check("a\nb", vec![delete("a\nb", 1, 1)], "b");
}

#[test]
fn lines_are_inserted() {
    check(ABC, vec![before(ABC, 1, "x\ny")], "x\ny\na\nb\nc\n");
    check(ABC, vec![after(ABC, 1, "x")], "a\nx\nb\nc\n");
    check(ABC, vec![after(ABC, 3, "x")], "a\nb\nc\nx\n");
    check(ABC, vec![before(ABC, 2, "")], "a\n\nb\nc\n");
}

#[test]
fn a_file_without_a_newline_at_its_end_stays_one() {
    let text = "a\nb";
    check(text, vec![replace(text, 2, 2, "c")], "a\nc");
    check(text, vec![replace(text, 2, 2, "c\n")], "a\nc");
    check(text, vec![after(text, 2, "c\nd")], "a\nb\nc\nd");
    check(text, vec![before(text, 2, "x")], "a\nx\nb");
    check(text, vec![delete(text, 2, 2), after(text, 2, "c")], "a\nc");
    check(
        text,
        vec![replace(text, 1, 1, "A"), after(text, 2, "c")],
        "A\nb\nc",
    );
}

#[test]
fn new_lines_get_the_ending_of_their_place() {
    let text = "a\r\nb\nc";
    check(text, vec![replace(text, 1, 1, "x\ny")], "x\r\ny\r\nb\nc");
    check(
        text,
        vec![replace(text, 1, 1, "x\r\ny\r\n")],
        "x\r\ny\r\nb\nc",
    );
    check(text, vec![after(text, 1, "x")], "a\r\nx\r\nb\nc");
    check(text, vec![before(text, 2, "x")], "a\r\nx\nb\nc");
    check(text, vec![after(text, 3, "x")], "a\r\nb\nc\nx");
    let text = "a\r\nb";
    check(text, vec![after(text, 2, "x\ny")], "a\r\nb\r\nx\r\ny");
}

#[test]
fn all_numbers_are_those_before_the_edit() {
    check(
        ABC,
        vec![
            after(ABC, 1, "x\ny\nz"),
            delete(ABC, 3, 3),
            replace(ABC, 2, 2, "B"),
        ],
        "a\nx\ny\nz\nB\n",
    );
}

#[test]
fn inserts_in_one_place_keep_their_order() {
    check(
        ABC,
        vec![before(ABC, 2, "1"), after(ABC, 1, "2"), before(ABC, 2, "3")],
        "a\n1\n2\n3\nb\nc\n",
    );
    check(
        ABC,
        vec![
            replace(ABC, 2, 2, "B"),
            before(ABC, 2, "1"),
            after(ABC, 2, "2"),
        ],
        "a\n1\nB\n2\nc\n",
    );
}

#[test]
fn edits_that_overlap_are_refused() {
    let overlapping = [
        vec![replace(ABC, 1, 2, "x"), delete(ABC, 2, 3)],
        vec![delete(ABC, 2, 2), delete(ABC, 2, 2)],
        vec![replace(ABC, 1, 2, "x"), after(ABC, 1, "y")],
        vec![before(ABC, 2, "y"), replace(ABC, 1, 2, "x")],
    ];
    for edits in overlapping {
        let error = apply(ABC, edits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(
            error.to_string().contains("line edits overlap at line"),
            "{error}"
        );
    }
}

#[test]
fn lines_that_are_not_there_are_refused() {
    let anchor = LineAnchor::new(4, "0000");
    let edit = LineEdit::InsertBefore {
        line: anchor.clone(),
        text: "x".into(),
    };
    let invalid = ErrorKind::InvalidRequest;
    check_refused(
        ABC,
        vec![edit.clone()],
        invalid,
        "/f: line 4 is past the end: the file has 3 lines",
    );
    check_refused(
        "a",
        vec![edit.clone()],
        invalid,
        "/f: line 4 is past the end: the file has 1 line",
    );
    check_refused(
        "",
        vec![edit],
        invalid,
        "/f: line 4 is past the end: the file has 0 lines",
    );
    let edit = LineEdit::InsertBefore {
        line: LineAnchor::new(0, "0000"),
        text: "x".into(),
    };
    check_refused(
        ABC,
        vec![edit],
        invalid,
        "/f: lines are counted from 1, so there is no line 0",
    );
    check_refused(
        ABC,
        vec![delete(ABC, 3, 2)],
        invalid,
        "/f: the last line, 2, is before the first, 3",
    );
    check_refused(
        ABC,
        vec![],
        invalid,
        "/f: an edit needs at least one line edit",
    );
    check_refused(
        ABC,
        vec![after(ABC, 1, "\0")],
        invalid,
        "/f: the new text must not contain a NUL character",
    );
}

#[test]
fn a_line_with_different_content_is_a_conflict_that_shows_it() {
    let (a, b, z) = (line_hash("a"), line_hash("b"), line_hash("z"));
    let edit = |line, hash: &str| {
        vec![LineEdit::InsertAfter {
            line: LineAnchor::new(line, hash),
            text: "x".into(),
        }]
    };
    check_refused(
        ABC,
        edit(1, &b),
        ErrorKind::Conflict,
        &format!(
            "/f: conflict: line 1 has the hash {a}, not \"{b}\", and holds \"a\"; that hash is on line 2 now"
        ),
    );
    check_refused(
        ABC,
        edit(1, &z),
        ErrorKind::Conflict,
        &format!("/f: conflict: line 1 has the hash {a}, not \"{z}\", and holds \"a\""),
    );
    check_refused(
        "a\nb\nb\n",
        edit(1, &b),
        ErrorKind::Conflict,
        &format!("/f: conflict: line 1 has the hash {a}, not \"{b}\", and holds \"a\""),
    );
}

#[test]
fn a_conflict_shows_a_part_of_a_long_line() {
    let text = "é".repeat(500);
    let edit = LineEdit::Delete {
        first: LineAnchor::new(1, "----"),
        last: LineAnchor::new(1, "----"),
    };
    let Error::Conflict { reason, .. } = apply(&text, vec![edit]).unwrap_err() else {
        panic!("no conflict");
    };
    assert!(reason.len() < 300, "{reason}");
    assert!(reason.ends_with("é\"..."), "{reason}");
}

#[test]
fn a_hash_is_of_the_exact_content() {
    let text = "a \n";
    let edit = LineEdit::Delete {
        first: LineAnchor::new(1, line_hash("a")),
        last: LineAnchor::new(1, line_hash("a")),
    };
    assert_eq!(
        apply(text, vec![edit]).unwrap_err().kind(),
        ErrorKind::Conflict
    );
}

#[test]
fn the_last_anchor_is_checked_too() {
    let edit = LineEdit::Delete {
        first: at(ABC, 1),
        last: LineAnchor::new(3, line_hash("x")),
    };
    assert_eq!(
        apply(ABC, vec![edit]).unwrap_err().kind(),
        ErrorKind::Conflict
    );
}

#[test]
fn hashes_are_short_and_spread() {
    let mut hashes: Vec<_> = (0..1000)
        .map(|line| line_hash(&format!("line {line}")))
        .collect();
    assert!(hashes.iter().all(|hash| hash.len() == 4));
    hashes.sort();
    hashes.dedup();
    assert!(hashes.len() >= 995, "{}", hashes.len());
    // Callers store hashes, so they must not change.
    assert_eq!(line_hash(""), "k39r");
    assert_eq!(line_hash("fn main() {"), "mjr6");
}

/// A file as lines with their endings.
fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn unnamed_lines_stay_as_they_are(
        text in "([ab]{0,2}(\n|\r\n)){1,12}[ab]{0,2}",
        picks in proptest::collection::vec((any::<proptest::sample::Index>(), 0_u8..4, "[xy\n]{0,3}"), 1..4),
    ) {
        let old = lines(&text);
        let edits: Vec<_> = picks
            .iter()
            .map(|(pick, kind, new)| {
                let line = pick.index(old.len()) + 1;
                match kind {
                    0 => replace(&text, line, line, new),
                    1 => delete(&text, line, line),
                    2 => before(&text, line, new),
                    _ => after(&text, line, new),
                }
            })
            .collect();
        let touched: Vec<_> = picks
            .iter()
            .filter(|(_, kind, _)| *kind < 2)
            .map(|(pick, _, _)| pick.index(old.len()))
            .collect();
        let Ok(new) = apply(&text, edits) else { return Ok(()) };
        // All untouched lines are there, in order; the last may have gained an ending.
        let mut left = lines(&new).into_iter();
        for (index, line) in old.iter().enumerate().filter(|(index, _)| !touched.contains(index)) {
            let found = left.any(|new| {
                new == *line || (index + 1 == old.len() && new.trim_end() == line)
            });
            prop_assert!(found, "{:?} is not in {:?}", line, new);
        }
    }
}
