//! The newest output of a spawned process, in order of arrival, read from a cursor onward.

use std::collections::VecDeque;

use backend_core::{OutputChunk, OutputStream};
use bytes::BytesMut;

/// Keeps the newest bytes of two streams.
///
/// The bytes of both streams are in one queue, with the lengths of the runs of each stream next to it. In the worst
/// case, single bytes to both streams in turn, each byte kept costs five bytes of memory.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    runs: VecDeque<Run>,
    limit: usize,
    /// How many bytes there have been in total: the cursor of the next one.
    total: u64,
}

/// What a reader gets from a [`Ring`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OutputSlice {
    pub(super) chunks: Vec<OutputChunk>,
    pub(super) missed: u64,
    pub(super) next: u64,
}

/// A length below 2^31, with the stream in the highest bit.
#[derive(Clone, Copy, Debug)]
struct Run(u32);

impl Run {
    const STDERR_FLAG: u32 = 1 << 31;
    const MAX_LENGTH: usize = (Self::STDERR_FLAG - 1) as usize;

    fn new(stream: OutputStream, length: usize) -> Self {
        let flag = match stream {
            OutputStream::Stderr => Self::STDERR_FLAG,
            _ => 0,
        };
        // The callers split longer ones.
        Self(flag | u32::try_from(length.min(Self::MAX_LENGTH)).unwrap_or_default())
    }

    fn length(self) -> usize {
        (self.0 & !Self::STDERR_FLAG) as usize
    }

    fn stream(self) -> OutputStream {
        if self.0 & Self::STDERR_FLAG == 0 {
            OutputStream::Stdout
        } else {
            OutputStream::Stderr
        }
    }
}

impl Ring {
    /// Prepares to keep this many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            runs: VecDeque::new(),
            limit,
            total: 0,
        }
    }

    /// Returns the cursor after the newest byte.
    pub(super) fn end(&self) -> u64 {
        self.total
    }

    /// Takes the next bytes of a stream.
    pub(super) fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (_, kept) = bytes.split_at(bytes.len().saturating_sub(self.limit));
        self.drop_oldest((self.bytes.len() + kept.len()).saturating_sub(self.limit));
        self.bytes.extend(kept);
        for piece in kept.chunks(Run::MAX_LENGTH) {
            match self.runs.back_mut() {
                Some(run)
                    if run.stream() == stream && run.length() + piece.len() <= Run::MAX_LENGTH =>
                {
                    *run = Run::new(stream, run.length() + piece.len());
                }
                _ => self.runs.push_back(Run::new(stream, piece.len())),
            }
        }
    }

    /// Drops the oldest bytes.
    fn drop_oldest(&mut self, mut count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        while count > 0 {
            let Some(run) = self.runs.front_mut() else {
                return;
            };
            if run.length() > count {
                *run = Run::new(run.stream(), run.length() - count);
                return;
            }
            count -= run.length();
            self.runs.pop_front();
        }
    }

    /// Returns up to `limit` bytes from a cursor onward, which must not be past the end.
    pub(super) fn read(&self, cursor: u64, limit: usize) -> OutputSlice {
        let start = self.total - self.bytes.len() as u64;
        let missed = start.saturating_sub(cursor);
        let from = cursor.max(start);
        let mut skip = usize::try_from(from - start).unwrap_or(usize::MAX);
        let mut remaining = limit;
        let mut at = 0;
        let mut chunks = Vec::new();
        for run in &self.runs {
            if remaining == 0 {
                break;
            }
            let skipped = skip.min(run.length());
            skip -= skipped;
            let taken = (run.length() - skipped).min(remaining);
            if taken > 0 {
                let first = at + skipped;
                let mut bytes = BytesMut::with_capacity(taken);
                let (left, right) = self.bytes.as_slices();
                let middle = left.len();
                if let Some(part) = left.get(first.min(middle)..(first + taken).min(middle)) {
                    bytes.extend_from_slice(part);
                }
                let (low, high) = (first.max(middle), (first + taken).max(middle));
                if let Some(part) = right.get(low - middle..high - middle) {
                    bytes.extend_from_slice(part);
                }
                chunks.push(OutputChunk::new(run.stream(), bytes));
                remaining -= taken;
            }
            at += run.length();
        }
        OutputSlice {
            chunks,
            missed,
            next: from + (limit - remaining) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use backend_core::OutputStream::{Stderr, Stdout};
    use backend_core::{OutputChunk, OutputStream};

    use super::{OutputSlice, Ring};

    fn piece(chunks: &[(OutputStream, &str)], missed: u64, next: u64) -> OutputSlice {
        let chunk = |&(stream, text): &(OutputStream, &str)| {
            OutputChunk::new(stream, text.as_bytes().to_vec())
        };
        OutputSlice {
            chunks: chunks.iter().map(chunk).collect(),
            missed,
            next,
        }
    }

    #[test]
    fn a_reader_gets_the_streams_in_order_and_continues() {
        let mut ring = Ring::new(100);
        ring.push(Stdout, b"ab");
        ring.push(Stdout, b"c");
        ring.push(Stderr, b"de");
        ring.push(Stdout, b"f");
        assert_eq!(
            ring.read(0, 4),
            piece(&[(Stdout, "abc"), (Stderr, "d")], 0, 4)
        );
        assert_eq!(
            ring.read(4, 4),
            piece(&[(Stderr, "e"), (Stdout, "f")], 0, 6)
        );
        assert_eq!(ring.read(6, 4), piece(&[], 0, 6));
    }

    #[test]
    fn the_oldest_bytes_are_missed() {
        let mut ring = Ring::new(4);
        ring.push(Stdout, b"abc");
        ring.push(Stderr, b"def");
        assert_eq!(
            ring.read(0, 9),
            piece(&[(Stdout, "c"), (Stderr, "def")], 2, 6)
        );
        assert_eq!(ring.read(4, 9), piece(&[(Stderr, "ef")], 0, 6));
        ring.push(Stdout, b"0123456789");
        assert_eq!(ring.read(6, 2), piece(&[(Stdout, "67")], 6, 14));
        assert_eq!(ring.end(), 16);
    }

    #[test]
    fn a_ring_of_nothing_counts() {
        let mut ring = Ring::new(0);
        ring.push(Stdout, b"abc");
        assert_eq!(ring.read(1, 9), piece(&[], 2, 3));
    }

    #[test]
    fn what_is_kept_is_the_end_of_what_was_printed() {
        for limit in [1, 2, 3, 7, 64] {
            let (mut ring, mut all) = (Ring::new(limit), Vec::new());
            for round in 0..200_u8 {
                let bytes = vec![round; usize::from(round) % 5];
                let stream = if round % 3 == 0 { Stderr } else { Stdout };
                ring.push(stream, &bytes);
                all.extend(bytes);
                for cursor in 0..=all.len() {
                    let got = ring.read(cursor as u64, usize::MAX);
                    let start = cursor.max(all.len().saturating_sub(limit));
                    let bytes: Vec<u8> = got
                        .chunks
                        .iter()
                        .flat_map(|chunk| chunk.bytes.to_vec())
                        .collect();
                    assert_eq!(bytes, all[start..]);
                    assert_eq!(got.missed, (start - cursor) as u64);
                    assert_eq!(got.next, all.len() as u64);
                }
            }
        }
    }
}
