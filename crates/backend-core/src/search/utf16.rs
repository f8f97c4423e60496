//! UTF-16 with a byte order mark, read as UTF-8.

/// Decodes UTF-16, piece by piece.
///
/// Invalid UTF-16 becomes invalid UTF-8, so that it can be detected when it is shown.
#[derive(Debug)]
pub(super) struct Utf16Decoder {
    big_endian: bool,
    /// The first byte of a unit whose second byte has not arrived yet.
    half: Option<u8>,
    /// The first unit of a pair whose second unit has not arrived yet.
    high: Option<u16>,
}

impl Utf16Decoder {
    /// Returns a decoder if a text starts with a byte order mark of UTF-16, which is 2 bytes long.
    pub(super) fn sniff(start: &[u8]) -> Option<Self> {
        let big_endian = match start {
            [0xFE, 0xFF, ..] => true,
            [0xFF, 0xFE, ..] => false,
            _ => return None,
        };
        Some(Self {
            big_endian,
            half: None,
            high: None,
        })
    }

    /// Decodes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = if self.big_endian {
                u16::from_be_bytes([first, *byte])
            } else {
                u16::from_le_bytes([first, *byte])
            };
            self.unit(unit, out);
        }
    }

    /// Ends the text.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            push_lone_surrogate(high, out);
        }
        if self.half.take().is_some() {
            out.push(0xFF);
        }
    }

    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        let mut push = |c: char| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        if let Some(high) = self.high.take() {
            match char::decode_utf16([high, unit]).next() {
                Some(Ok(c)) => return push(c),
                _ => push_lone_surrogate(high, out),
            }
        }
        match char::from_u32(u32::from(unit)) {
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None if unit < 0xDC00 => self.high = Some(unit),
            None => push_lone_surrogate(unit, out),
        }
    }
}

/// Writes half of a pair as if it were a character, which is invalid UTF-8.
fn push_lone_surrogate(unit: u16, out: &mut Vec<u8>) {
    let [high, low] = unit.to_be_bytes();
    out.extend_from_slice(&[
        0xE0 | (high >> 4),
        0x80 | ((high & 0x0F) << 2) | (low >> 6),
        0x80 | (low & 0x3F),
    ]);
}
