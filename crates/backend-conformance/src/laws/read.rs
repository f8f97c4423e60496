//! Laws about windows of lines: what a page holds, where it ends, and how to continue.

use backend_core::{BackendExt, ErrorKind, PageEnd, ReadRequest, TextPage};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __read_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args read;
            R1 a_small_file_is_one_page
                "A page has the lines with their endings, the first line's number, the total, size and version.";
            R2 an_offset_counts_the_lines_to_skip
                "Offset 0 starts at line 1; a window says the number of its first line and the total.";
            R3 pages_put_together_are_the_file
                "Reading on at `next_offset` until there is none gives every line once, in order.";
            R4 two_thousand_lines_are_the_default
                "Without a limit a page has 2000 lines, and says where to continue only if there are more.";
            R5 an_empty_file_is_an_empty_page
                "Offset 0 of an empty file is a page without lines and a total of 0, not an error.";
            R6 an_offset_past_the_end_names_the_length
                "An offset at or past the end is `invalid_request`, with the number of lines in the message.";
            R7 a_window_of_zero_lines_is_refused
                "A limit of 0 lines is `invalid_request`.";
            R8 a_last_line_without_a_newline_is_a_line
                "The last line counts whether or not it has an ending, and none is added.";
            R9 a_final_newline_adds_no_line
                "`a\\n` is one line, and blank lines are lines.";
            R10 a_long_line_is_cut_and_the_page_says_so
                "A line over `line_bytes` is shown up to there, at a character's edge; `cut_lines` has its number and length.";
            R11 a_page_ends_at_its_byte_limit
                "A page ends before the line that would go over `page_bytes`, and says so; the next page starts there.";
            R12 an_oversized_first_line_is_still_returned
                "A first line over `page_bytes` is still on the page.";
            R13 a_character_is_never_cut_by_the_reader
                "Characters and `\\r\\n` are whole wherever they lie in a file of megabytes.";
            R14 a_window_far_into_a_file_is_right
                "A window at the end of a file of 200,000 lines has those lines, numbers and total.";
            R15 a_directory_has_no_lines
                "`read` of a directory, the root too, is `is_a_directory`.";
            R16 a_page_renders_numbered_lines
                "A page displays as `{:>6}\\t{line}`, and what is left out after it.";
            R17 a_read_is_of_the_version_it_names
                "A page's version and size are those of the entry.";
            R18 a_huge_file_is_read_up_to_the_window
                "In a file over 16 MiB, lines are counted and text is checked only up to the end of the window.";
        }
    };
}

crate::__read_laws! { registry_of_area [Files] }

fn request(path: &str) -> ReadRequest {
    ReadRequest::new(p(path))
}

/// The pages of a file, read to the end.
async fn pages(ws: &Workspace, first: ReadRequest) -> Vec<TextPage> {
    let mut pages = vec![ws.page(&first).await];
    while let Some(next) = pages[pages.len() - 1].next_offset {
        pages.push(ws.page(&first.clone().offset(next)).await);
    }
    pages
}

async fn a_small_file_is_one_page(ws: &Workspace) {
    let version = ws.put("/f", "one\ntwo\nthree\n").await;
    let page = ws.page(&request("/f")).await;
    assert_eq!(page.text, "one\ntwo\nthree\n");
    assert_eq!(
        (page.first_line, page.lines, page.total_lines),
        (1, 3, Some(3))
    );
    assert_eq!((page.next_offset, page.ended_by), (None, None));
    assert_eq!((page.size, page.version), (14, version));
    assert!(page.cut_lines.is_empty());
}

async fn an_offset_counts_the_lines_to_skip(ws: &Workspace) {
    ws.put("/f", "1\n2\n3\n4\n5\n").await;
    let page = ws.page(&request("/f").offset(1).limit(2)).await;
    assert_eq!(page.text, "2\n3\n");
    assert_eq!((page.first_line, page.total_lines), (2, Some(5)));
    assert_eq!(
        (page.next_offset, page.ended_by),
        (Some(3), Some(PageEnd::Lines))
    );
    let numbered: Vec<(u64, &str)> = page.numbered_lines().collect();
    assert_eq!(numbered, [(2, "2"), (3, "3")]);
    let last = ws.page(&request("/f").offset(4).limit(9)).await;
    assert_eq!((last.text.as_str(), last.next_offset), ("5\n", None));
}

async fn pages_put_together_are_the_file(ws: &Workspace) {
    let lines: Vec<String> = (0..57).map(|n| "é".repeat(n % 7) + "\n").collect();
    for ending in ["", "last"] {
        let content = lines.concat() + ending;
        ws.put("/f", &content).await;
        let total = content.split_inclusive('\n').count() as u64;
        for limit in [1, 2, 10, 56, 57, 58, 1000] {
            for page_bytes in [1, 16, 4096] {
                let first = request("/f").limit(limit).page_bytes(page_bytes);
                let pages = pages(ws, first).await;
                let text: String = pages.iter().map(|page| page.text.as_str()).collect();
                assert_eq!(text, content, "limit {limit}, page bytes {page_bytes}");
                assert!(pages.iter().all(|page| page.total_lines == Some(total)));
            }
        }
    }
}

async fn two_thousand_lines_are_the_default(ws: &Workspace) {
    ws.put("/f", "x\n".repeat(2000)).await;
    let page = ws.page(&request("/f")).await;
    assert_eq!((page.lines, page.next_offset), (2000, None));
    ws.put("/f", "x\n".repeat(2001)).await;
    let page = ws.page(&request("/f")).await;
    assert_eq!((page.lines, page.next_offset), (2000, Some(2000)));
    assert_eq!(
        (page.total_lines, page.ended_by),
        (Some(2001), Some(PageEnd::Lines))
    );
}

async fn an_empty_file_is_an_empty_page(ws: &Workspace) {
    ws.put("/f", "").await;
    let page = ws.page(&request("/f")).await;
    assert_eq!((page.text.as_str(), page.lines), ("", 0));
    assert_eq!((page.total_lines, page.next_offset), (Some(0), None));
    refused(ws.read_lines("/f", 1, 1).await, ErrorKind::InvalidRequest);
}

async fn an_offset_past_the_end_names_the_length(ws: &Workspace) {
    ws.put("/f", "a\nb\n".repeat(21)).await;
    for offset in [42, 43, 1_000_000, u64::MAX] {
        let error = refused(
            ws.read_lines("/f", offset, 5).await,
            ErrorKind::InvalidRequest,
        );
        assert!(error.to_string().contains("42"), "{error}");
    }
    assert_eq!(ws.read_lines("/f", 41, 5).await.unwrap().text, "b\n");
}

async fn a_window_of_zero_lines_is_refused(ws: &Workspace) {
    ws.put("/f", "a\n").await;
    let error = refused(ws.read_lines("/f", 0, 0).await, ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("at least 1"), "{error}");
}

async fn a_last_line_without_a_newline_is_a_line(ws: &Workspace) {
    ws.put("/f", "a\nb").await;
    let page = ws.page(&request("/f")).await;
    assert_eq!(
        (page.text.as_str(), page.lines, page.total_lines),
        ("a\nb", 2, Some(2))
    );
    let last = ws.page(&request("/f").offset(1)).await;
    assert_eq!(last.text, "b");
}

async fn a_final_newline_adds_no_line(ws: &Workspace) {
    for (content, lines) in [
        ("a\n", 1),
        ("\n", 1),
        ("\n\n\n", 3),
        ("a\n\nb\n", 3),
        ("a\n\n", 2),
    ] {
        ws.put("/f", content).await;
        let page = ws.page(&request("/f")).await;
        assert_eq!(page.text, content);
        assert_eq!(
            (page.lines, page.total_lines),
            (lines, Some(lines)),
            "{content:?}"
        );
    }
}

async fn a_long_line_is_cut_and_the_page_says_so(ws: &Workspace) {
    let long = "é".repeat(5000);
    ws.put("/f", format!("first\n{long}\nlast\n")).await;
    let page = ws.page(&request("/f").line_bytes(101)).await;
    let shown: Vec<(u64, &str)> = page.numbered_lines().collect();
    assert_eq!(shown.len(), 3, "{page:?}");
    assert_eq!((shown[0], shown[2]), ((1, "first"), (3, "last")));
    assert_eq!(shown[1], (2, &*"é".repeat(50)), "cut at a character's edge");
    assert_eq!(page.cut_lines.len(), 1);
    assert_eq!(
        (page.cut_lines[0].line, page.cut_lines[0].bytes),
        (2, 10_000)
    );
    let by_default = ws.page(&request("/f")).await;
    assert_eq!(
        by_default.cut_lines, page.cut_lines,
        "4096 bytes are the default"
    );
    let wide = ws.page(&request("/f").line_bytes(10_000)).await;
    assert!(
        wide.cut_lines.is_empty(),
        "a line of just the limit is whole"
    );
}

async fn a_page_ends_at_its_byte_limit(ws: &Workspace) {
    ws.put("/f", "12345678\n".repeat(100)).await;
    let page = ws.page(&request("/f").page_bytes(100)).await;
    assert!(page.text.len() <= 100 && page.lines >= 10, "{page:?}");
    assert_eq!(page.ended_by, Some(PageEnd::Bytes));
    assert_eq!(page.next_offset, Some(page.lines));
    assert_eq!(page.total_lines, Some(100));
}

async fn an_oversized_first_line_is_still_returned(ws: &Workspace) {
    ws.put("/f", format!("{}\nnext\n", "x".repeat(1000))).await;
    let page = ws.page(&request("/f").page_bytes(10)).await;
    assert_eq!((page.lines, page.next_offset), (1, Some(1)));
    assert!(page.text.starts_with(&"x".repeat(1000)), "{page:?}");
}

async fn a_character_is_never_cut_by_the_reader(ws: &Workspace) {
    // Three bytes per character, and the padding: over the megabytes, characters cross an edge in every possible way.
    for padding in 0..4 {
        let content = "p".repeat(padding) + &"日本語\r\n".repeat(200_000);
        ws.put("/f", &content).await;
        let page = ws.page(&request("/f").offset(199_990)).await;
        assert_eq!(page.text, "日本語\r\n".repeat(10), "padding {padding}");
        assert_eq!(page.total_lines, Some(200_000));
        assert_eq!(page.line_ending, backend_core::LineEnding::Crlf);
    }
}

async fn a_window_far_into_a_file_is_right(ws: &Workspace) {
    let content: String = (1..=200_000).map(|n| format!("line {n}\n")).collect();
    ws.put("/f", &content).await;
    let page = ws.page(&request("/f").offset(199_998).limit(10)).await;
    let numbered: Vec<(u64, &str)> = page.numbered_lines().collect();
    assert_eq!(
        numbered,
        [(199_999, "line 199999"), (200_000, "line 200000")]
    );
    assert_eq!((page.total_lines, page.next_offset), (Some(200_000), None));
}

async fn a_directory_has_no_lines(ws: &Workspace) {
    ws.make("/d").await;
    for path in ["/", "/d"] {
        refused_at(ws.read(path).await, ErrorKind::IsADirectory, path);
    }
}

async fn a_page_renders_numbered_lines(ws: &Workspace) {
    ws.put("/f", "one\r\ntwo\r\nthree\r\n").await;
    let page = ws.page(&request("/f").limit(2)).await;
    let text = page.to_string();
    assert!(text.starts_with("     1\tone\n     2\ttwo\n"), "{text:?}");
    assert!(text.contains("1 more line"), "{text:?}");
}

async fn a_read_is_of_the_version_it_names(ws: &Workspace) {
    ws.put("/f", "one\n").await;
    for content in ["two\n", "three\n"] {
        ws.put("/f", content).await;
        let (page, entry) = (ws.page(&request("/f")).await, ws.stat("/f").await.unwrap());
        assert_eq!((Some(page.version), page.size), (entry.version, entry.size));
        assert_eq!(page.text, content);
    }
}

async fn a_huge_file_is_read_up_to_the_window(ws: &Workspace) {
    let mut bytes = b"123456789012345678901234567890\n".repeat(600_000);
    assert!(bytes.len() as u64 > backend_core::COUNTED_FILE_BYTES);
    bytes.extend(b"a line\nand one that is no text: \xff\n");
    ws.put("/f", &bytes).await;
    let page = ws.page(&request("/f").offset(3).limit(2)).await;
    assert_eq!((page.lines, page.total_lines), (2, None));
    assert_eq!((page.next_offset, page.size), (Some(5), bytes.len() as u64));
    let page = ws.page(&request("/f").offset(599_998).limit(2)).await;
    assert_eq!((page.lines, page.next_offset), (2, Some(600_000)));
    refused(ws.read_lines("/f", 599_999, 3).await, ErrorKind::NotText);
}
