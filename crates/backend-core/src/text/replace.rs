//! Exact replacements: one after the other, all or none.
//!
//! A needle without a `\r` is searched for in the text with all line endings as `\n`; its match is replaced in the original
//! text. Nothing except the difference between the old and the new text is ever touched.

use std::borrow::Cow;
use std::ops::Range;

use super::changes::Changes;
use super::edited::{EditedText, MAX_EDIT_BYTES};
use super::ending::Ending;
use super::find::Haystack;
use super::nearest;
use crate::slice::Slice;
use crate::{Error, Replacement, Result, VirtualPath};

/// How many lines an ambiguous match lists.
const MAX_LISTED_LINES: usize = 20;

/// Rejects replacements that are invalid for any text.
pub(super) fn check(path: &VirtualPath, replacements: &[Replacement]) -> Result<()> {
    let refuse = |reason: &str| Err(Error::invalid_request_at(path, reason));
    if replacements.is_empty() {
        return refuse("an edit needs at least one replacement");
    }
    for replacement in replacements {
        if replacement.old.is_empty() {
            return refuse("the text to replace must not be empty");
        }
        if replacement.old == replacement.new {
            return refuse("the new text is the same as the text to replace");
        }
        if replacement.new.contains('\0') {
            return refuse("the new text must not contain a NUL character");
        }
    }
    Ok(())
}

/// Applies each replacement to the result of the previous one.
pub(super) fn replace(
    path: &VirtualPath,
    text: &str,
    replacements: &[Replacement],
) -> Result<EditedText> {
    let mut current = Cow::Borrowed(text);
    let mut changes = Changes::default();
    let mut count = 0;
    for (index, replacement) in replacements.iter().enumerate() {
        let next = replace_one(path, &current, index, replacement)?;
        changes = if index == 0 {
            next.changes
        } else {
            changes.then(&next.changes)
        };
        count += next.replacements;
        current = Cow::Owned(next.text);
    }
    Ok(EditedText {
        text: current.into_owned(),
        replacements: count,
        changes,
    })
}

fn replace_one(
    path: &VirtualPath,
    text: &str,
    index: usize,
    replacement: &Replacement,
) -> Result<EditedText> {
    let old = replacement.old.as_str();
    let haystack = Haystack::new(text, old);
    let mut matches = haystack.non_overlapping();
    let Some(first) = matches.next() else {
        return Err(Error::NoMatch {
            path: path.clone(),
            index,
            near: nearest::find(text, old).map(Box::new),
        });
    };
    let splicer = Splicer::new(replacement);
    if replacement.replace_all {
        let count = 1 + matches.count();
        splicer.check_size(path, text, count)?;
        return Ok(splicer.splice(text, &haystack, haystack.non_overlapping()));
    }
    let ambiguity = Ambiguity::of(&haystack);
    if ambiguity.count > 1 {
        return Err(Error::AmbiguousMatch {
            path: path.clone(),
            index,
            count: ambiguity.count,
            lines: ambiguity.lines,
        });
    }
    splicer.check_size(path, text, 1)?;
    Ok(splicer.splice(text, &haystack, std::iter::once(first)))
}

/// Replaces the old text with the new one.
struct Splicer<'a> {
    old: &'a str,
    new: &'a str,
    /// Whether the new text is inserted literally, whatever the line endings of the place.
    verbatim: bool,
    /// The length of the common prefix of the old and the new text, in bytes. It stays.
    prefix: usize,
    /// The same for the common suffix.
    suffix: usize,
}

impl<'a> Splicer<'a> {
    fn new(replacement: &'a Replacement) -> Self {
        let (old, new) = (replacement.old.as_str(), replacement.new.as_str());
        let raw = old.contains('\r');
        // A replacement of only line endings is intentional.
        let verbatim = new.contains('\r') || (raw && old.replace("\r\n", "\n") == new);
        let (prefix, suffix) = if raw || verbatim {
            (0, 0)
        } else {
            common_ends(old, new)
        };
        Self {
            old,
            new,
            verbatim,
            prefix,
            suffix,
        }
    }

    /// Rejects a result that would be too large to edit again, before any memory is allocated for it.
    fn check_size(&self, path: &VirtualPath, text: &str, count: usize) -> Result<()> {
        // A match has at most one `\r` for each `\n` more than the searched text.
        let newlines = memchr::memchr_iter(b'\n', self.old.as_bytes()).count();
        let removed = count.saturating_mul(self.old.len() + newlines);
        let added = count.saturating_mul(self.new.len());
        let size = text.len().saturating_sub(removed).saturating_add(added) as u64;
        // Text in UTF-16 may be smaller than here, by less than half.
        if size / 2 > MAX_EDIT_BYTES {
            return Err(Error::TooLarge {
                path: path.clone(),
                size,
                limit: MAX_EDIT_BYTES,
            });
        }
        Ok(())
    }

    fn splice(
        &self,
        text: &str,
        haystack: &Haystack<'_>,
        starts: impl Iterator<Item = usize>,
    ) -> EditedText {
        let new = self.new.slice(self.prefix..self.new.len() - self.suffix);
        let mut edited = EditedText {
            text: String::with_capacity(text.len() + new.len()),
            replacements: 0,
            changes: Changes::default(),
        };
        let mut taken = 0;
        for start in starts {
            let removed = haystack.range(start, self.prefix..self.old.len() - self.suffix);
            edited.text.push_str(text.slice(taken..removed.start));
            taken = removed.end;
            let added_from = edited.text.len();
            let place = haystack.range(start, 0..self.old.len());
            self.push_new(new, text, &place, &mut edited.text);
            edited.changes.push(removed, added_from..edited.text.len());
            edited.replacements += 1;
        }
        edited.text.push_str(text.slice(taken..));
        edited
    }

    fn push_new(&self, new: &str, text: &str, place: &Range<usize>, to: &mut String) {
        if self.verbatim || !new.contains('\n') {
            to.push_str(new);
        } else {
            Ending::of_range(text, place).push_text(new, to);
        }
    }
}

/// Returns the lengths of the common prefix and then suffix of two texts, in bytes of whole characters.
fn common_ends(a: &str, b: &str) -> (usize, usize) {
    let prefix = common(a.chars(), b.chars());
    let rest_a = a.slice(prefix..);
    let rest_b = b.slice(prefix..);
    (prefix, common(rest_a.chars().rev(), rest_b.chars().rev()))
}

fn common(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    a.zip(b)
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum()
}

/// The number of matches, and the lines of the first ones.
struct Ambiguity {
    count: u64,
    lines: Vec<u64>,
}

impl Ambiguity {
    fn of(haystack: &Haystack<'_>) -> Self {
        let view = haystack.view();
        let mut all = Self {
            count: 0,
            lines: Vec::new(),
        };
        let mut line = 1;
        let mut counted = 0;
        haystack.for_each_match(|start| {
            all.count += 1;
            if all.lines.len() < MAX_LISTED_LINES {
                let between = view.as_bytes().slice(counted..start);
                line += memchr::memchr_iter(b'\n', between).count() as u64;
                counted = start;
                all.lines.push(line);
            }
        });
        all
    }
}
