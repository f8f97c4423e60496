//! Laws about what a grep treats as text: it sees the lines that a read shows.

use backend_core::{Backend, BackendExt, ErrorKind, GrepRequest};

use super::text::{UTF16, utf16};
use crate::Workspace;
use crate::workspace::p;

#[doc(hidden)]
#[macro_export]
macro_rules! __grep_text_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args grep_text;
            I1 grep_and_read_agree_on_line_numbers
                "The line of a match is the line that a read shows under that number, in any text.";
            I2 binary_files_are_skipped_and_counted
                "A file with a NUL, early or late, gives no match and is counted as binary.";
            I3 utf16_is_searched
                "A UTF-16 file with a mark is searched as its text.";
            I4 a_line_end_matches_before_a_carriage_return
                "`$` matches before `\\r\\n`, and the text of a match has no `\\r`.";
            I5 a_byte_order_mark_is_not_searched
                "`^` matches at the first character after the mark, which is column 1.";
            I6 other_encodings_are_searched_and_marked
                "A file that is not UTF-8 is searched; a match whose text had to be replaced is `lossy`.";
            I7 a_long_line_is_cut_around_the_match
                "The text of a match has the match in it, is cut to `line_bytes` at characters' edges, and says so.";
            I8 a_match_found_by_grep_can_be_edited
                "The text of a match that is neither cut nor lossy is in the file as it is.";
            I9 an_empty_file_has_no_line
                "No pattern matches in an empty file.";
            I10 context_lines_are_cut_too
                "A line of context over `line_bytes` is cut at a character's edge.";
        }
    };
}

crate::__grep_text_laws! { registry_of_area [Files] }

async fn grep_and_read_agree_on_line_numbers(ws: &Workspace) {
    let contents: [&[u8]; 7] = [
        b"a\nhit\nb\nhit",
        b"a\r\nhit\r\n\r\nhit\r\n",
        "a\u{c}b\u{2028}c\u{85}d\nhit\n\u{b}\nhit\n".as_bytes(),
        b"a\rb\nhit\rc\nhit\n",
        "\u{feff}hit\nx\nhit\n".as_bytes(),
        b"\n\n\nhit\n\nhit\n",
        &utf16(
            "a\n\u{a0d}hit\u{d0a}\n\nhit",
            backend_core::Encoding::Utf16Le,
        ),
    ];
    for content in contents {
        ws.put("/f", content).await;
        let page = ws.read("/f").await.unwrap();
        let read: Vec<(u64, &str)> = page
            .numbered_lines()
            .filter(|(_, line)| line.contains("hit"))
            .collect();
        let found = ws.searched(&GrepRequest::new("hit")).await;
        let searched: Vec<(u64, &str)> = found
            .matches
            .iter()
            .map(|hit| (hit.line, hit.text.as_str()))
            .collect();
        assert_eq!(searched, read, "{:?}", String::from_utf8_lossy(content));
        assert_eq!(read.len(), 2);
    }
}

async fn binary_files_are_skipped_and_counted(ws: &Workspace) {
    let mut late = b"needle\n".repeat(300_000);
    late.push(0);
    ws.put("/early", b"\0needle\n").await;
    ws.put("/late", &late).await;
    ws.put("/text", "needle\n").await;
    let found = ws.searched(&GrepRequest::new("needle")).await;
    let paths: Vec<&str> = found.matches.iter().map(|hit| hit.path.as_str()).collect();
    assert_eq!(paths, ["/text"]);
    assert_eq!(found.skipped.binary, 2, "{:?}", found.skipped);
}

async fn utf16_is_searched(ws: &Workspace) {
    for encoding in UTF16 {
        ws.put("/f", utf16("eins\r\nzwölf 🦀\r\n", encoding)).await;
        let hits = ws.hits(&GrepRequest::new("^zw.lf .$")).await;
        assert_eq!(hits, ["/f:2:zwölf 🦀"], "{encoding}");
    }
}

async fn a_line_end_matches_before_a_carriage_return(ws: &Workspace) {
    ws.put("/f", "foo\r\nbar\nfoo bar\r\n").await;
    assert_eq!(ws.hits(&GrepRequest::new("foo$")).await, ["/f:1:foo"]);
    assert_eq!(
        ws.hits(&GrepRequest::new("bar$")).await,
        ["/f:2:bar", "/f:3:foo bar"]
    );
    assert_eq!(ws.hits(&GrepRequest::new("^foo$")).await, ["/f:1:foo"]);
    let context = ws.searched(&GrepRequest::new("^bar").context(1, 1)).await;
    assert_eq!(context.matches[0].before[0].text, "foo");
    assert_eq!(context.matches[0].after[0].text, "foo bar");
}

async fn a_byte_order_mark_is_not_searched(ws: &Workspace) {
    ws.put("/f", "\u{feff}needle\n").await;
    let found = ws.searched(&GrepRequest::new("^needle")).await;
    assert_eq!(
        (found.matches[0].column, found.matches[0].text.as_str()),
        (1, "needle")
    );
    assert!(ws.hits(&GrepRequest::new("\u{feff}")).await.is_empty());
}

async fn other_encodings_are_searched_and_marked(ws: &Workspace) {
    ws.put("/f", b"caf\xe9 needle\nplain needle\n").await;
    let found = ws.searched(&GrepRequest::new("needle")).await;
    let lossy: Vec<(u64, bool)> = found
        .matches
        .iter()
        .map(|hit| (hit.line, hit.lossy))
        .collect();
    assert_eq!(lossy, [(1, true), (2, false)]);
    assert_eq!(found.matches[1].text, "plain needle");
    crate::workspace::refused(ws.read("/f").await, ErrorKind::NotText);
}

async fn a_long_line_is_cut_around_the_match(ws: &Workspace) {
    let long = format!("{}needle{}", "é".repeat(3000), "ü".repeat(3000));
    ws.put("/f", format!("short needle\n{long}\n")).await;
    for request in [
        GrepRequest::new("needle"),
        GrepRequest::new("needle").line_bytes(51),
    ] {
        let found = ws.searched(&request).await;
        let (short, cut) = (&found.matches[0], &found.matches[1]);
        assert!(!short.cut && short.text == "short needle");
        assert!(cut.cut && cut.text.contains("needle"), "{cut:?}");
        assert!(cut.text.len() <= request.line_bytes, "{cut:?}");
        assert!(!cut.lossy && !cut.text.contains('\u{fffd}'), "{cut:?}");
        assert_eq!((cut.line, cut.column), (2, 6001));
    }
    let wide = GrepRequest::new("needle").line_bytes(20_000);
    assert_eq!(ws.searched(&wide).await.matches[1].text, long);
}

async fn a_match_found_by_grep_can_be_edited(ws: &Workspace) {
    for content in [
        "a\r\nx needle y\r\n",
        "\u{feff}x needle y\nb",
        "\tx needle  y \n",
    ] {
        ws.put("/f", content).await;
        let found = ws.searched(&GrepRequest::new("needle")).await;
        ws.edit("/f", found.matches[0].text.as_str(), "found")
            .await
            .unwrap();
        assert!(ws.text("/f").await.contains("found"));
    }
}

async fn an_empty_file_has_no_line(ws: &Workspace) {
    ws.put("/f", "").await;
    for pattern in ["", "^$", "x*"] {
        let found = ws.searched(&GrepRequest::new(pattern).path(p("/f"))).await;
        assert!(found.matches.is_empty(), "{pattern:?}: {found:?}");
        assert_eq!(
            ws.grep_with(&GrepRequest::new(pattern))
                .await
                .unwrap()
                .searched,
            1
        );
    }
}

async fn context_lines_are_cut_too(ws: &Workspace) {
    let long = "é".repeat(3000);
    ws.put("/f", format!("{long}\nneedle\n{long}\n")).await;
    let request = GrepRequest::new("needle").context(1, 1).line_bytes(51);
    let found = ws.searched(&request).await;
    let hit = &found.matches[0];
    for line in hit.before.iter().chain(&hit.after) {
        assert!(!line.text.is_empty() && line.text.len() <= 51, "{line:?}");
        assert!(long.starts_with(&line.text), "{line:?}");
    }
    assert_eq!((hit.before[0].line, hit.after[0].line), (1, 3));
}
