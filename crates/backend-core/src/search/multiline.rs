//! A search across lines, in a file that is completely in memory.
//!
//! One result is one line on which a match starts: of several such matches, the first. A pattern that stays within a line
//! therefore finds the same as line by line.

use std::ops::Range;

use grep_matcher::Matcher;
use grep_regex::RegexMatcher;
use memchr::{memchr, memchr_iter, memrchr};

use super::cancel::Stop;
use super::sink::Hits;
use crate::slice::Slice;

/// Searches a text.
pub(super) fn search(
    text: &[u8],
    matcher: &RegexMatcher,
    before: usize,
    after: usize,
    stop: &Stop<'_>,
    hits: &mut Hits,
) {
    let mut lines = Lines {
        text,
        before,
        after,
        number: 1,
        counted: 0,
        shown: None,
        is_stopped: false,
    };
    let mut last_start = None;
    let found = matcher.find_iter(text, |found| {
        if stop.should_stop() {
            lines.is_stopped = true;
            return false;
        }
        let (start, end) = (found.start(), found.end());
        // There is no line after the last ending.
        if start == text.len() && matches!(text.last(), None | Some(b'\n')) {
            return false;
        }
        let line = lines.start_of(start);
        if last_start == Some(line) {
            return true;
        }
        last_start = Some(line);
        let last = if end > start { end - 1 } else { end };
        let line_end = lines.end_of(last);
        let went_on = lines.take(line..line_end, start - line..end.min(line_end) - line, hits);
        lines.is_stopped = !went_on;
        went_on
    });
    // The matcher cannot fail.
    drop(found);
    if !lines.is_stopped {
        lines.take_after(text.len(), hits);
    }
}

struct Lines<'a> {
    text: &'a [u8],
    before: usize,
    after: usize,
    /// The number of the line that starts at `counted`.
    number: u64,
    counted: usize,
    /// The start of the first line not shown yet, once there was a match.
    shown: Option<usize>,
    /// Whether enough was found, or the search is over.
    is_stopped: bool,
}

impl Lines<'_> {
    fn start_of(&self, at: usize) -> usize {
        memrchr(b'\n', self.get(0..at)).map_or(0, |newline| newline + 1)
    }

    /// The end of the line that contains a position, without its ending.
    fn end_of(&self, at: usize) -> usize {
        memchr(b'\n', self.get(at..self.text.len())).map_or(self.text.len(), |newline| at + newline)
    }

    fn get(&self, range: Range<usize>) -> &[u8] {
        self.text.slice(range)
    }

    fn number_of(&mut self, start: usize) -> u64 {
        let between = memchr_iter(b'\n', self.get(self.counted..start)).count();
        self.number += between as u64;
        self.counted = start;
        self.number
    }

    fn take(&mut self, lines: Range<usize>, found: Range<usize>, hits: &mut Hits) -> bool {
        if !self.take_after(lines.start, hits) {
            return false;
        }
        let from = self.shown.unwrap_or(0);
        if self.before > 0 && from < lines.start {
            let mut start = lines.start;
            for _ in 0..self.before {
                if start <= from {
                    break;
                }
                start = self.start_of(start - 1).max(from);
            }
            while start < lines.start {
                let end = self.end_of(start);
                let number = self.number_of(start);
                if !hits.take_before(number, self.get(start..end)) {
                    return false;
                }
                start = end + 1;
            }
        }
        let number = self.number_of(lines.start);
        self.shown = Some(self.shown.unwrap_or(0).max(lines.end + 1));
        hits.take(number, self.get(lines.clone()), found, lines.end as u64 + 1)
    }

    /// Shows the lines after the last match, up to the start of the next one.
    fn take_after(&mut self, next: usize, hits: &mut Hits) -> bool {
        let Some(mut start) = self.shown else {
            return true;
        };
        for _ in 0..self.after {
            if start >= next {
                break;
            }
            let end = self.end_of(start);
            let number = self.number_of(start);
            if !hits.take_after(number, self.get(start..end), end as u64 + 1) {
                return false;
            }
            start = end + 1;
            self.shown = Some(start);
        }
        true
    }
}
