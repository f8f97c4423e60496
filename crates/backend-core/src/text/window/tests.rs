//! Windows: against a plain reference, for any split into pieces, and case by case.

use proptest::collection::vec;
use proptest::prelude::*;

use super::WindowScanner;
use crate::text::Scan;
use crate::{
    COUNTED_FILE_BYTES, CutLine, Encoding, ErrorKind, LineEnding, PageEnd, ReadRequest, Result,
    TextPage, Version, VirtualPath,
};

fn request() -> ReadRequest {
    ReadRequest::new(VirtualPath::parse("/f").unwrap())
}

fn version() -> Version {
    Version::from_parts(&[1])
}

/// Scans pieces as a backend does, with `size` as the size of the file.
fn scan_sized<'a>(
    request: &ReadRequest,
    size: u64,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<TextPage> {
    let mut scanner = WindowScanner::new(request, size, version())?;
    for piece in pieces {
        if scanner.push(piece)? == Scan::Done {
            break;
        }
    }
    scanner.finish()
}

fn scan(request: &ReadRequest, content: &[u8]) -> Result<TextPage> {
    scan_sized(request, content.len() as u64, [content])
}

/// The same in the simple way: on the whole text, line by line.
fn reference(request: &ReadRequest, text: &str, counted: bool) -> Option<TextPage> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let offset = usize::try_from(request.offset).unwrap();
    if offset >= lines.len() && offset > 0 {
        return None;
    }
    let mut page = TextPage::empty(request.path.clone(), 0, version());
    page.first_line = request.offset + 1;
    page.total_lines = Some(lines.len() as u64);
    let mut end = lines.len();
    let mut seen_to_end = false;
    for (index, line) in lines.iter().enumerate().skip(offset) {
        if page.lines == request.limit as u64 {
            (end, page.ended_by) = (index, Some(PageEnd::Lines));
            break;
        }
        let content = line
            .strip_suffix("\r\n")
            .or(line.strip_suffix('\n'))
            .unwrap_or(line);
        let kept: String = {
            let mut bytes = 0;
            content
                .chars()
                .take_while(|char| {
                    bytes += char.len_utf8();
                    bytes <= request.line_bytes
                })
                .collect()
        };
        let shown = format!("{kept}{}", &line[content.len()..]);
        if page.lines > 0 && page.text.len() + shown.len() > request.page_bytes {
            (end, page.ended_by) = (index, Some(PageEnd::Bytes));
            // Only the end shows that a final `\r` is content, and too long.
            seen_to_end = kept == *line
                && line.ends_with('\r')
                && page.text.len() + shown.len() - 1 <= request.page_bytes;
            break;
        }
        if kept.len() < content.len() {
            page.cut_lines
                .push(CutLine::new(index as u64 + 1, content.len() as u64));
        }
        page.text += &shown;
        page.lines += 1;
    }
    if page.ended_by.is_some() {
        page.next_offset = Some(end as u64);
    }
    if !counted && page.ended_by.is_some() && !seen_to_end {
        page.total_lines = None;
    }
    Some(page)
}

fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    crate::text::decode::encode(encoding, text.to_owned())
}

fn encodings() -> impl Strategy<Value = Encoding> {
    prop_oneof![
        Just(Encoding::Utf8),
        Just(Encoding::Utf8Bom),
        Just(Encoding::Utf16Le),
        Just(Encoding::Utf16Be),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c]{0,6}",
        2 => Just("\n".to_owned()),
        2 => Just("\r\n".to_owned()),
        1 => Just("\r".to_owned()),
        1 => "[é€😀\u{2028}\u{c}\u{feff}]{1,3}",
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Splits bytes at the places that `sizes` gives.
fn split<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

proptest! {
    #[test]
    fn any_window_is_the_simple_one(
        text in texts(),
        encoding in encodings(),
        offset in 0_u64..8,
        limit in 1_usize..8,
        line_bytes in 0_usize..12,
        page_bytes in 0_usize..40,
        sizes in vec(0_usize..9, 0..40),
        large in any::<bool>(),
    ) {
        // A mark at the start would be read as a byte order mark.
        prop_assume!(encoding != Encoding::Utf8 || !text.starts_with('\u{feff}'));
        let bytes = encode(&text, encoding);
        let request = request().offset(offset).limit(limit).line_bytes(line_bytes).page_bytes(page_bytes);
        let size = if large { COUNTED_FILE_BYTES + 1 } else { bytes.len() as u64 };
        let page = scan_sized(&request, size, split(&bytes, &sizes));
        match reference(&request, &text, !large) {
            None => prop_assert_eq!(page.unwrap_err().kind(), ErrorKind::InvalidRequest),
            Some(want) => {
                let page = page.unwrap();
                prop_assert_eq!(page.encoding, encoding);
                prop_assert_eq!(page.text, want.text);
                prop_assert_eq!(page.first_line, want.first_line);
                prop_assert_eq!(page.lines, want.lines);
                prop_assert_eq!(page.total_lines, want.total_lines);
                prop_assert_eq!(page.next_offset, want.next_offset);
                prop_assert_eq!(page.ended_by, want.ended_by);
                prop_assert_eq!(page.cut_lines, want.cut_lines);
            }
        }
    }

    #[test]
    fn pages_put_together_are_the_text(
        text in texts(),
        encoding in encodings(),
        limit in 1_usize..5,
        page_bytes in 0_usize..30,
        large in any::<bool>(),
    ) {
        prop_assume!(encoding != Encoding::Utf8 || !text.starts_with('\u{feff}'));
        let bytes = encode(&text, encoding);
        let size = if large { COUNTED_FILE_BYTES + 1 } else { 0 };
        let mut whole = String::new();
        let mut next = Some(0);
        while let Some(offset) = next {
            let request = request().offset(offset).limit(limit).page_bytes(page_bytes);
            let page = scan_sized(&request, size, [&bytes[..]]).unwrap();
            whole += &page.text;
            next = page.next_offset;
        }
        prop_assert_eq!(whole, text);
    }

    #[test]
    fn any_bytes_give_a_page_or_a_plain_error_for_any_split(
        bytes in vec(prop_oneof![any::<u8>(), 0xd7_u8..0xe0, Just(b'\n'), Just(b'a')], 0..60),
        mark in prop_oneof![Just(&b""[..]), Just(&b"\xff\xfe"[..]), Just(&b"\xfe\xff"[..]), Just(&b"\xef\xbb\xbf"[..])],
        offset in 0_u64..4,
        sizes in vec(0_usize..5, 0..40),
        large in any::<bool>(),
    ) {
        let bytes = [mark, &bytes].concat();
        let request = request().offset(offset).limit(2);
        let size = if large { COUNTED_FILE_BYTES + 1 } else { bytes.len() as u64 };
        let whole = scan_sized(&request, size, [&bytes[..]]);
        let pieces = scan_sized(&request, size, split(&bytes, &sizes));
        match (whole, pieces) {
            (Ok(whole), Ok(pieces)) => prop_assert_eq!(whole, pieces),
            (Err(whole), Err(pieces)) => prop_assert_eq!(whole.kind(), pieces.kind()),
            (whole, pieces) => prop_assert!(false, "{:?} but {:?}", whole, pieces),
        }
    }

    #[test]
    fn the_line_ending_is_what_the_text_has(text in texts(), sizes in vec(0_usize..5, 0..40)) {
        prop_assume!(!text.starts_with('\u{feff}'));
        let crlf = text.matches("\r\n").count();
        let lf = text.matches('\n').count() - crlf;
        let want = match (lf, crlf) {
            (0, 0) => LineEnding::None,
            (_, 0) => LineEnding::Lf,
            (0, _) => LineEnding::Crlf,
            _ => LineEnding::Mixed,
        };
        let page = scan_sized(&request().limit(1), 0, split(text.as_bytes(), &sizes)).unwrap();
        prop_assert_eq!(page.line_ending, want);
    }
}

#[test]
fn a_limit_of_zero_is_refused() {
    let error = WindowScanner::new(&request().limit(0), 0, version()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(error.to_string(), "/f: read limit must be at least 1");
}

#[test]
fn an_empty_file_is_an_empty_page() {
    for content in [&b""[..], b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"] {
        let page = scan(&request(), content).unwrap();
        assert_eq!((page.text.as_str(), page.lines), ("", 0));
        assert_eq!((page.first_line, page.total_lines), (1, Some(0)));
        assert_eq!((page.next_offset, page.ended_by), (None, None));
        assert_eq!(page.line_ending, LineEnding::None);
        assert_eq!(page.size, content.len() as u64);
        let error = scan(&request().offset(1), content).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/f: offset 1 is past the end: the file has 0 lines"
        );
    }
}

#[test]
fn a_final_newline_makes_no_further_line() {
    for (content, lines) in [
        ("a\nb\n", 2),
        ("a\nb", 2),
        ("a\n\n", 2),
        ("\n", 1),
        ("\r", 1),
    ] {
        let page = scan(&request(), content.as_bytes()).unwrap();
        assert_eq!(page.total_lines, Some(lines), "{content:?}");
        assert_eq!(page.text, content);
    }
}

#[test]
fn an_offset_past_the_end_names_the_length() {
    let check = |offset, content: &str, want: &str| {
        let error = scan(&request().offset(offset), content.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(error.to_string(), want);
    };
    check(
        10,
        "a\nb\nc\n",
        "/f: offset 10 is past the end: the file has 3 lines",
    );
    check(
        3,
        "a\nb\nc\n",
        "/f: offset 3 is past the end: the file has 3 lines",
    );
    check(
        3,
        "a\nb\nc",
        "/f: offset 3 is past the end: the file has 3 lines",
    );
    check(1, "a", "/f: offset 1 is past the end: the file has 1 line");
    check(
        u64::MAX,
        "a\n",
        "/f: offset 18446744073709551615 is past the end: the file has 1 line",
    );
    assert_eq!(scan(&request().offset(2), b"a\nb\nc").unwrap().text, "c");
}

#[test]
fn only_a_newline_ends_a_line() {
    let text = "a\u{c}b\u{2028}c\u{85}d\re\u{b}f\r\r\ng";
    let page = scan(&request(), text.as_bytes()).unwrap();
    assert_eq!(page.total_lines, Some(2));
    let lines: Vec<_> = page.numbered_lines().collect();
    assert_eq!(lines, [(1, "a\u{c}b\u{2028}c\u{85}d\re\u{b}f\r"), (2, "g")]);
}

#[test]
fn a_nul_is_not_text() {
    for content in [&b"a\0b\n"[..], b"\0", b"\xff\xfea\0\0\0", b"a\n\xef\xbb\0"] {
        let error = scan(&request(), content).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotText, "{content:?}");
    }
}

#[test]
fn malformed_text_is_not_text() {
    let cases: [&[u8]; 11] = [
        b"caf\xe9\n",
        b"\xef\xbb\xbf\xff",
        b"a\xc3",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf5\x80\x80\x80",
        b"\xff\xfea",
        b"\xff\xfe\x00\xd8",
        b"\xff\xfe\x00\xdc",
        b"\xfe\xff\xd8\x00\x00a",
        b"\xef\xbb",
    ];
    for content in cases {
        for limit in [1, 2000] {
            let error = scan(&request().limit(limit), content).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotText, "{content:?}");
        }
    }
}

#[test]
fn not_text_reports_the_size_and_the_likely_type() {
    let error = scan_sized(&request(), 12_345, [&b"\x89PNG\r\n\x1a\n\0\0"[..]]).unwrap_err();
    assert_eq!(error.to_string(), "/f: not text (image/png, 12345 bytes)");
}

#[test]
fn a_flaw_is_reported_again() {
    let mut scanner = WindowScanner::new(&request(), 1, version()).unwrap();
    assert!(scanner.push(b"abc\0").is_err());
    assert!(scanner.push(b"fine").is_err());
    assert!(scanner.finish().is_err());
}

#[test]
fn a_flaw_after_the_window_matters_only_in_a_small_file() {
    let content = b"a\nb\nc\n\xff";
    let request = request().limit(1);
    assert!(scan(&request, content).is_err());
    let page = scan_sized(&request, COUNTED_FILE_BYTES + 1, [&content[..]]).unwrap();
    assert_eq!((page.text.as_str(), page.total_lines), ("a\n", None));
    assert_eq!(page.next_offset, Some(1));
}

#[test]
fn a_large_file_that_ends_with_the_window_has_no_next_page() {
    let size = COUNTED_FILE_BYTES + 1;
    for content in ["a\nb\n", "a\nb"] {
        let page = scan_sized(&request().limit(2), size, [content.as_bytes()]).unwrap();
        assert_eq!((page.next_offset, page.ended_by), (None, None));
        assert_eq!(page.total_lines, Some(2));
    }
}

#[test]
fn a_scan_of_a_large_file_is_done_a_character_after_the_window() {
    let size = COUNTED_FILE_BYTES + 1;
    let mut scanner = WindowScanner::new(&request().limit(2), size, version()).unwrap();
    assert_eq!(scanner.push(b"a\nb\n").unwrap(), Scan::More);
    assert_eq!(scanner.push(b"c").unwrap(), Scan::Done);
    assert_eq!(scanner.push(b"\xff").unwrap(), Scan::Done);
    let page = scanner.finish().unwrap();
    assert_eq!((page.text.as_str(), page.next_offset), ("a\nb\n", Some(2)));
    assert_eq!((page.total_lines, page.size), (None, size));
}

#[test]
fn the_bytes_decide_and_not_the_announced_size() {
    let page = scan_sized(&request(), 2, [&b"a\nb\nc\n"[..]]).unwrap();
    assert_eq!((page.total_lines, page.size), (Some(3), 6));
    let page = scan_sized(&request(), 1000, [&b"a\n"[..]]).unwrap();
    assert_eq!((page.total_lines, page.size), (Some(1), 2));
}

#[test]
fn a_file_that_never_stops_growing_is_not_followed_forever() {
    let mut scanner = WindowScanner::new(&request().limit(1), 10, version()).unwrap();
    let piece = vec![b'\n'; 1 << 20];
    let pushes = (0..100)
        .take_while(|_| scanner.push(&piece).unwrap() == Scan::More)
        .count();
    assert!(pushes <= 17, "{pushes}");
}

#[test]
fn a_long_line_is_cut_and_measured() {
    let text = format!("short\n{}\nlast\n", "é".repeat(5000));
    let page = scan(&request(), text.as_bytes()).unwrap();
    assert_eq!(page.cut_lines, [CutLine::new(2, 10_000)]);
    assert_eq!(page.text, format!("short\n{}\nlast\n", "é".repeat(2048)));
}

#[test]
fn a_huge_line_needs_no_memory() {
    let mut scanner = WindowScanner::new(&request(), 0, version()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        scanner.push(&piece).unwrap();
    }
    assert!(scanner.lines.text.capacity() < 64 << 10);
    let page = scanner.finish().unwrap();
    assert_eq!(page.cut_lines, [CutLine::new(1, 20 << 20)]);
    assert_eq!(page.text.len(), 4096);
}

#[test]
fn a_page_is_cut_at_a_line_and_always_has_one() {
    let content = b"aaaa\nbb\ncc\ndd\n";
    let check = |page_bytes, text: &str, next| {
        let page = scan(&request().page_bytes(page_bytes), content).unwrap();
        assert_eq!((page.text.as_str(), page.next_offset), (text, next));
        assert_eq!(page.ended_by, next.map(|_| PageEnd::Bytes));
        assert_eq!(page.total_lines, Some(4));
    };
    check(0, "aaaa\n", Some(1));
    check(7, "aaaa\n", Some(1));
    check(8, "aaaa\nbb\n", Some(2));
    check(13, "aaaa\nbb\ncc\n", Some(3));
    check(14, "aaaa\nbb\ncc\ndd\n", None);
}

#[test]
fn a_byte_order_mark_is_no_text_at_the_start_and_text_elsewhere() {
    let page = scan(&request(), "\u{feff}a\u{feff}\r\n".as_bytes()).unwrap();
    assert_eq!(page.text, "a\u{feff}\r\n");
    assert_eq!(page.encoding, Encoding::Utf8Bom);
    assert_eq!(page.line_ending, LineEnding::Crlf);
}
