//! Pages as shown to a reader.

use crate::text::{Scan, WindowScanner, line_hash};
use crate::{COUNTED_FILE_BYTES, ReadRequest, TextPage, Version, VirtualPath};

fn request() -> ReadRequest {
    ReadRequest::new(VirtualPath::parse("/f").unwrap())
}

fn page_sized(request: &ReadRequest, content: &str, size: u64) -> TextPage {
    let mut scanner = WindowScanner::new(request, size, Version::from_parts(&[1])).unwrap();
    let scan = scanner.push(content.as_bytes()).unwrap();
    assert_eq!(scan == Scan::Done, size > COUNTED_FILE_BYTES);
    scanner.finish().unwrap()
}

fn page(request: &ReadRequest, content: &str) -> TextPage {
    page_sized(request, content, content.len() as u64)
}

#[test]
fn lines_have_their_numbers() {
    let content: String = (1..=12).map(|line| format!("line {line}\r\n")).collect();
    let shown = page(&request().offset(8), &content).to_string();
    assert_eq!(
        shown,
        "     9\tline 9\n    10\tline 10\n    11\tline 11\n    12\tline 12"
    );
}

#[test]
fn numbers_are_counted_as_numbers() {
    for first in [0, 1, 9, 42, 99, 998, 9_999, 99_999, 999_998, 1_099_999] {
        let mut page = page(&request(), &"x\n".repeat(120));
        page.first_line = first;
        let want: Vec<_> = (first..first + 120).map(|n| format!("{n:>6}\tx")).collect();
        assert_eq!(page.to_string(), want.join("\n"));
        let hash = line_hash("x");
        let want: Vec<_> = (first..first + 120)
            .map(|n| format!("{n}:{hash}|x"))
            .collect();
        assert_eq!(page.render_hashed(), want.join("\n"));
    }
}

#[test]
fn lines_show_their_content() {
    let shown = page(&request(), "a\rb\n\n\u{c}\tc\u{2028}d").to_string();
    assert_eq!(shown, "     1\ta\rb\n     2\t\n     3\t\u{c}\tc\u{2028}d");
}

#[test]
fn an_empty_file_says_so() {
    assert_eq!(page(&request(), "").to_string(), "(empty file)");
    assert_eq!(page(&request(), "").render_hashed(), "(empty file)");
    assert_eq!(page(&request(), "\n").to_string(), "     1\t");
}

#[test]
fn lines_that_follow_are_counted() {
    let shown = page(&request().limit(1), "a\nb\nc\n").to_string();
    assert_eq!(shown, "     1\ta\n... (2 more lines)");
    let shown = page(&request().limit(1).offset(2), "a\nb\nc\n").to_string();
    assert_eq!(shown, "     3\tc");
}

#[test]
fn where_lines_are_not_counted_the_next_offset_is_shown() {
    let size = COUNTED_FILE_BYTES + 1;
    let shown = page_sized(&request().limit(1).offset(1), "a\nb\nc\n", size).to_string();
    assert_eq!(shown, "     2\tb\n... (more lines; continue at offset 2)");
}

#[test]
fn a_page_that_is_full_says_so() {
    let small = request().page_bytes(2);
    let shown = page(&small, "a\nb\nc\n").to_string();
    assert_eq!(
        shown,
        "     1\ta\n... (2 more lines; the page is full, continue at offset 1)"
    );
    let shown = page_sized(&small, "a\nb\nc\n", COUNTED_FILE_BYTES + 1).to_string();
    assert_eq!(
        shown,
        "     1\ta\n... (more lines; the page is full, continue at offset 1)"
    );
}

#[test]
fn a_line_that_is_cut_says_how_long_it_is() {
    let page = page(&request().line_bytes(3), "éa\nabcdé\n\u{1f600}");
    assert_eq!(
        page.to_string(),
        "     1\téa\n     2\tabc ... (cut: 6 bytes in this line)\n     3\t ... (cut: 4 bytes in this line)"
    );
    assert_eq!(
        page.render_hashed(),
        format!(
            "1:{}|éa\n2:----|abc ... (cut: 6 bytes in this line)\n3:----| ... (cut: 4 bytes in this line)",
            line_hash("éa")
        )
    );
    let lines: Vec<_> = page.numbered_lines().collect();
    assert_eq!(lines, [(1, "éa"), (2, "abc"), (3, "")]);
}

#[test]
fn a_hash_is_of_the_content_without_the_ending() {
    let shown = page(&request().limit(1), "a|b\r\nc\n").render_hashed();
    assert_eq!(
        shown,
        format!("1:{}|a|b\n... (1 more lines)", line_hash("a|b"))
    );
}

#[test]
fn a_page_from_elsewhere_that_contradicts_itself_still_renders() {
    let mut page = page(&request(), "a\n");
    page.first_line = u64::MAX;
    page.lines = u64::MAX;
    page.next_offset = Some(9);
    page.total_lines = Some(3);
    assert!(page.to_string().ends_with("\ta\n... (0 more lines)"));
}
