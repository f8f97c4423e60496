//! The end of a step's output.

use std::collections::VecDeque;

/// Number of bytes kept.
const MAX_TAIL_BYTES: usize = 16 << 10;

/// Number of characters in a one-line message.
const MAX_LINE_CHARS: usize = 400;

/// The bounded end of a text.
#[derive(Debug, Default)]
pub(super) struct Tail {
    chunks: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    pub(super) fn push(&mut self, chunk: &str) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk.to_owned());
        while self.bytes > MAX_TAIL_BYTES {
            let Some(first) = self.chunks.pop_front() else {
                break;
            };
            self.bytes -= first.len();
            let Some(over) = MAX_TAIL_BYTES
                .checked_sub(self.bytes)
                .filter(|room| *room > 0)
            else {
                continue;
            };
            // Of a first chunk that does not fit, its end is kept.
            let from = first.len().saturating_sub(over);
            let from = (from..=first.len()).find(|at| first.is_char_boundary(*at));
            if let Some(end) = from
                .and_then(|from| first.get(from..))
                .filter(|end| !end.is_empty())
            {
                self.bytes += end.len();
                self.chunks.push_front(end.to_owned());
            }
            break;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn text(&self) -> String {
        self.chunks.iter().map(String::as_str).collect()
    }
}

/// Returns the last lines of a log as one line.
pub(super) fn last_lines(log: &str) -> String {
    let mut shown = String::new();
    for line in log
        .lines()
        .rev()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        if shown.is_empty() {
            shown = line.chars().take(MAX_LINE_CHARS).collect();
        } else if shown.chars().count() + line.chars().count() + 3 <= MAX_LINE_CHARS {
            shown = format!("{line} | {shown}");
        } else {
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINE_CHARS, MAX_TAIL_BYTES, Tail, last_lines};

    #[test]
    fn a_tail_is_bounded_and_is_the_end() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(&format!("{number} é\n"));
        }
        let text = tail.text();
        assert!(
            text.len() <= MAX_TAIL_BYTES && text.len() > MAX_TAIL_BYTES - 16,
            "{}",
            text.len()
        );
        assert!(text.ends_with("99998 é\n99999 é\n"));
        tail.push(&"é".repeat(MAX_TAIL_BYTES));
        assert_eq!(tail.text(), "é".repeat(MAX_TAIL_BYTES / 2));
        tail.clear();
        assert_eq!(tail.text(), "");
        tail.push("short");
        assert_eq!(tail.text(), "short");
    }

    #[test]
    fn the_last_lines_are_one_line() {
        assert_eq!(last_lines("a\n\n b\r\n\x1b[0m\n"), "a | b | [0m");
        assert_eq!(last_lines(""), "");
        let long = last_lines(&format!("{}\n{}", "x".repeat(300), "y".repeat(300)));
        assert_eq!(long, "y".repeat(300));
        assert_eq!(
            last_lines(&"é".repeat(1000)).chars().count(),
            MAX_LINE_CHARS
        );
    }
}
