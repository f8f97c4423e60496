//! Line endings: the ending of a place, and of new text in it.

use std::ops::Range;

use crate::slice::Slice;

/// The ending of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Lf,
    Crlf,
}

impl Ending {
    /// Returns the line ending of a place in a text: the first one in it, else that of the line on which it ends, else that
    /// of the previous line. A text without line endings gets `\n`.
    pub(super) fn of_range(text: &str, place: &Range<usize>) -> Self {
        let bytes = text.as_bytes();
        let after = bytes.slice(place.start..);
        let newline = memchr::memchr(b'\n', after)
            .map(|found| place.start + found)
            .or_else(|| memchr::memrchr(b'\n', bytes.slice(..place.start)));
        let before = newline.and_then(|newline| newline.checked_sub(1));
        if before.and_then(|before| bytes.get(before)) == Some(&b'\r') {
            Self::Crlf
        } else {
            Self::Lf
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
        }
    }

    /// Appends `text` with every `\n` as this ending.
    pub(super) fn push_text(self, text: &str, to: &mut String) {
        match self {
            Self::Lf => to.push_str(text),
            Self::Crlf => {
                for line in text.split_inclusive('\n') {
                    match line.strip_suffix('\n') {
                        Some(content) => {
                            to.push_str(content);
                            to.push_str("\r\n");
                        }
                        None => to.push_str(line),
                    }
                }
            }
        }
    }
}

/// Returns how many `\r\n` there are.
pub(super) fn count_crlf(bytes: &[u8]) -> usize {
    // The compiler turns sums of bytes over short chunks into vector instructions.
    const CHUNK: usize = 240;
    let next = bytes.get(1..).unwrap_or_default();
    bytes
        .chunks(CHUNK)
        .zip(next.chunks(CHUNK))
        .map(|(first, second)| {
            let pairs = first.iter().zip(second);
            let found = pairs.map(|(a, b)| u8::from((*a == b'\r') & (*b == b'\n')));
            usize::from(found.sum::<u8>())
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::count_crlf;

    #[test]
    fn pairs_are_counted_wherever_they_are() {
        for length in 0..1000 {
            let text = format!("{}\r\n{}\r", "a".repeat(length), "\r\n".repeat(length));
            assert_eq!(count_crlf(text.as_bytes()), length + 1);
        }
        assert_eq!(count_crlf(b""), 0);
        assert_eq!(count_crlf(b"\n\r\r\n\n"), 1);
    }
}
