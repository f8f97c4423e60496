//! Finds a needle in a text, regardless of line endings.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem::{self, Finder};

use super::ending::count_crlf;
use crate::LineEnding;
use crate::slice::Slice;

/// After this many matches that may overlap, the search continues byte by byte: each jump costs the length of the needle.
const MAX_JUMPS: usize = 16;

/// A text, and the needle to find in it.
#[derive(Debug)]
pub(super) struct Haystack<'a> {
    needle: &'a str,
    /// The text and the needle in the form that is searched.
    view: Cow<'a, str>,
    pattern: Cow<'a, str>,
    /// The positions in the view of each `\n` that has a `\r` before it only in the text.
    stripped: Vec<usize>,
}

impl<'a> Haystack<'a> {
    /// Prepares a search. The `\n` of a needle without a `\r` also matches `\r\n`; one with a `\r` is matched literally.
    pub(super) fn new(text: &'a str, needle: &'a str) -> Self {
        let mut haystack = Self::exact(text, needle);
        if needle.contains('\r') || !needle.contains('\n') {
            return haystack;
        }
        match endings(text) {
            LineEnding::None | LineEnding::Lf => {}
            LineEnding::Crlf => haystack.pattern = Cow::Owned(needle.replace('\n', "\r\n")),
            LineEnding::Mixed => haystack.strip(text),
        }
        haystack
    }

    /// Prepares a literal search.
    pub(super) fn exact(text: &'a str, needle: &'a str) -> Self {
        Self {
            needle,
            view: Cow::Borrowed(text),
            pattern: Cow::Borrowed(needle),
            stripped: Vec::new(),
        }
    }

    /// Searches a text in which every `\r\n` is a `\n`.
    fn strip(&mut self, text: &str) {
        let mut view = String::with_capacity(text.len());
        let mut taken = 0;
        for cr in memmem::find_iter(text.as_bytes(), b"\r\n") {
            view.push_str(text.slice(taken..cr));
            self.stripped.push(view.len());
            taken = cr + 1;
        }
        view.push_str(text.slice(taken..));
        self.view = Cow::Owned(view);
    }

    /// Returns the text as it is searched: it has the same lines.
    pub(super) fn view(&self) -> &str {
        &self.view
    }

    /// Returns the position in the text of a part of the needle, for a match at `start`. A part that starts or ends before
    /// a `\n` starts or ends before its `\r` in the text.
    pub(super) fn range(&self, start: usize, part: Range<usize>) -> Range<usize> {
        self.position(start, part.start)..self.position(start, part.end)
    }

    fn position(&self, start: usize, offset: usize) -> usize {
        let before = self.needle.as_bytes().slice(..offset);
        let added = match self.pattern {
            Cow::Borrowed(_) => 0,
            Cow::Owned(_) => memchr::memchr_iter(b'\n', before).count(),
        };
        let position = start + offset + added;
        position + self.stripped.partition_point(|&newline| newline < position)
    }

    /// Returns the starts of non-overlapping matches, from the left.
    pub(super) fn non_overlapping(&self) -> impl Iterator<Item = usize> + '_ {
        memmem::find_iter(self.view.as_bytes(), self.pattern.as_bytes())
    }

    /// Calls `found` with the start of every match, including overlapping ones, in time proportional to the text.
    pub(super) fn for_each_match(&self, found: impl FnMut(usize)) {
        for_each_match(self.view.as_bytes(), self.pattern.as_bytes(), found);
    }
}

/// Returns how the lines of a text end.
fn endings(text: &str) -> LineEnding {
    let bytes = text.as_bytes();
    if memchr::memchr(b'\r', bytes).is_none() {
        return LineEnding::Lf;
    }
    let newlines = memchr::memchr_iter(b'\n', bytes).count();
    let after_cr = count_crlf(bytes);
    if after_cr == 0 {
        LineEnding::Lf
    } else if after_cr == newlines {
        LineEnding::Crlf
    } else {
        LineEnding::Mixed
    }
}

fn for_each_match(bytes: &[u8], pattern: &[u8], mut found: impl FnMut(usize)) {
    let finder = Finder::new(pattern);
    let Some(first) = finder.find(bytes) else {
        return;
    };
    found(first);
    if finder.find(bytes.slice(first + 1..)).is_none() {
        return;
    }
    let borders = borders(pattern);
    let border = borders.last().copied().unwrap_or(0);
    // The next match can start at the earliest where the needle overlaps itself.
    let period = pattern.len() - border;
    let mut last = first;
    for _ in 0..MAX_JUMPS {
        let from = last + period;
        let Some(next) = finder.find(bytes.slice(from..)) else {
            return;
        };
        last = from + next;
        found(last);
    }
    if border == 0 {
        let from = last + period;
        finder
            .find_iter(bytes.slice(from..))
            .for_each(|next| found(from + next));
        return;
    }
    // The classic search by borders: every byte is examined at most twice, however often the needle overlaps itself.
    let mut matched = border;
    for (at, &byte) in bytes.iter().enumerate().skip(last + pattern.len()) {
        while matched > 0 && pattern.get(matched) != Some(&byte) {
            matched = borders.get(matched - 1).copied().unwrap_or(0);
        }
        if pattern.get(matched) == Some(&byte) {
            matched += 1;
        }
        if matched == pattern.len() {
            found(at + 1 - matched);
            matched = border;
        }
    }
}

/// Returns for each prefix the length of the longest border: a shorter prefix that is also its suffix.
fn borders(pattern: &[u8]) -> Vec<usize> {
    let mut borders: Vec<usize> = Vec::with_capacity(pattern.len());
    borders.push(0);
    let mut border = 0;
    for byte in pattern.iter().skip(1) {
        while border > 0 && pattern.get(border) != Some(byte) {
            border = borders.get(border - 1).copied().unwrap_or(0);
        }
        if pattern.get(border) == Some(byte) {
            border += 1;
        }
        borders.push(border);
    }
    borders
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Haystack;

    #[track_caller]
    fn starts(haystack: &str, needle: &str) -> Vec<usize> {
        let mut found = Vec::new();
        Haystack::new(haystack, needle).for_each_match(|start| found.push(start));
        found
    }

    proptest! {
        #[test]
        fn every_match_is_found_including_overlapping_ones(
            haystack in "[ab]{0,200}|(ab){0,60}|a{0,80}",
            needle in "[ab]{1,5}|(ab){1,4}",
        ) {
            let simple: Vec<_> = (0..haystack.len())
                .filter(|&start| haystack[start..].starts_with(&needle))
                .collect();
            prop_assert_eq!(starts(&haystack, &needle), simple);
        }

        #[test]
        fn a_part_of_a_match_is_the_same_text_except_for_line_endings(
            text in "(a|\r\n|\n|\r|é){0,30}|(a|\r\n|é){0,30}",
            needle in "(a|\n|é){1,4}",
            from in any::<proptest::sample::Index>(),
            to in any::<proptest::sample::Index>(),
        ) {
            let places: Vec<_> = (0..=needle.len()).filter(|&at| needle.is_char_boundary(at)).collect();
            let (from, to) = (*from.get(&places), *to.get(&places));
            let part = from.min(to)..from.max(to);
            let haystack = Haystack::new(&text, &needle);
            let simple = text.replace("\r\n", "\n");
            prop_assert_eq!(haystack.non_overlapping().count(), simple.matches(&needle).count());
            for start in haystack.non_overlapping() {
                let range = haystack.range(start, part.clone());
                prop_assert_eq!(text[range].replace("\r\n", "\n"), &needle[part.clone()]);
            }
        }
    }

    #[test]
    fn a_needle_that_overlaps_itself_costs_no_more_than_the_text() {
        let text = "a".repeat(1 << 20);
        assert_eq!(starts(&text, &"a".repeat(1 << 19)).len(), (1 << 19) + 1);
    }

    #[test]
    fn a_needle_with_a_carriage_return_is_matched_literally() {
        assert_eq!(starts("a\r\nb\n", "a\r\n"), [0]);
        assert_eq!(starts("a\r\nb\n", "b\r\n"), [0; 0]);
        assert_eq!(starts("a\r\nb\n", "a\n"), [0]);
    }
}
