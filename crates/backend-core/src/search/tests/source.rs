//! The content of a file is the same however it is delivered, and whatever buffer it is read into.

use std::io::Read;

use proptest::prelude::*;

use crate::search::Cancel;
use crate::search::cancel::Stop;
use crate::search::source::Source;
use crate::search::tree::Opened;

/// Delivers a few bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Reads everything, first into a large buffer and then into small ones.
fn read(opened: Opened<Pieces<'_>>, first: usize, then: usize) -> (Vec<u8>, Option<u64>) {
    let cancel = Cancel::new();
    let stop = Stop::new(&cancel, None);
    let mut source = Source::new(opened, 0, &stop);
    let mut text = Vec::new();
    let mut buffer = vec![0; first];
    loop {
        let count = source.read(&mut buffer).unwrap();
        if count == 0 {
            assert_eq!(source.read(&mut buffer).unwrap(), 0, "the end is permanent");
            assert_eq!(source.passed(), text.len() as u64);
            return (text, source.nul());
        }
        text.extend_from_slice(&buffer[..count]);
        buffer.truncate(then);
    }
}

fn naive(content: &[u8]) -> (Vec<u8>, Option<u64>) {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let mut text = Vec::new();
    for (index, byte) in content.iter().enumerate() {
        match byte {
            0 => return (text.clone(), Some(text.len() as u64)),
            b'\r' if content.get(index + 1) == Some(&b'\n') => {}
            byte => text.push(*byte),
        }
    }
    (text, None)
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        b"\r".as_slice(),
        b"\n",
        b"\r\n",
        b"a",
        b"bc",
        b"\xff\xfe",
        b"\xEF\xBB\xBF",
        b"\xc3\xa9",
        b"\r\r\n",
    ]);
    (
        proptest::collection::vec(piece, 0..40),
        any::<Option<proptest::sample::Index>>(),
    )
        .prop_map(|(pieces, nul)| {
            let mut content = pieces.concat();
            if let Some(nul) = nul.filter(|_| content.len() > 2) {
                let at = nul.index(content.len());
                content[at] = 0;
            }
            // That would be UTF-16.
            if content.starts_with(b"\xff\xfe") {
                content.insert(0, b'x');
            }
            content
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_and_pieces_read_alike(content in content(), piece in 1_usize..9, first in 3_usize..70, then in 1_usize..9) {
        let want = naive(&content);
        let bytes = Opened::Bytes(content.clone().into());
        prop_assert_eq!(&read(bytes, first, then), &want);
        prop_assert_eq!(&read(Opened::Reader(Pieces(&content, piece)), first, then), &want);
    }

    #[test]
    fn utf16_reads_as_its_text(text in "[a\r\né🦀\u{a0d}\u{d0a}]{0,40}", big_endian in any::<bool>(), piece in 1_usize..9, then in 1_usize..9) {
        let content: Vec<u8> = std::iter::once(0xFEFF)
            .chain(text.encode_utf16())
            .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect();
        let want = naive(text.as_bytes());
        prop_assert_eq!(&read(Opened::Bytes(content.clone().into()), 64, then), &want);
        prop_assert_eq!(&read(Opened::Reader(Pieces(&content, piece)), 64, then), &want);
    }
}
