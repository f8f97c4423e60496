//! Laws about what text is: encodings, line ends, and files that are not text.

use backend_core::{BackendExt, Encoding, Error, ErrorKind, LineEnding, ReadRequest};

use crate::Workspace;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __text_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args text;
            T1 a_line_ends_at_a_newline_alone
                "Form feeds, vertical tabs, U+0085, U+2028 and a lone `\\r` do not end a line.";
            T2 a_carriage_return_belongs_to_the_ending
                "`\\r\\n` is kept in the page and is not part of the numbered line.";
            T3 line_endings_are_distinguished
                "A page says whether lines end in `\\n`, `\\r\\n`, both, or not at all.";
            T4 a_byte_order_mark_is_not_text
                "UTF-8 with a mark is `utf8_bom`; the mark is not in the page, and counts in the size.";
            T5 utf16_with_a_mark_is_text
                "UTF-16 of either order is read as text, characters outside the first plane too.";
            T6 utf16_windows_count_lines_as_others_do
                "A window of a UTF-16 file has the lines, total and endings that its text has.";
            T7 latin1_is_not_text
                "A file in another encoding is `not_text`; no replacement character is ever shown.";
            T8 a_nul_byte_makes_a_file_not_text
                "A NUL anywhere makes a file `not_text`.";
            T9 broken_utf8_is_not_text
                "Cut, overlong and surrogate sequences are `not_text`.";
            T10 broken_utf16_is_not_text
                "An odd number of bytes and lone surrogates are `not_text`.";
            T11 the_whole_file_must_be_text
                "A byte that is not text past the window, in a file up to 16 MiB, makes the read `not_text`.";
            T12 not_text_has_a_size_and_a_media_type
                "`not_text` names the size and a media type: `image/png` for a PNG, from its bytes alone.";
            T13 a_file_of_a_mark_alone_is_empty
                "A file that is only a byte order mark has no lines.";
        }
    };
}

crate::__text_laws! { registry_of_area [Files] }

/// Encodes a text in UTF-16 with its mark.
pub(super) fn utf16(text: &str, encoding: Encoding) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    match encoding {
        Encoding::Utf16Le => units.flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => units.flat_map(u16::to_be_bytes).collect(),
        _ => panic!("{encoding} is not UTF-16"),
    }
}

pub(super) const UTF16: [Encoding; 2] = [Encoding::Utf16Le, Encoding::Utf16Be];

async fn a_line_ends_at_a_newline_alone(ws: &Workspace) {
    let content = "a\u{c}b\u{b}c\u{85}d\u{2028}e\u{2029}f\rg\nh\n";
    ws.put("/f", content).await;
    let page = ws.read("/f").await.unwrap();
    assert_eq!((page.text.as_str(), page.total_lines), (content, Some(2)));
    assert_eq!(page.line_ending, LineEnding::Lf);
}

async fn a_carriage_return_belongs_to_the_ending(ws: &Workspace) {
    ws.put("/f", "a\r\nb\r\n\r\nc").await;
    let page = ws.read("/f").await.unwrap();
    assert_eq!(
        (page.text.as_str(), page.total_lines),
        ("a\r\nb\r\n\r\nc", Some(4))
    );
    let lines: Vec<&str> = page.numbered_lines().map(|(_, line)| line).collect();
    assert_eq!(lines, ["a", "b", "", "c"]);
}

async fn line_endings_are_distinguished(ws: &Workspace) {
    let cases = [
        ("", LineEnding::None),
        ("a", LineEnding::None),
        ("a\rb", LineEnding::None),
        ("a\nb", LineEnding::Lf),
        ("a\r\nb", LineEnding::Crlf),
        ("a\r\nb\nc", LineEnding::Mixed),
        ("a\nb\r\nc", LineEnding::Mixed),
    ];
    for (content, ending) in cases {
        ws.put("/f", content).await;
        let page = ws.read("/f").await.unwrap();
        assert_eq!(page.line_ending, ending, "{content:?}");
    }
}

async fn a_byte_order_mark_is_not_text(ws: &Workspace) {
    ws.put("/f", "\u{feff}a\nb\n").await;
    let page = ws.read("/f").await.unwrap();
    assert_eq!(
        (page.text.as_str(), page.encoding),
        ("a\nb\n", Encoding::Utf8Bom)
    );
    assert_eq!(page.size, 7);
    ws.put("/g", "a\nb\n").await;
    assert_eq!(ws.read("/g").await.unwrap().encoding, Encoding::Utf8);
}

async fn utf16_with_a_mark_is_text(ws: &Workspace) {
    let text = "é\n日本\r\n🦀 ü\n";
    for encoding in UTF16 {
        let bytes = utf16(text, encoding);
        ws.put("/f", &bytes).await;
        let page = ws.read("/f").await.unwrap();
        assert_eq!((page.text.as_str(), page.encoding), (text, encoding));
        assert_eq!((page.total_lines, page.size), (Some(3), bytes.len() as u64));
    }
}

async fn utf16_windows_count_lines_as_others_do(ws: &Workspace) {
    // U+0A0D and U+0D0A contain the bytes of line ends, but are not line ends.
    let text = "a\u{a0d}\u{d0a}b\r\n".repeat(40_000);
    for encoding in UTF16 {
        ws.put("/f", utf16(&text, encoding)).await;
        let window = ReadRequest::new(p("/f")).offset(39_998).limit(1);
        let page = ws.page(&window).await;
        assert_eq!(page.text, "a\u{a0d}\u{d0a}b\r\n", "{encoding}");
        assert_eq!(
            (page.total_lines, page.next_offset),
            (Some(40_000), Some(39_999))
        );
        assert_eq!(page.line_ending, LineEnding::Crlf);
    }
}

/// Checks that bytes are not accepted as text, and returns the error.
async fn no_text(ws: &Workspace, bytes: &[u8]) -> Error {
    ws.put("/f", bytes).await;
    let error = refused(ws.read("/f").await, ErrorKind::NotText);
    match &error {
        Error::NotText { path, size, .. } => {
            assert_eq!((path.as_str(), *size), ("/f", bytes.len() as u64));
        }
        _ => panic!("{error:?}"),
    }
    assert_eq!(ws.bytes("/f").await, bytes, "the bytes are still there");
    error
}

async fn latin1_is_not_text(ws: &Workspace) {
    no_text(ws, b"caf\xe9\n").await;
    no_text(ws, b"\xe9").await;
}

async fn a_nul_byte_makes_a_file_not_text(ws: &Workspace) {
    no_text(ws, b"\0").await;
    no_text(ws, b"text\nmore\0text\n").await;
    no_text(ws, b"\xef\xbb\xbftext\0").await;
}

async fn broken_utf8_is_not_text(ws: &Workspace) {
    for bytes in [
        b"cut \xe6\x97".as_slice(),
        b"over\xc0\xaflong",
        b"surrogate \xed\xa0\x80",
        b"too far \xf4\x90\x80\x80",
        b"\xff\xff",
        b"cut \xf0\x9f\xa6\n",
    ] {
        no_text(ws, bytes).await;
    }
}

async fn broken_utf16_is_not_text(ws: &Workspace) {
    for bytes in [
        b"\xff\xfea\0b".as_slice(),
        b"\xfe\xff\0a\0",
        b"\xff\xfe\x00\xd8a\0",
        b"\xfe\xff\xdc\x00\0a",
        b"\xff\xfea\0\x00\xd8",
    ] {
        no_text(ws, bytes).await;
    }
}

async fn the_whole_file_must_be_text(ws: &Workspace) {
    let mut bytes = b"fine\n".repeat(300_000);
    bytes.push(0xff);
    ws.put("/f", &bytes).await;
    refused(ws.read_lines("/f", 0, 1).await, ErrorKind::NotText);
    bytes.pop();
    ws.put("/f", &bytes).await;
    assert_eq!(ws.read_lines("/f", 0, 1).await.unwrap().text, "fine\n");
}

async fn not_text_has_a_size_and_a_media_type(ws: &Workspace) {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let error = no_text(ws, png).await;
    let message = error.to_string();
    assert!(message.contains("image/png"), "{message}");
    assert!(message.contains(&png.len().to_string()), "{message}");
    let other = no_text(ws, b"\0\x01\x02").await.to_string();
    assert!(other.contains('/'), "a media type: {other}");
}

async fn a_file_of_a_mark_alone_is_empty(ws: &Workspace) {
    let marks = [b"\xef\xbb\xbf".as_slice(), b"\xff\xfe", b"\xfe\xff"];
    for mark in marks {
        ws.put("/f", mark).await;
        let page = ws.read("/f").await.unwrap();
        assert_eq!(
            (page.text.as_str(), page.total_lines),
            ("", Some(0)),
            "{mark:?}"
        );
        assert_eq!(page.size, mark.len() as u64);
    }
}
