//! What is kept of a stream of output: its head and its tail, in bounded memory.

use std::collections::VecDeque;

use backend_core::Captured;

/// Keeps the first and the last bytes of a stream.
#[derive(Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_limit: usize,
    tail_limit: usize,
    omitted: u64,
}

impl Capture {
    /// Prepares to keep this many bytes: the first half, and the last.
    pub(super) fn new(limit: usize) -> Self {
        let tail_limit = limit / 2;
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_limit: limit - tail_limit,
            tail_limit,
            omitted: 0,
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let remaining = self.head_limit - self.head.len();
        let (head, rest) = bytes.split_at(remaining.min(bytes.len()));
        self.head.extend_from_slice(head);
        // Of more than the capacity, only the last bytes are kept.
        let (skipped, rest) = rest.split_at(rest.len().saturating_sub(self.tail_limit));
        let full = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..full);
        self.tail.extend(rest);
        self.omitted += (skipped.len() + full) as u64;
    }

    /// Returns what was kept. If nothing was omitted, all of it is in the head.
    pub(super) fn finish(mut self) -> Captured {
        let tail = Vec::from(self.tail);
        if self.omitted == 0 {
            self.head.extend_from_slice(&tail);
            return Captured::new(self.head, 0, Vec::new());
        }
        Captured::new(self.head, self.omitted, tail)
    }
}

#[cfg(test)]
mod tests {
    use super::Capture;

    /// Pushes 0, 1, 2 ... in pieces, and compares with the plain definition.
    #[track_caller]
    fn check(total: usize, limit: usize, piece: usize) {
        let all: Vec<u8> = (0..total).map(|at| (at % 251) as u8).collect();
        let mut capture = Capture::new(limit);
        for bytes in all.chunks(piece) {
            capture.push(bytes);
        }
        let kept = capture.finish();
        assert_eq!(kept.total(), total as u64);
        if total <= limit {
            assert_eq!((&kept.head[..], &kept.tail[..]), (&all[..], &[][..]));
        } else {
            assert_eq!(kept.head, all[..limit - limit / 2]);
            assert_eq!(kept.tail, all[total - limit / 2..]);
        }
    }

    #[test]
    fn head_and_tail_are_exact_for_every_size() {
        for total in [0, 1, 2, 3, 9, 10, 11, 20, 99, 100, 101, 1000] {
            for limit in [0, 1, 2, 3, 10, 99, 100, 2000] {
                for piece in [1, 2, 7, 10, 64, 5000] {
                    check(total, limit, piece);
                }
            }
        }
    }
}
