//! Laws about exact edits that are refused: what the refusal says, and that it leaves the file.

use backend_core::{
    Backend, BackendExt, Difference, EditRequest, Edits, Error, ErrorKind, Replacement,
};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __edit_refused_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args edit_refused;
            U1 no_match_changes_nothing
                "A text that is not there is `no_match`, and the file keeps its bytes and version.";
            U2 more_than_one_match_is_ambiguous
                "Without `replace_all`, several matches are `ambiguous_match` with the count and the lines.";
            U3 overlapping_matches_are_ambiguous
                "Matches that overlap are several, and the edit is refused.";
            U4 all_replacements_are_made_or_none
                "If one fails, its index is in the error and the file is untouched.";
            U5 an_empty_text_to_replace_is_refused
                "An empty `old` is `invalid_request`, with `replace_all` too.";
            U6 an_edit_that_changes_nothing_is_refused
                "`old` equal to `new` is `invalid_request`.";
            U7 an_edit_of_nothing_is_refused
                "No replacements, or no line edits, is `invalid_request`.";
            U8 a_missing_file_is_not_edited
                "An edit creates nothing: `not_found`; a directory is `is_a_directory`.";
            U9 a_non_text_file_is_not_edited
                "A file that is not text is `not_text`, and keeps every byte.";
            U10 an_expected_version_is_checked_first
                "A version other than the expected one is a `conflict` with the current one, whether or not the text matches.";
            U11 no_match_shows_the_nearest_text
                "`no_match` names the line and the difference: indentation, whitespace, case, line numbers.";
            U12 a_file_over_64_mib_is_too_large
                "An edit of more than 64 MiB is `too_large`, and leaves the file.";
        }
    };
}

crate::__edit_refused_laws! { registry_of_area [Files] }

/// Checks that an edit of `/f` is refused and leaves bytes and version.
async fn untouched(ws: &Workspace, request: &EditRequest, kind: ErrorKind) -> Error {
    let before = (ws.bytes("/f").await, ws.version("/f").await);
    let error = refused(ws.edit_with(request).await, kind);
    assert_eq!(
        (ws.bytes("/f").await, ws.version("/f").await),
        before,
        "{request:?}"
    );
    error
}

fn one(old: &str, new: &str) -> EditRequest {
    EditRequest::new(p("/f"), old, new)
}

async fn no_match_changes_nothing(ws: &Workspace) {
    ws.put("/f", "one two\n").await;
    match untouched(ws, &one("three", "3"), ErrorKind::NoMatch).await {
        Error::NoMatch { path, index, .. } => assert_eq!((path.as_str(), index), ("/f", 0)),
        other => panic!("{other:?}"),
    }
    ws.put("/f", "").await;
    untouched(ws, &one("x", "y"), ErrorKind::NoMatch).await;
}

async fn more_than_one_match_is_ambiguous(ws: &Workspace) {
    ws.put("/f", "x = 1\ny = 2\nx = 1 x = 1\n").await;
    match untouched(ws, &one("x = 1", "z"), ErrorKind::AmbiguousMatch).await {
        Error::AmbiguousMatch {
            index,
            count,
            lines,
            ..
        } => {
            assert_eq!((index, count), (0, 3));
            assert_eq!(lines, [1, 3, 3]);
        }
        other => panic!("{other:?}"),
    }
    ws.put("/f", "x\n".repeat(30)).await;
    match untouched(ws, &one("x", "z"), ErrorKind::AmbiguousMatch).await {
        Error::AmbiguousMatch { count, lines, .. } => {
            assert_eq!(count, 30);
            assert_eq!(lines, (1..=20).collect::<Vec<u64>>());
        }
        other => panic!("{other:?}"),
    }
}

async fn overlapping_matches_are_ambiguous(ws: &Workspace) {
    ws.put("/f", "aaa").await;
    untouched(ws, &one("aa", "b"), ErrorKind::AmbiguousMatch).await;
    ws.put("/f", "x\nx\nx\n").await;
    untouched(ws, &one("x\nx\n", "y\n"), ErrorKind::AmbiguousMatch).await;
}

async fn all_replacements_are_made_or_none(ws: &Workspace) {
    ws.put("/f", "one two two\n").await;
    let first = Replacement::new("one", "1");
    for (second, kind) in [
        (Replacement::new("absent", "x"), ErrorKind::NoMatch),
        (Replacement::new("two", "2"), ErrorKind::AmbiguousMatch),
        (Replacement::new("one", "x"), ErrorKind::NoMatch),
    ] {
        let request = EditRequest::exact(p("/f"), vec![first.clone(), second]);
        match untouched(ws, &request, kind).await {
            Error::NoMatch { index, .. } | Error::AmbiguousMatch { index, .. } => {
                assert_eq!(index, 1);
            }
            other => panic!("{other:?}"),
        }
    }
    let refused = vec![first, Replacement::new("", "x")];
    let request = EditRequest::exact(p("/f"), refused);
    untouched(ws, &request, ErrorKind::InvalidRequest).await;
}

async fn an_empty_text_to_replace_is_refused(ws: &Workspace) {
    ws.put("/f", "text").await;
    untouched(ws, &one("", "-"), ErrorKind::InvalidRequest).await;
    let all = EditRequest::exact(p("/f"), vec![Replacement::all("", "-")]);
    untouched(ws, &all, ErrorKind::InvalidRequest).await;
}

async fn an_edit_that_changes_nothing_is_refused(ws: &Workspace) {
    ws.put("/f", "text").await;
    untouched(ws, &one("text", "text"), ErrorKind::InvalidRequest).await;
}

async fn an_edit_of_nothing_is_refused(ws: &Workspace) {
    ws.put("/f", "text").await;
    for edits in [Edits::Exact(Vec::new()), Edits::Lines(Vec::new())] {
        let request = EditRequest::from_edits(p("/f"), edits);
        untouched(ws, &request, ErrorKind::InvalidRequest).await;
    }
}

async fn a_missing_file_is_not_edited(ws: &Workspace) {
    ws.make("/d").await;
    refused_at(ws.edit("/new", "a", "b").await, ErrorKind::NotFound, "/new");
    for path in ["/", "/d"] {
        refused_at(ws.edit(path, "a", "b").await, ErrorKind::IsADirectory, path);
    }
    assert_eq!(ws.listed("/").await, ["/d/"]);
}

async fn a_non_text_file_is_not_edited(ws: &Workspace) {
    for bytes in [
        b"caf\xe9 x".as_slice(),
        b"nul \0 x",
        b"x \xff",
        b"\xff\xfex\0y",
    ] {
        ws.put("/f", bytes).await;
        untouched(ws, &one("x", "y"), ErrorKind::NotText).await;
    }
}

async fn an_expected_version_is_checked_first(ws: &Workspace) {
    let first = ws.put("/f", "one\n").await;
    let second = ws.put("/f", "two\n").await;
    for old in ["one", "two", "absent"] {
        match untouched(ws, &one(old, "x").expect(first), ErrorKind::Conflict).await {
            Error::Conflict { path, current, .. } => {
                assert_eq!((path.as_str(), current), ("/f", Some(second)));
            }
            other => panic!("{other:?}"),
        }
    }
    let edited = ws
        .edit_with(&one("two", "three").expect(second))
        .await
        .unwrap();
    assert_eq!(ws.text("/f").await, "three\n");
    assert_eq!(edited.version, ws.version("/f").await);
}

async fn no_match_shows_the_nearest_text(ws: &Workspace) {
    let content = "first\n    if ready:\n        Run(now,  later)\nlast\n";
    ws.put("/f", content).await;
    let cases = [
        (
            "if ready:\n    Run(now,  later)",
            2,
            Difference::Indentation,
        ),
        ("Run(now, later)", 3, Difference::Whitespace),
        ("run(now,  later)", 3, Difference::Case),
        (
            "     3\t        Run(now,  later)",
            3,
            Difference::LineNumbers,
        ),
    ];
    for (old, line, difference) in cases {
        match untouched(ws, &one(old, "x"), ErrorKind::NoMatch).await {
            Error::NoMatch {
                near: Some(near), ..
            } => {
                assert_eq!(
                    (near.line, near.difference),
                    (line, difference),
                    "{old:?}: {near:?}"
                );
                assert!(!near.text.is_empty());
            }
            other => panic!("{old:?}: {other:?}"),
        }
    }
}

async fn a_file_over_64_mib_is_too_large(ws: &Workspace) {
    let size = backend_core::text::MAX_EDIT_BYTES + 1;
    ws.put("/f", vec![b'x'; usize::try_from(size).unwrap()])
        .await;
    let version = ws.version_by_stat("/f").await;
    refused_at(ws.edit("/f", "x", "y").await, ErrorKind::TooLarge, "/f");
    assert_eq!(ws.version_by_stat("/f").await, version);
}
