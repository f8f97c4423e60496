//! Laws about exact edits: which text is replaced, and by what.

use backend_core::{
    Backend, BackendExt, EditRequest, Edited, Error, ErrorKind, Replacement, Result,
};

use crate::Workspace;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __edit_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args edit;
            E1 the_one_match_is_replaced
                "An edit replaces the match, counts it, and returns the new version.";
            E2 replace_all_replaces_each_match_once
                "`replace_all` replaces every match, left to right, and never text that it inserted itself.";
            E3 replacements_work_on_what_the_one_before_left
                "Several replacements apply in order, each to the outcome of the one before.";
            E4 a_text_is_taken_literally
                "Characters that mean something to a regular expression, a shell or `sed` mean themselves.";
            E5 a_dry_run_writes_nothing
                "A dry run has the count, diff and refusals of the edit, and the version that is there.";
            E6 a_text_can_be_removed
                "An empty `new` removes the text; removing everything leaves an empty file.";
            E7 a_text_can_span_lines
                "`old` and `new` can have any number of lines.";
            E8 the_last_line_keeps_its_missing_newline
                "An edit neither adds nor removes a newline at the end of the file.";
            E9 a_diff_shows_the_change
                "The diff is unified, names the file, and has three lines of context around the change.";
            E10 unicode_is_compared_byte_by_byte
                "No normalisation: a composed character does not match a decomposed one.";
            E11 an_edit_leaves_other_files_alone
                "Only the file changes, and nothing is left next to it.";
            E12 a_long_diff_is_cut_and_says_so
                "A diff has at most 64 KiB; a longer one is cut, and `diff_cut` is set.";
        }
    };
}

crate::__edit_laws! { registry_of_area [Files] }

/// Makes several replacements in `/f`.
async fn edit_all(ws: &Workspace, replacements: Vec<Replacement>) -> Result<Edited> {
    let request = EditRequest::exact(p("/f"), replacements);
    ws.edit_with(&request).await
}

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

async fn the_one_match_is_replaced(ws: &Workspace) {
    let before = ws.put("/f", "one two three\n").await;
    let edited = ws.edit("/f", "two", "2").await.unwrap();
    assert_eq!(edited.replacements, 1);
    assert_ne!(edited.version, before);
    assert_eq!(edited.version, ws.version("/f").await);
    assert_eq!(ws.text("/f").await, "one 2 three\n");
}

async fn replace_all_replaces_each_match_once(ws: &Workspace) {
    ws.put("/f", "a b a\na").await;
    let edited = edit_all(ws, vec![Replacement::all("a", "aa")])
        .await
        .unwrap();
    assert_eq!(edited.replacements, 3);
    assert_eq!(ws.text("/f").await, "aa b aa\naa");
    edit_all(ws, vec![Replacement::all("aa", "a")])
        .await
        .unwrap();
    assert_eq!(ws.text("/f").await, "a b a\na");
    ws.put("/f", "aaaaa").await;
    let edited = edit_all(ws, vec![Replacement::all("aa", "b")])
        .await
        .unwrap();
    assert_eq!(
        (edited.replacements, ws.text("/f").await),
        (2, "bba".into())
    );
}

async fn replacements_work_on_what_the_one_before_left(ws: &Workspace) {
    ws.put("/f", "one\n").await;
    let steps = vec![
        Replacement::new("one", "two two"),
        Replacement::all("two", "3"),
    ];
    let edited = edit_all(ws, steps).await.unwrap();
    assert_eq!(
        (edited.replacements, ws.text("/f").await),
        (3, "3 3\n".into())
    );
    let swap = vec![
        Replacement::new("3 3", "x"),
        Replacement::new("x", "y"),
        Replacement::new("y\n", "3 3\n"),
    ];
    edit_all(ws, swap).await.unwrap();
    assert_eq!(ws.text("/f").await, "3 3\n");
}

async fn a_text_is_taken_literally(ws: &Workspace) {
    let texts = [
        "a.c", ".*", "^$", "(x", "[y]", "$1", "\\1", "\\n", "\\", "\"q\"", "'q'", "`x`", "$HOME",
        "a/b", "&", "\t", "{}", "%s", "!", "é", "日本", "🦀", "\u{2028}", "<<EOF",
    ];
    for text in texts {
        ws.put("/f", format!("abc<{text}>axc\n")).await;
        ws.edit("/f", format!("<{text}>"), "<old>").await.unwrap();
        assert_eq!(ws.text("/f").await, "abc<old>axc\n", "{text:?} as old");
        ws.edit("/f", "<old>", format!("<{text}>")).await.unwrap();
        assert_eq!(
            ws.text("/f").await,
            format!("abc<{text}>axc\n"),
            "{text:?} as new"
        );
    }
    ws.put("/f", "abc").await;
    untouched(ws, &one("a.c", "x"), ErrorKind::NoMatch).await;
}

async fn a_dry_run_writes_nothing(ws: &Workspace) {
    let version = ws.put("/f", "one two\n").await;
    let dry = ws.edit_with(&one("two", "2").dry_run()).await.unwrap();
    assert_eq!((dry.replacements, dry.version), (1, version));
    assert_eq!(
        (ws.text("/f").await, ws.version("/f").await),
        ("one two\n".into(), version)
    );
    untouched(ws, &one("absent", "x").dry_run(), ErrorKind::NoMatch).await;
    let real = ws.edit_with(&one("two", "2")).await.unwrap();
    assert_eq!((real.replacements, real.diff), (dry.replacements, dry.diff));
}

async fn a_text_can_be_removed(ws: &Workspace) {
    ws.put("/f", "one two three").await;
    ws.edit("/f", " two", "").await.unwrap();
    assert_eq!(ws.text("/f").await, "one three");
    ws.edit("/f", "one three", "").await.unwrap();
    assert_eq!(ws.bytes("/f").await, "");
    assert!(ws.has("/f").await);
}

async fn a_text_can_span_lines(ws: &Workspace) {
    ws.put("/f", "a\nb\nc\nd\n").await;
    ws.edit("/f", "b\nc\n", "x\ny\nz\n").await.unwrap();
    assert_eq!(ws.text("/f").await, "a\nx\ny\nz\nd\n");
    ws.edit("/f", "a\nx\ny\nz\nd", "a").await.unwrap();
    assert_eq!(ws.text("/f").await, "a\n");
}

async fn the_last_line_keeps_its_missing_newline(ws: &Workspace) {
    for (before, after) in [
        ("a\nb", "a\nc"),
        ("a\nb\n", "a\nc\n"),
        ("b", "c"),
        ("\nb\n\n", "\nc\n\n"),
    ] {
        ws.put("/f", before).await;
        ws.edit("/f", "b", "c").await.unwrap();
        assert_eq!(ws.text("/f").await, after);
    }
}

async fn a_diff_shows_the_change(ws: &Workspace) {
    let lines: Vec<String> = (1..=20).map(|n| format!("line {n}\n")).collect();
    ws.put("/f", lines.concat()).await;
    let edited = ws.edit("/f", "line 10\n", "ten\n").await.unwrap();
    assert!(!edited.diff_cut);
    let diff: Vec<&str> = edited.diff.lines().collect();
    assert!(
        diff[0].starts_with("--- ") && diff[0].contains("/f"),
        "{}",
        edited.diff
    );
    assert!(
        diff[1].starts_with("+++ ") && diff[1].contains("/f"),
        "{}",
        edited.diff
    );
    assert_eq!(
        diff[2..],
        [
            "@@ -7,7 +7,7 @@",
            " line 7",
            " line 8",
            " line 9",
            "-line 10",
            "+ten",
            " line 11",
            " line 12",
            " line 13",
        ]
    );
}

async fn unicode_is_compared_byte_by_byte(ws: &Workspace) {
    ws.put("/f", "cafe\u{301}").await;
    untouched(ws, &one("caf\u{e9}", "x"), ErrorKind::NoMatch).await;
    ws.edit("/f", "e\u{301}", "\u{e9}").await.unwrap();
    assert_eq!(ws.text("/f").await, "caf\u{e9}");
}

async fn an_edit_leaves_other_files_alone(ws: &Workspace) {
    ws.tree(&[("/f", "text"), ("/g", "text"), ("/d/h", "text")])
        .await;
    let mut expected = ws.everything().await;
    ws.edit("/f", "text", "new").await.unwrap();
    expected.get_mut(&p("/f")).unwrap().1 = "new".into();
    assert_eq!(ws.everything().await, expected);
}

async fn a_long_diff_is_cut_and_says_so(ws: &Workspace) {
    ws.put("/f", "a line of some length\n".repeat(20_000)).await;
    let edited = edit_all(ws, vec![Replacement::all("some", "no")])
        .await
        .unwrap();
    assert_eq!(edited.replacements, 20_000);
    assert!(
        edited.diff_cut && edited.diff.len() <= 64 << 10,
        "{}",
        edited.diff.len()
    );
    assert!(edited.diff.starts_with("--- "));
    let edited = ws.edit("/f", "length\na line of no length\na", "x").await;
    refused(edited, ErrorKind::AmbiguousMatch);
}
