//! Which files a grep takes for text, and how it shows matches.

use super::{Forest, Hand, grepped, hits};
use crate::{GrepOutput, GrepRequest};

fn tree(content: impl Into<Vec<u8>>) -> Forest {
    Forest::of([("/f".to_owned(), content.into())])
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units
        .flat_map(|unit| {
            if big_endian {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        })
        .collect()
}

#[test]
fn a_line_has_its_number_and_column_and_no_ending() {
    let text = "first\nthe é needle here\r\n\nlast needle";
    assert_eq!(
        hits(&mut tree(text), &GrepRequest::new("needle")),
        ["/f:2:8:the é needle here", "/f:4:6:last needle"]
    );
}

#[test]
fn only_a_newline_ends_a_line() {
    let text = "a\u{c}b\u{2028}c\u{85}d\re\nhit\u{b}\nhit\n";
    assert_eq!(
        hits(&mut tree(text), &GrepRequest::new("hit")),
        ["/f:2:1:hit\u{b}", "/f:3:1:hit"]
    );
}

#[test]
fn a_nul_anywhere_makes_a_file_binary() {
    let many = "needle\n".repeat(300_000);
    for content in [
        b"\0needle\n".to_vec(),
        b"needle\n\0".to_vec(),
        b"needle\0\n".to_vec(),
        [many.as_bytes(), b"\0"].concat(),
        [
            b"needle\n".as_slice(),
            many.replace("needle", "x").as_bytes(),
            b"\0",
        ]
        .concat(),
    ] {
        for request in [
            GrepRequest::new("needle"),
            GrepRequest::new("needle").limit(1),
            GrepRequest::new("needle").file_limit(1).context(1, 1),
            GrepRequest::new("needle").multi_line(),
            GrepRequest::new("(?s)needle.").multi_line().limit(1),
            GrepRequest::new("needle").output(GrepOutput::Files),
            GrepRequest::new("needle").output(GrepOutput::Counts),
            GrepRequest::new("none"),
        ] {
            let mut tree = tree(content.clone());
            tree.hand = Hand::Bytes;
            let found = super::grep(&tree, &request, &crate::search::Cancel::new(), 1).unwrap();
            assert_eq!(found.skipped.binary, 1, "{request:?}");
            assert_eq!(
                (found.matches.len(), found.files.len(), found.searched),
                (0, 0, 0)
            );
            assert!(found.is_whole());
        }
    }
}

#[test]
fn a_nul_after_the_requested_matches_counts_only_in_the_first_8_mib() {
    let line = "x\n".repeat(512);
    for (size, binary) in [(8 << 20, 1), ((8 << 20) + 4096, 0)] {
        let mut content = b"needle\n".to_vec();
        while content.len() < size {
            content.extend_from_slice(line.as_bytes());
        }
        content.truncate(size - 1);
        content.push(0);
        for hand in [Hand::Bytes, Hand::Reader(100_000)] {
            let tree = tree(content.clone()).handed(hand);
            for request in [
                GrepRequest::new("needle").file_limit(1),
                GrepRequest::new("needle").output(GrepOutput::Files),
                GrepRequest::new("needle\nx").file_limit(1).multi_line(),
            ] {
                let found = super::grep(&tree, &request, &crate::search::Cancel::new(), 1).unwrap();
                assert_eq!(found.skipped.binary, binary, "{size} {hand:?} {request:?}");
            }
            let all = super::grep(
                &tree,
                &GrepRequest::new("needle"),
                &crate::search::Cancel::new(),
                1,
            );
            assert_eq!(all.unwrap().skipped.binary, 1);
        }
    }
}

#[test]
fn utf16_with_a_mark_is_searched() {
    for big_endian in [false, true] {
        let mut tree = tree(utf16("eins\r\nzwölf 🦀\r\n\u{a0d}x\u{d0a}\n", big_endian));
        assert_eq!(
            hits(&mut tree, &GrepRequest::new("^zw.lf .$")),
            ["/f:2:1:zwölf 🦀"]
        );
        assert_eq!(
            hits(&mut tree, &GrepRequest::new("x")),
            ["/f:3:4:\u{a0d}x\u{d0a}"]
        );
        assert_eq!(
            hits(&mut tree, &GrepRequest::new("s\nzw").multi_line()).len(),
            1
        );
    }
    let long = utf16(&format!("{}needle\n", "ü🦀\r\n".repeat(40_000)), false);
    let found = grepped(
        &mut tree(long),
        &GrepRequest::new("needle|🦀$").limit(100_000),
    );
    assert_eq!(found.matches.len(), 40_001);
    assert_eq!(found.matches[40_000].line, 40_001);
    let nul = grepped(
        &mut tree(utf16("needle\0", false)),
        &GrepRequest::new("needle"),
    );
    assert_eq!(nul.skipped.binary, 1);
    let bare = grepped(
        &mut tree(&utf16("needle", false)[2..]),
        &GrepRequest::new("needle"),
    );
    assert_eq!(bare.skipped.binary, 1, "without a mark it is not text");
}

#[test]
fn invalid_utf16_is_marked() {
    let mut broken = utf16("x needle ", false);
    broken.extend_from_slice(&[0x00, 0xD8]);
    broken.extend_from_slice(&utf16(" y\n", false)[2..]);
    let found = grepped(&mut tree(broken), &GrepRequest::new("needle"));
    assert!(found.matches[0].lossy);
    assert!(found.matches[0].text.ends_with(" y"));
    let mut odd = utf16("needle", false);
    odd.push(b'x');
    let found = grepped(&mut tree(odd), &GrepRequest::new("needle"));
    assert_eq!(
        (found.matches[0].text.as_str(), found.matches[0].lossy),
        ("needle\u{fffd}", true)
    );
    assert_eq!(
        grepped(&mut tree(*b"\xff\xfe"), &GrepRequest::new("")).searched,
        1
    );
}

#[test]
fn a_byte_order_mark_is_not_searched() {
    let mut marked = tree("\u{feff}needle\n\u{feff}x\n");
    assert_eq!(
        hits(&mut marked, &GrepRequest::new("^needle")),
        ["/f:1:1:needle"]
    );
    assert_eq!(
        hits(&mut marked, &GrepRequest::new("\u{feff}")),
        ["/f:2:1:\u{feff}x"]
    );
    assert_eq!(hits(&mut tree("\u{feff}"), &GrepRequest::new("")), [""; 0]);
    assert_eq!(
        hits(
            &mut tree("\u{feff}a\nb"),
            &GrepRequest::new("a\nb").multi_line()
        )
        .len(),
        1
    );
}

#[test]
fn other_encodings_are_searched_and_marked() {
    let mut tree = tree(*b"caf\xe9 needle\nplain needle\n\xef\xbf\xbd needle\n");
    let found = grepped(&mut tree, &GrepRequest::new("needle"));
    let lossy: Vec<_> = found
        .matches
        .iter()
        .map(|hit| (hit.text.as_str(), hit.lossy))
        .collect();
    assert_eq!(
        lossy,
        [
            ("caf\u{fffd} needle", true),
            ("plain needle", false),
            ("\u{fffd} needle", false)
        ]
    );
    assert_eq!(
        hits(&mut tree, &GrepRequest::new(r"caf(?-u:\xe9)")),
        ["/f:1:1:caf\u{fffd} needle"]
    );
}

#[test]
fn a_long_line_is_cut_around_the_match() {
    let long = format!("{}needle{}", "é".repeat(3000), "ü".repeat(3000));
    let mut tree = tree(format!("short needle\n{long}\n"));
    for bytes in [500, 51, 7, 6] {
        let request = GrepRequest::new("needle").line_bytes(bytes);
        let found = grepped(&mut tree, &request);
        let (short, cut) = (&found.matches[0], &found.matches[1]);
        assert_eq!(short.cut, bytes < 12, "{bytes}");
        assert!(cut.cut && cut.text.contains("needle"), "{cut:?}");
        assert!(
            cut.text.len() <= bytes && cut.text.len() + 4 > bytes.min(500),
            "{cut:?}"
        );
        assert!(!cut.lossy);
        assert_eq!((cut.line, cut.column), (2, 6001));
    }
    let whole = grepped(&mut tree, &GrepRequest::new("needle").line_bytes(20_000));
    assert_eq!(whole.matches[1].text, long);
    assert!(!whole.matches[1].cut);
    let start = grepped(&mut tree, &GrepRequest::new("^é").line_bytes(10));
    assert_eq!(start.matches[0].text, "ééééé");
    let end = grepped(&mut tree, &GrepRequest::new("ü$").line_bytes(10));
    assert_eq!(end.matches[0].text, "üüüüü");
    let wide = grepped(&mut tree, &GrepRequest::new("needle.*").line_bytes(10));
    assert_eq!(wide.matches[1].text, "needleüü");
    let none = grepped(&mut tree, &GrepRequest::new("needle").line_bytes(0));
    assert_eq!(
        (none.matches[0].text.as_str(), none.matches[0].cut),
        ("", true)
    );
}

#[test]
fn a_line_that_is_not_utf8_is_cut_too() {
    let mut tree = tree([vec![0xFF; 3000], b"needle".to_vec(), vec![0x80; 3000]].concat());
    let found = grepped(&mut tree, &GrepRequest::new("needle").line_bytes(30));
    let hit = &found.matches[0];
    assert!(hit.cut && hit.lossy && hit.text.len() <= 30, "{hit:?}");
}

#[test]
fn line_numbers_hold_over_many_buffers() {
    let text: String = (1..=50_000).map(|n| format!("line {n}\r\n")).collect();
    let mut tree = tree(text);
    let found = grepped(&mut tree, &GrepRequest::new(r"line \d*777$").context(1, 1));
    assert_eq!(found.matches.len(), 50);
    for hit in found.matches {
        assert_eq!(hit.text, format!("line {}", hit.line));
        assert_eq!(hit.before[0].text, format!("line {}", hit.line - 1));
        assert_eq!(hit.after[0].text, format!("line {}", hit.line + 1));
    }
}

#[test]
fn a_line_that_is_too_long_is_counted_and_the_file_is_not_searched() {
    let long = ["needle\n".as_bytes(), &vec![b'x'; 17 << 20], b"\nneedle\n"].concat();
    let mut tree = Forest::of([
        ("/a".to_owned(), long),
        ("/b".to_owned(), b"needle\n".to_vec()),
    ]);
    for (hand, threads) in [(Hand::Bytes, 1), (Hand::Reader(1 << 20), 3)] {
        tree.hand = hand;
        let found = super::grep(
            &tree,
            &GrepRequest::new("needle"),
            &crate::search::Cancel::new(),
            threads,
        );
        let found = found.unwrap();
        assert_eq!((found.skipped.long_lines, found.searched), (1, 1));
        assert_eq!(found.matches.len(), 1);
        assert_eq!(found.matches[0].path, "/b");
        let first = GrepRequest::new("needle").output(GrepOutput::Files);
        let found = super::grep(&tree, &first, &crate::search::Cancel::new(), threads).unwrap();
        assert_eq!(
            found.files.len(),
            2,
            "the line behind the first match is not searched"
        );
    }
}

#[test]
fn the_end_of_a_long_line_is_searched() {
    let long = [
        "needle\n".as_bytes(),
        &vec![b'x'; 15 << 20],
        b"needle\nlast\n",
    ]
    .concat();
    let tree = tree(long);
    let found = super::grep(
        &tree,
        &GrepRequest::new("needle$"),
        &crate::search::Cancel::new(),
        1,
    )
    .unwrap();
    assert_eq!(
        found.matches.iter().map(|hit| hit.line).collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(found.matches[1].cut && found.matches[1].text.ends_with("xneedle"));
    assert!(found.matches[1].text.len() <= 500);
}

#[test]
fn a_file_that_is_too_large_to_be_held_is_counted() {
    let tree = tree(b"aaaaaaa\n".repeat((64 << 17) + 1));
    let request = GrepRequest::new("a\nb").multi_line();
    let found = super::grep(&tree, &request, &crate::search::Cancel::new(), 1).unwrap();
    assert_eq!((found.skipped.long_lines, found.searched), (1, 0));
}
