//! Laws about what an edit keeps: encodings, byte order marks and line endings.

use backend_core::{Backend, BackendExt, EditRequest, Encoding, ErrorKind, Replacement};

use super::text::{UTF16, utf16};
use crate::Workspace;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __edit_text_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args edit_text;
            K1 a_newline_matches_either_ending
                "A `\\n` in `old` matches `\\r\\n` in the file, and the file's ending is written.";
            K2 an_explicit_carriage_return_is_meant
                "With a `\\r` in it, `old` matches only where the file has it, and `new` is written as it is.";
            K3 mixed_endings_are_left_as_they_are
                "Lines that the edit does not touch keep their own ending.";
            K4 new_lines_take_the_ending_of_their_place
                "In a file with both endings, new lines end as the line they replace does.";
            K5 a_byte_order_mark_stays
                "The mark stays, and text at the start of the file matches after it.";
            K6 utf16_stays_utf16
                "An edit of a UTF-16 file writes UTF-16 of the same order, with its mark.";
            K7 other_separators_do_not_end_a_line
                "Form feeds, U+2028 and lone `\\r` are kept where they are.";
            K8 a_page_read_is_a_needle_that_matches
                "Text copied from a page, endings or not, is found by an edit of the same file.";
            K9 an_ending_alone_can_be_changed
                "Replacing `\\r\\n` by `\\n`, or the other way round, is an edit like others.";
        }
    };
}

crate::__edit_text_laws! { registry_of_area [Files] }

/// Checks an edit of `/f`.
async fn check(ws: &Workspace, before: &str, old: &str, new: &str, after: &str) {
    ws.put("/f", before).await;
    ws.edit("/f", old, new).await.unwrap();
    assert_eq!(ws.text("/f").await, after, "{before:?}: {old:?} by {new:?}");
}

async fn a_newline_matches_either_ending(ws: &Workspace) {
    check(
        ws,
        "a\r\nb\r\nc\r\n",
        "a\nb",
        "x\ny\nz",
        "x\r\ny\r\nz\r\nc\r\n",
    )
    .await;
    check(ws, "a\nb\nc\n", "a\nb", "x\ny\nz", "x\ny\nz\nc\n").await;
    check(ws, "a\r\nb\r\nc", "b", "x\ny", "a\r\nx\r\ny\r\nc").await;
    check(ws, "a\r\nb\r\n", "b\n", "", "a\r\n").await;
    check(ws, "a\r\nb", "a\nb", "c", "c").await;
}

async fn an_explicit_carriage_return_is_meant(ws: &Workspace) {
    check(ws, "a\r\nb\r\n", "a\r\nb", "x\r\ny", "x\r\ny\r\n").await;
    check(ws, "a\nb\n", "a", "x\r\ny", "x\r\ny\nb\n").await;
    ws.put("/f", "a\nb\n").await;
    refused(ws.edit("/f", "a\r\nb", "x").await, ErrorKind::NoMatch);
    assert_eq!(ws.text("/f").await, "a\nb\n");
}

async fn mixed_endings_are_left_as_they_are(ws: &Workspace) {
    check(ws, "a\r\nb\nc\r\nd\n", "b", "x", "a\r\nx\nc\r\nd\n").await;
    check(ws, "a\r\nb\nc\r\nd\n", "c", "x", "a\r\nb\nx\r\nd\n").await;
    ws.put("/f", "a\r\na\na\r\n").await;
    let all = EditRequest::exact(p("/f"), vec![Replacement::all("a", "bb")]);
    assert_eq!(ws.edit_with(&all).await.unwrap().replacements, 3);
    assert_eq!(ws.text("/f").await, "bb\r\nbb\nbb\r\n");
}

async fn new_lines_take_the_ending_of_their_place(ws: &Workspace) {
    check(ws, "a\r\nb\nc\r\n", "a", "x\ny", "x\r\ny\r\nb\nc\r\n").await;
    check(ws, "a\r\nb\nc\r\n", "b", "x\ny", "a\r\nx\ny\nc\r\n").await;
}

async fn a_byte_order_mark_stays(ws: &Workspace) {
    check(ws, "\u{feff}one\ntwo\n", "one", "1", "\u{feff}1\ntwo\n").await;
    check(ws, "\u{feff}one", "one", "", "\u{feff}").await;
    assert_eq!(ws.read("/f").await.unwrap().encoding, Encoding::Utf8Bom);
}

async fn utf16_stays_utf16(ws: &Workspace) {
    for encoding in UTF16 {
        ws.put("/f", utf16("one\r\nzwölf 🦀\r\n", encoding)).await;
        let edited = ws.edit("/f", "one\nzwölf", "日本\n12").await.unwrap();
        assert_eq!(edited.replacements, 1);
        assert_eq!(
            ws.bytes("/f").await,
            utf16("日本\r\n12 🦀\r\n", encoding),
            "{encoding}"
        );
    }
}

async fn other_separators_do_not_end_a_line(ws: &Workspace) {
    check(
        ws,
        "a\u{c}b\u{2028}c\rd\n",
        "b",
        "x",
        "a\u{c}x\u{2028}c\rd\n",
    )
    .await;
    check(ws, "a\rb\n", "a\rb", "c", "c\n").await;
}

async fn a_page_read_is_a_needle_that_matches(ws: &Workspace) {
    for content in [
        "a\r\nb\r\nc\r\n",
        "a\nb\nc\n",
        "a\r\nb\nc\r\n",
        "\u{feff}a\nb\nc",
    ] {
        ws.put("/f", content).await;
        let page = ws.read_lines("/f", 0, 2).await.unwrap();
        let by_lines: Vec<&str> = page.numbered_lines().map(|(_, line)| line).collect();
        for needle in [page.text.clone(), by_lines.join("\n")] {
            let dry = EditRequest::new(p("/f"), needle.as_str(), "x").dry_run();
            let edited = ws.edit_with(&dry).await;
            assert_eq!(edited.unwrap().replacements, 1, "{content:?}: {needle:?}");
        }
    }
}

async fn an_ending_alone_can_be_changed(ws: &Workspace) {
    ws.put("/f", "a\r\nb\r\n").await;
    let all = EditRequest::exact(p("/f"), vec![Replacement::all("\r\n", "\n")]);
    ws.edit_with(&all).await.unwrap();
    assert_eq!(ws.text("/f").await, "a\nb\n");
    let all = EditRequest::exact(p("/f"), vec![Replacement::all("\n", "\r\n")]);
    ws.edit_with(&all).await.unwrap();
    assert_eq!(ws.text("/f").await, "a\r\nb\r\n");
}
