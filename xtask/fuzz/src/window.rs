//! Windows of lines: the pieces in which a file is passed make no difference, and a page matches the file.

use arbitrary::{Result, Unstructured};
use backend_core::text::{Scan, WindowScanner};
use backend_core::{
    COUNTED_FILE_BYTES, Encoding, Error, ReadRequest, TextPage, Version, VirtualPath,
};

use crate::words;

struct Input {
    content: Vec<u8>,
    /// The text that `content` encodes, if it was made from one.
    text: Option<String>,
    encoding: u8,
    request: ReadRequest,
    pieces: Vec<usize>,
    /// Whether the scanner gets the size of a file so large that it need not be read to its end.
    large: bool,
}

/// Takes a file, a window and a way to cut the file into pieces.
pub fn run(data: &[u8]) {
    if let Ok(input) = input(&mut Unstructured::new(data)) {
        check(&input);
    }
}

fn input(u: &mut Unstructured<'_>) -> Result<Input> {
    let text = words::text(u, words::CONTENT, 60)?;
    let encoding = u.int_in_range(0..=3_u8)?;
    let mut content = encode(&text, encoding);
    let mut text = Some(text);
    if u.ratio(1, 4)? {
        content.extend(u.bytes(3)?);
        text = None;
    }
    let request = ReadRequest::new(VirtualPath::parse("/f").expect("a path"))
        .offset(words::number(u)?)
        .limit(words::size(u)?)
        .line_bytes(words::size(u)?)
        .page_bytes(words::size(u)?);
    let pieces = u.arbitrary_iter::<u8>()?.take(40);
    let pieces: Vec<usize> = pieces
        .map(|piece| Ok(usize::from(piece? % 16)))
        .collect::<Result<_>>()?;
    Ok(Input {
        content,
        text,
        encoding,
        request,
        pieces,
        large: u.arbitrary()?,
    })
}

pub(crate) fn encode(text: &str, how: u8) -> Vec<u8> {
    match how {
        0 => text.as_bytes().to_vec(),
        1 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        2 => [0xfeff]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect(),
        _ => [0xfeff]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect(),
    }
}

fn check(input: &Input) {
    let whole = scan(input, &[input.content.len()]);
    let pieces = scan(input, &input.pieces);
    // A file that is not text is not text in pieces either, but the guess at its media type may see less of it.
    let shown = |page: &backend_core::Result<TextPage>| match page {
        Err(error @ Error::NotText { .. }) => format!("{:?}", error.kind()),
        other => format!("{other:#?}"),
    };
    assert_eq!(
        shown(&whole),
        shown(&pieces),
        "{:?} in pieces of {:?}",
        input.content,
        input.pieces
    );
    let Ok(page) = whole else {
        return;
    };
    check_page(input, &page);
    if let Some(text) = input
        .text
        .as_deref()
        .filter(|text| starts_plain(input, text))
    {
        check_text(input, &page, text);
    }
}

/// Without its own encoding mark, a text that begins with one is another text.
fn starts_plain(input: &Input, text: &str) -> bool {
    input.encoding != 0 || !text.starts_with('\u{feff}')
}

fn scan(input: &Input, pieces: &[usize]) -> backend_core::Result<TextPage> {
    let extra = if input.large { COUNTED_FILE_BYTES } else { 0 };
    let size = input.content.len() as u64 + extra;
    let mut scanner = WindowScanner::new(&input.request, size, Version::from_parts(&[7]))?;
    let mut rest = input.content.as_slice();
    for &piece in pieces {
        let (head, tail) = rest.split_at(piece.min(rest.len()));
        if scanner.push(head)? == Scan::Done {
            return scanner.finish();
        }
        rest = tail;
    }
    scanner.push(rest)?;
    scanner.finish()
}

/// The properties of every page.
fn check_page(input: &Input, page: &TextPage) {
    let ReadRequest {
        offset,
        limit,
        line_bytes,
        page_bytes,
        ..
    } = input.request;
    assert_eq!(page.first_line, offset + 1);
    assert_eq!(page.numbered_lines().count() as u64, page.lines, "{page:?}");
    assert!(page.lines <= limit as u64, "{page:?}");
    assert_eq!(
        page.next_offset.is_some(),
        page.ended_by.is_some(),
        "{page:?}"
    );
    if let Some(next) = page.next_offset {
        assert_eq!(next, offset + page.lines, "{page:?}");
        assert!(page.lines > 0, "a page gets further: {page:?}");
        assert!(
            page.total_lines.is_none_or(|total| next < total),
            "{page:?}"
        );
    }
    // The first line is shown up to line_bytes, whatever page_bytes is, with its ending.
    let most = page_bytes.max(line_bytes).saturating_add(2);
    assert!(
        page.text.len() <= most,
        "{} bytes of {most}: {page:?}",
        page.text.len()
    );
    for (_, line) in page.numbered_lines() {
        assert!(line.len() <= line_bytes, "{line:?} in {page:?}");
    }
}

/// The property of a page of a known text: its lines are those of the text.
fn check_text(input: &Input, page: &TextPage, text: &str) {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if let Some(total) = page.total_lines {
        assert_eq!(total, lines.len() as u64, "{page:?}");
    }
    let skip = usize::try_from(page.first_line - 1).unwrap_or(usize::MAX);
    let shown = lines
        .iter()
        .skip(skip)
        .zip(page.text.split_inclusive('\n'))
        .zip(page.first_line..);
    for ((line, shown), number) in shown {
        if page.cut_lines.iter().any(|cut| cut.line == number) {
            assert!(
                line.starts_with(shown.trim_end_matches(['\r', '\n'])),
                "{page:?}"
            );
        } else {
            assert_eq!(*line, shown, "line {number} of {text:?} in {page:?}");
        }
    }
    if page.next_offset.is_none() {
        assert_eq!(
            page.first_line - 1 + page.lines,
            (lines.len() as u64).max(page.first_line - 1),
            "{page:?}"
        );
    }
    let encodings = [
        Encoding::Utf8,
        Encoding::Utf8Bom,
        Encoding::Utf16Le,
        Encoding::Utf16Be,
    ];
    assert_eq!(
        page.encoding,
        encodings[usize::from(input.encoding)],
        "{page:?}"
    );
}
