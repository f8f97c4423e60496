//! The nearest candidate for a text that is not found, and how it differs.
//!
//! A ladder: each rung ignores one kind of difference, the likeliest mistakes first. It searches a bounded part of the
//! text, because it is a hint and must not cost more than the edit.

use super::find::Haystack;
use crate::slice::Slice;
use crate::{Difference, NearMatch};

mod fold;
mod listing;
mod words;

use fold::{Fold, Folded};

/// How much of a text is searched, in bytes: 2 MiB.
const MAX_TEXT_BYTES: usize = 2 << 20;

/// The maximum length of a needle, in bytes: 256 KiB.
const MAX_NEEDLE_BYTES: usize = 256 << 10;

/// The maximum number of lines and bytes of the candidate that are shown.
const SHOWN_LINES: usize = 12;
const SHOWN_BYTES: usize = 600;

/// What the rungs ignore, and the difference that they find.
const FOLDS: [(Fold, Difference); 7] = [
    (Fold::ENDINGS, Difference::LineEndings),
    (Fold::INDENTATION, Difference::Indentation),
    (Fold::WHITESPACE, Difference::Whitespace),
    (Fold::CASE, Difference::Case),
    (Fold::PUNCTUATION, Difference::Punctuation),
    // More than one kind: report the one that is harder to see.
    (
        Fold::WHITESPACE.and(Fold::PUNCTUATION),
        Difference::Punctuation,
    ),
    (Fold::WHITESPACE.and(Fold::CASE), Difference::Case),
];

/// Returns the place in a text that is nearest to a needle that does not occur in it, if one is near enough.
pub(super) fn find(text: &str, needle: &str) -> Option<NearMatch> {
    if needle.len() > MAX_NEEDLE_BYTES {
        return None;
    }
    let text = whole_lines(text);
    if let Some(bare) = listing::without_numbers(needle) {
        let rungs = [Fold::ENDINGS, Fold::INDENTATION, Fold::WHITESPACE];
        let found = rungs
            .into_iter()
            .find_map(|fold| lines_of(text, &bare, fold));
        if let Some(lines) = found {
            return Some(near(text, lines, Difference::LineNumbers));
        }
    }
    FOLDS
        .into_iter()
        .filter(|(fold, _)| fold.applies(text, needle))
        .find_map(|(fold, difference)| {
            lines_of(text, needle, fold).map(|lines| near(text, lines, difference))
        })
        .or_else(|| words::find(text, needle).map(|lines| near(text, lines, Difference::Words)))
}

/// Lines of a text, counted from 0: the first, and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lines {
    first: usize,
    count: usize,
}

/// Returns the lines of the first match when the same differences are ignored in the text and in the needle.
fn lines_of(text: &str, needle: &str, fold: Fold) -> Option<Lines> {
    let needle = Folded::new(needle, fold);
    if needle.text().trim().len() < fold.least_bytes() {
        return None;
    }
    let text = Folded::new(text, fold);
    let start = Haystack::exact(text.text(), needle.text())
        .non_overlapping()
        .next()?;
    let first = text.line_at(start);
    let last = text.line_at(start + needle.text().len().saturating_sub(1));
    Some(Lines {
        first,
        count: last - first + 1,
    })
}

fn near(text: &str, lines: Lines, difference: Difference) -> NearMatch {
    let mut shown = String::new();
    let of_match = text.split_inclusive('\n').skip(lines.first);
    for line in of_match.take(lines.count.min(SHOWN_LINES)) {
        let mut room = SHOWN_BYTES.saturating_sub(shown.len()).min(line.len());
        if room < line.len() && !shown.is_empty() {
            break;
        }
        while !line.is_char_boundary(room) {
            room -= 1;
        }
        shown.push_str(line.slice(..room));
    }
    let shown = shown.strip_suffix('\n').unwrap_or(&shown);
    let shown = shown.strip_suffix('\r').unwrap_or(shown);
    NearMatch::new(lines.first as u64 + 1, difference, shown)
}

/// Returns the lines of a text that are searched.
fn whole_lines(text: &str) -> &str {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let part = text.as_bytes().slice(..MAX_TEXT_BYTES);
    let end = memchr::memrchr(b'\n', part).map_or(0, |newline| newline + 1);
    text.slice(..end)
}

#[cfg(test)]
mod tests;
