//! Bytes to text: detects the encoding, and checks that every character survives the round trip.
//!
//! UTF-8, with or without a byte order mark, and UTF-16 with one are text. There is no guessing and no replacement: bytes
//! that do not decode exactly, or contain a NUL, are not text.

use std::borrow::Cow;

use simdutf8::compat::from_utf8;

use super::Scan;
use crate::Encoding;
use crate::slice::Slice;

/// How many bytes are checked and passed on at a time. They fit into the nearest caches next to other data.
const BLOCK_BYTES: usize = 32 << 10;

/// How many bytes determine the encoding.
const BOM_BYTES: usize = 3;

/// Why bytes are not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A NUL character.
    Nul,
    /// Bytes that are invalid in the encoding.
    Malformed,
}

/// Returns the encoding, and the length of its byte order mark in bytes.
pub(super) fn detect(head: &[u8]) -> (Encoding, usize) {
    if head.starts_with(&[0xef, 0xbb, 0xbf]) {
        (Encoding::Utf8Bom, 3)
    } else if head.starts_with(&[0xff, 0xfe]) {
        (Encoding::Utf16Le, 2)
    } else if head.starts_with(&[0xfe, 0xff]) {
        (Encoding::Utf16Be, 2)
    } else {
        (Encoding::Utf8, 0)
    }
}

/// Decodes a whole file. The byte order mark is not part of the text.
pub(super) fn decode(content: &[u8]) -> Result<(Encoding, Cow<'_, str>), Flaw> {
    let (encoding, mark) = detect(content);
    let body = content.slice(mark..);
    if let Encoding::Utf8 | Encoding::Utf8Bom = encoding {
        let text = from_utf8(body).map_err(|_| Flaw::Malformed)?;
        return match memchr::memchr(0, body) {
            Some(_) => Err(Flaw::Nul),
            None => Ok((encoding, Cow::Borrowed(text))),
        };
    }
    let mut text = String::with_capacity(body.len());
    let mut decoder = Decoder::default();
    let mut sink = |piece: &str| {
        text.push_str(piece);
        Scan::More
    };
    decoder.push(content, &mut sink)?;
    decoder.finish(&mut sink)?;
    Ok((encoding, Cow::Owned(text)))
}

/// Encodes a text as it was before [`decode`].
pub(super) fn encode(encoding: Encoding, text: String) -> Vec<u8> {
    let units = |mark: [u8; 2], to_bytes: fn(u16) -> [u8; 2]| {
        let mut bytes = Vec::with_capacity(2 + 2 * text.len());
        bytes.extend(mark);
        bytes.extend(text.encode_utf16().flat_map(to_bytes));
        bytes
    };
    match encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Utf8Bom => [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
        Encoding::Utf16Le => units([0xff, 0xfe], u16::to_le_bytes),
        Encoding::Utf16Be => units([0xfe, 0xff], u16::to_be_bytes),
    }
}

/// Decodes a file piece by piece, wherever the pieces are split.
///
/// The output to the sink depends only on the bytes, not on how they were split: everything before the first flaw, then the
/// flaw, unless the sink stopped earlier.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// `None` until there are enough bytes to detect it.
    encoding: Option<Encoding>,
    /// The start of a character, or of the file, whose rest has not arrived yet.
    carry: Vec<u8>,
}

impl Decoder {
    /// Returns the encoding, if it is known yet.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding.unwrap_or(Encoding::Utf8)
    }

    /// Passes the text of the next bytes to `sink`.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(&str) -> Scan,
    ) -> Result<Scan, Flaw> {
        if self.encoding.is_some() {
            return self.body(bytes, sink);
        }
        if self.carry.is_empty() && bytes.len() >= BOM_BYTES {
            return self.begin(bytes, sink);
        }
        let wanted = BOM_BYTES.saturating_sub(self.carry.len());
        let (head, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
        self.carry.extend_from_slice(head);
        if self.carry.len() < BOM_BYTES {
            return Ok(Scan::More);
        }
        let head = std::mem::take(&mut self.carry);
        match self.begin(&head, sink)? {
            Scan::Done => Ok(Scan::Done),
            Scan::More => self.body(rest, sink),
        }
    }

    /// Passes on the rest once there are no more bytes.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(&str) -> Scan) -> Result<Scan, Flaw> {
        let scan = if self.encoding.is_none() {
            let head = std::mem::take(&mut self.carry);
            self.begin(&head, sink)?
        } else {
            Scan::More
        };
        if scan == Scan::More && !self.carry.is_empty() {
            return Err(Flaw::Malformed);
        }
        Ok(scan)
    }

    /// Takes the first bytes of a file, which determine its encoding.
    fn begin(&mut self, bytes: &[u8], sink: &mut impl FnMut(&str) -> Scan) -> Result<Scan, Flaw> {
        let (encoding, mark) = detect(bytes);
        self.encoding = Some(encoding);
        self.body(bytes.slice(mark..), sink)
    }

    fn body(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl FnMut(&str) -> Scan,
    ) -> Result<Scan, Flaw> {
        let encoding = self.encoding();
        let mut buffer = String::new();
        while !self.carry.is_empty() {
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(Scan::More);
            };
            self.carry.push(*first);
            bytes = rest;
            let prefix = Prefix::of(&self.carry, encoding, &mut buffer);
            if prefix.emit(sink)? == Scan::Done {
                return Ok(Scan::Done);
            }
            if prefix.used > 0 {
                self.carry.clear();
            }
        }
        while !bytes.is_empty() {
            let block = bytes.get(..BLOCK_BYTES).unwrap_or(bytes);
            let prefix = Prefix::of(block, encoding, &mut buffer);
            if prefix.emit(sink)? == Scan::Done {
                return Ok(Scan::Done);
            }
            if prefix.used == 0 {
                // Less than a character is left.
                self.carry.extend_from_slice(bytes);
                break;
            }
            bytes = bytes.slice(prefix.used..);
        }
        Ok(Scan::More)
    }
}

/// The part of a block that can be decoded, from its start.
struct Prefix<'a> {
    text: &'a str,
    /// The number of bytes of the block that the text takes.
    used: usize,
    /// What follows the text, if not the end of the block or a character split by it.
    flaw: Option<Flaw>,
}

impl<'a> Prefix<'a> {
    fn of(block: &'a [u8], encoding: Encoding, buffer: &'a mut String) -> Self {
        match encoding {
            Encoding::Utf8 | Encoding::Utf8Bom => Self::utf8(block),
            Encoding::Utf16Le => Self::utf16(block, u16::from_le_bytes, buffer),
            Encoding::Utf16Be => Self::utf16(block, u16::from_be_bytes, buffer),
        }
    }

    fn utf8(block: &'a [u8]) -> Self {
        let nul = memchr::memchr(0, block);
        // A character split by the end of the block is left for the next one; one split by a NUL is malformed.
        let end = nul.unwrap_or_else(|| whole_characters(block));
        let clean = block.get(..end).unwrap_or(block);
        let (text, malformed) = match from_utf8(clean) {
            Ok(text) => (text, false),
            Err(error) => {
                let valid = clean.slice(..error.valid_up_to());
                (from_utf8(valid).unwrap_or_default(), true)
            }
        };
        let flaw = if malformed {
            Some(Flaw::Malformed)
        } else {
            nul.map(|_| Flaw::Nul)
        };
        Self {
            text,
            used: text.len(),
            flaw,
        }
    }

    fn utf16(block: &[u8], unit: fn([u8; 2]) -> u16, buffer: &'a mut String) -> Self {
        buffer.clear();
        let mut used = 0;
        let mut flaw = None;
        let mut units = block
            .chunks_exact(2)
            .filter_map(|pair| <[u8; 2]>::try_from(pair).ok().map(unit));
        while let Some(first) = units.next() {
            let decoded = match first {
                0 => Err(Flaw::Nul),
                0xd800..=0xdbff => match units.next() {
                    Some(second) => char::decode_utf16([first, second])
                        .next()
                        .and_then(Result::ok)
                        .ok_or(Flaw::Malformed),
                    // The other half may come with the next block.
                    None => break,
                },
                _ => char::from_u32(u32::from(first)).ok_or(Flaw::Malformed),
            };
            match decoded {
                Ok(character) => {
                    buffer.push(character);
                    used += 2 * character.len_utf16();
                }
                Err(found) => {
                    flaw = Some(found);
                    break;
                }
            }
        }
        Self {
            text: buffer,
            used,
            flaw,
        }
    }

    fn emit(&self, sink: &mut impl FnMut(&str) -> Scan) -> Result<Scan, Flaw> {
        let scan = if self.text.is_empty() {
            Scan::More
        } else {
            sink(self.text)
        };
        match (scan, self.flaw) {
            (Scan::More, Some(flaw)) => Err(flaw),
            _ => Ok(scan),
        }
    }
}

/// Returns the number of bytes before a character that the end of the block splits.
fn whole_characters(block: &[u8]) -> usize {
    for (back, byte) in (1..=3).zip(block.iter().rev()) {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return block.len() - if length > back { back } else { 0 };
    }
    block.len()
}

#[cfg(test)]
mod tests;
