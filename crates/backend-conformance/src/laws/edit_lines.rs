//! Laws about edits by line and hash.

use backend_core::text::line_hash;
use backend_core::{
    Backend, BackendExt, EditRequest, Encoding, Error, ErrorKind, LineAnchor, LineEdit,
};

use super::text::{UTF16, utf16};
use crate::Workspace;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __edit_lines_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args edit_lines;
            H1 lines_are_replaced_by_number_and_hash
                "A range of lines, named by number and hash, is replaced by any number of lines.";
            H2 lines_are_deleted_with_their_endings
                "Deleted lines leave no blank line; deleting the only line leaves an empty file.";
            H3 lines_are_inserted_before_and_after
                "An insertion goes before or after its line, at the start and the end of the file too.";
            H4 an_insertion_after_a_last_line_without_newline_ends_that_line
                "The line gets an ending, and the new last line has none, as before.";
            H5 another_hash_is_a_conflict
                "A line that holds something else is a `conflict`, and the file is untouched.";
            H6 a_line_past_the_end_is_refused
                "A line that is not there is `invalid_request`, and nothing is changed.";
            H7 line_zero_and_backward_ranges_are_refused
                "Line 0, and a last line before the first, are `invalid_request`.";
            H8 numbers_are_those_before_the_edit
                "Several line edits all name lines of the file as it was, in any order.";
            H9 overlapping_line_edits_are_refused
                "Two edits of one line are `invalid_request`, and nothing is changed.";
            H10 line_edits_are_made_all_or_none
                "If one edit conflicts, no edit of the request is made.";
            H11 new_lines_take_the_files_ending
                "Lines put into a `\\r\\n` file end in `\\r\\n`, and all others keep theirs.";
            H12 line_edits_keep_marks_and_encodings
                "A byte order mark and UTF-16 stay; a hash is of the line's text.";
            H13 a_dry_run_and_an_expected_version_work_for_lines_too
                "Line edits can be tried, and refused by the file's version.";
            H14 hashes_shown_are_hashes_accepted
                "The hash of a line as a page shows it, without its ending, names the line.";
            H15 a_final_newline_of_new_lines_adds_no_line
                "A final ending in the new lines adds no line, and an empty text is one empty line.";
        }
    };
}

crate::__edit_lines_laws! { registry_of_area [Files] }

fn at(line: u64, content: &str) -> LineAnchor {
    LineAnchor::new(line, line_hash(content))
}

fn replace(first: LineAnchor, last: LineAnchor, text: &str) -> LineEdit {
    LineEdit::Replace {
        first,
        last,
        text: text.to_owned(),
    }
}

fn replace_one(line: u64, content: &str, text: &str) -> LineEdit {
    replace(at(line, content), at(line, content), text)
}

fn delete(first: LineAnchor, last: LineAnchor) -> LineEdit {
    LineEdit::Delete { first, last }
}

fn before(line: LineAnchor, text: &str) -> LineEdit {
    LineEdit::InsertBefore {
        line,
        text: text.to_owned(),
    }
}

fn after(line: LineAnchor, text: &str) -> LineEdit {
    LineEdit::InsertAfter {
        line,
        text: text.to_owned(),
    }
}

/// Checks line edits of `/f`.
async fn check(ws: &Workspace, content: &str, edits: Vec<LineEdit>, expected: &str) {
    ws.put("/f", content).await;
    let count = edits.len() as u64;
    let request = EditRequest::lines(p("/f"), edits);
    let edited = ws.edit_with(&request).await.unwrap();
    assert_eq!(edited.replacements, count, "{request:?}");
    assert_eq!(ws.text("/f").await, expected, "{content:?}: {request:?}");
}

/// Checks that line edits of `/f` are refused and leave the file.
async fn untouched(ws: &Workspace, edits: Vec<LineEdit>, kind: ErrorKind) -> Error {
    let before = (ws.bytes("/f").await, ws.version("/f").await);
    let request = EditRequest::lines(p("/f"), edits);
    let error = refused(ws.edit_with(&request).await, kind);
    assert_eq!(
        (ws.bytes("/f").await, ws.version("/f").await),
        before,
        "{request:?}"
    );
    error
}

async fn lines_are_replaced_by_number_and_hash(ws: &Workspace) {
    check(ws, "a\nb\nc\n", vec![replace_one(2, "b", "x")], "a\nx\nc\n").await;
    check(
        ws,
        "a\nb\nc\n",
        vec![replace_one(2, "b", "x\ny")],
        "a\nx\ny\nc\n",
    )
    .await;
    check(
        ws,
        "a\nb\nc\n",
        vec![replace(at(1, "a"), at(2, "b"), "x")],
        "x\nc\n",
    )
    .await;
    check(ws, "a\nb", vec![replace_one(2, "b", "x")], "a\nx").await;
    check(ws, "a\n\nc\n", vec![replace_one(2, "", "b")], "a\nb\nc\n").await;
}

async fn lines_are_deleted_with_their_endings(ws: &Workspace) {
    check(
        ws,
        "a\nb\nc\n",
        vec![delete(at(2, "b"), at(2, "b"))],
        "a\nc\n",
    )
    .await;
    check(ws, "a\nb\nc\n", vec![delete(at(1, "a"), at(2, "b"))], "c\n").await;
    check(ws, "a\n", vec![delete(at(1, "a"), at(1, "a"))], "").await;
    check(ws, "a", vec![delete(at(1, "a"), at(1, "a"))], "").await;
    check(
        ws,
        "a\r\nb\r\n",
        vec![delete(at(1, "a"), at(1, "a"))],
        "b\r\n",
    )
    .await;
}

async fn lines_are_inserted_before_and_after(ws: &Workspace) {
    check(ws, "a\nb\n", vec![before(at(1, "a"), "x")], "x\na\nb\n").await;
    check(
        ws,
        "a\nb\n",
        vec![before(at(2, "b"), "x\ny")],
        "a\nx\ny\nb\n",
    )
    .await;
    check(ws, "a\nb\n", vec![after(at(1, "a"), "x")], "a\nx\nb\n").await;
    check(ws, "a\nb\n", vec![after(at(2, "b"), "x")], "a\nb\nx\n").await;
    check(ws, "a\nb\n", vec![after(at(1, "a"), "")], "a\n\nb\n").await;
}

async fn an_insertion_after_a_last_line_without_newline_ends_that_line(ws: &Workspace) {
    check(ws, "a\nb", vec![after(at(2, "b"), "x")], "a\nb\nx").await;
    check(ws, "a\r\nb", vec![after(at(2, "b"), "x")], "a\r\nb\r\nx").await;
}

async fn another_hash_is_a_conflict(ws: &Workspace) {
    ws.put("/f", "a\nb\nc\n").await;
    for edit in [
        replace_one(2, "B", "x"),
        replace(at(1, "a"), at(2, "c"), "x"),
        delete(at(3, "b"), at(3, "b")),
        before(at(1, "b"), "x"),
        after(LineAnchor::new(2, ""), "x"),
        after(LineAnchor::new(2, "not a hash at all"), "x"),
    ] {
        let error = untouched(ws, vec![edit], ErrorKind::Conflict).await;
        assert_eq!(error.path(), Some(&p("/f")));
    }
}

async fn a_line_past_the_end_is_refused(ws: &Workspace) {
    ws.put("/f", "a\nb\n").await;
    for line in [3, 1000, u64::MAX] {
        let edits = vec![after(at(line, ""), "x")];
        let error = untouched(ws, edits, ErrorKind::InvalidRequest).await;
        assert!(
            error.to_string().contains('2'),
            "it names the length: {error}"
        );
    }
    ws.put("/f", "").await;
    untouched(ws, vec![before(at(1, ""), "x")], ErrorKind::InvalidRequest).await;
}

async fn line_zero_and_backward_ranges_are_refused(ws: &Workspace) {
    ws.put("/f", "a\nb\n").await;
    untouched(
        ws,
        vec![replace_one(0, "a", "x")],
        ErrorKind::InvalidRequest,
    )
    .await;
    untouched(ws, vec![before(at(0, "a"), "x")], ErrorKind::InvalidRequest).await;
    let backward = delete(at(2, "b"), at(1, "a"));
    untouched(ws, vec![backward], ErrorKind::InvalidRequest).await;
}

async fn numbers_are_those_before_the_edit(ws: &Workspace) {
    let edits = vec![
        replace_one(4, "d", "D"),
        delete(at(1, "a"), at(1, "a")),
        after(at(2, "b"), "x\ny"),
        before(at(4, "d"), "z"),
    ];
    check(ws, "a\nb\nc\nd\n", edits, "b\nx\ny\nc\nz\nD\n").await;
}

async fn overlapping_line_edits_are_refused(ws: &Workspace) {
    ws.put("/f", "a\nb\nc\n").await;
    let over = vec![
        replace(at(1, "a"), at(2, "b"), "x"),
        replace_one(2, "b", "y"),
    ];
    untouched(ws, over, ErrorKind::InvalidRequest).await;
    let same = vec![delete(at(2, "b"), at(2, "b")), replace_one(2, "b", "y")];
    untouched(ws, same, ErrorKind::InvalidRequest).await;
}

async fn line_edits_are_made_all_or_none(ws: &Workspace) {
    ws.put("/f", "a\nb\nc\n").await;
    let edits = vec![replace_one(1, "a", "x"), replace_one(3, "changed", "y")];
    untouched(ws, edits, ErrorKind::Conflict).await;
}

async fn new_lines_take_the_files_ending(ws: &Workspace) {
    let edits = vec![replace_one(2, "b", "x\ny")];
    check(ws, "a\r\nb\r\nc\r\n", edits, "a\r\nx\r\ny\r\nc\r\n").await;
    check(
        ws,
        "a\r\nb\nc\r\n",
        vec![replace_one(3, "c", "x")],
        "a\r\nb\nx\r\n",
    )
    .await;
    check(
        ws,
        "a\r\nb\r\n",
        vec![after(at(2, "b"), "c")],
        "a\r\nb\r\nc\r\n",
    )
    .await;
}

async fn line_edits_keep_marks_and_encodings(ws: &Workspace) {
    let edits = vec![replace_one(1, "a", "x")];
    check(ws, "\u{feff}a\nb\n", edits.clone(), "\u{feff}x\nb\n").await;
    for encoding in UTF16 {
        ws.put("/f", utf16("a\r\nö\r\n", encoding)).await;
        let request = EditRequest::lines(p("/f"), vec![replace_one(2, "ö", "日\n本")]);
        ws.edit_with(&request).await.unwrap();
        assert_eq!(ws.bytes("/f").await, utf16("a\r\n日\r\n本\r\n", encoding));
    }
    assert_eq!(ws.read("/f").await.unwrap().encoding, Encoding::Utf16Be);
}

async fn a_dry_run_and_an_expected_version_work_for_lines_too(ws: &Workspace) {
    let old = ws.put("/f", "z\nb\n").await;
    let version = ws.put("/f", "a\nb\n").await;
    let request = EditRequest::lines(p("/f"), vec![replace_one(1, "a", "x")]);
    let dry = ws.edit_with(&request.clone().dry_run()).await.unwrap();
    assert_eq!(
        (dry.version, ws.text("/f").await),
        (version, "a\nb\n".into())
    );
    refused(
        ws.edit_with(&request.clone().expect(old)).await,
        ErrorKind::Conflict,
    );
    let edited = ws.edit_with(&request.expect(version)).await.unwrap();
    assert_eq!(
        (edited.diff, ws.text("/f").await),
        (dry.diff, "x\nb\n".into())
    );
}

async fn hashes_shown_are_hashes_accepted(ws: &Workspace) {
    for content in ["one\ntwo\n", "one\r\ntwo\r\n", "\u{feff}one\ntwo"] {
        ws.put("/f", content).await;
        let page = ws.read("/f").await.unwrap();
        let shown = page.render_hashed();
        let edits: Vec<LineEdit> = page
            .numbered_lines()
            .map(|(number, line)| {
                assert!(shown.contains(&line_hash(line)), "{shown:?}");
                replace_one(number, line, &line.to_uppercase())
            })
            .collect();
        let request = EditRequest::lines(p("/f"), edits);
        ws.edit_with(&request).await.unwrap();
        let upper = content.replace("one", "ONE").replace("two", "TWO");
        assert_eq!(ws.text("/f").await, upper);
    }
}

async fn a_final_newline_of_new_lines_adds_no_line(ws: &Workspace) {
    check(ws, "a\nb\n", vec![replace_one(1, "a", "x\n")], "x\nb\n").await;
    check(ws, "a\nb\n", vec![replace_one(1, "a", "x\n\n")], "x\n\nb\n").await;
    check(ws, "a\nb\n", vec![replace_one(1, "a", "")], "\nb\n").await;
    check(ws, "a\nb\n", vec![after(at(2, "b"), "c\n")], "a\nb\nc\n").await;
    check(ws, "a\nb", vec![after(at(2, "b"), "c\n")], "a\nb\nc").await;
}
