//! Lines as shown in a result: bounded, cut at character boundaries, and marked where bytes are not UTF-8.

use std::borrow::Cow;
use std::ops::Range;

use crate::slice::Slice;

/// A piece of text for a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) truncated: bool,
    pub(super) lossy: bool,
}

/// Shows a text, or as much of it around a match as fits into `limit` bytes.
pub(super) fn around(text: &[u8], found: Range<usize>, limit: usize) -> Shown {
    if text.len() <= limit {
        return show(text, false, limit);
    }
    let length = found.end.saturating_sub(found.start).min(limit);
    // The match in the middle; if it is too long, its start.
    let start = found
        .start
        .saturating_sub((limit - length) / 2)
        .min(text.len() - limit);
    let start = boundary_after(text, start).min(found.start);
    // A match may start within a character.
    let end = boundary_before(text, (start + limit).min(text.len())).max(start);
    show(text.slice(start..end), true, limit)
}

/// Shows the start of a line.
pub(super) fn start(line: &[u8], limit: usize) -> String {
    let end = boundary_before(line, limit.min(line.len()));
    show(line.slice(..end), false, limit).text
}

fn show(bytes: &[u8], truncated: bool, limit: usize) -> Shown {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Shown {
            text: text.to_owned(),
            truncated,
            lossy: false,
        },
        Cow::Owned(mut text) => {
            // A replacement character is longer than the byte that it replaces.
            let fits = text.len() <= limit;
            text.truncate(boundary_before(text.as_bytes(), limit));
            Shown {
                text,
                truncated: truncated || !fits,
                lossy: true,
            }
        }
    }
}

/// The next place where a character can start. More than three consecutive continuation bytes are not UTF-8.
fn boundary_after(text: &[u8], at: usize) -> usize {
    (at..text.len().min(at + 4))
        .find(|index| is_start(text, *index))
        .unwrap_or(at)
}

fn boundary_before(text: &[u8], at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|index| is_start(text, *index))
        .unwrap_or(at)
}

fn is_start(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| byte & 0xC0 != 0x80)
}
