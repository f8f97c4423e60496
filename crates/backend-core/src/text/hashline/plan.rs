//! The replacements of line edits, in order, and the resulting text.

use std::ops::Range;

use super::anchors::NamedLines;
use crate::slice::Slice;
use crate::text::changes::Changes;
use crate::text::edited::EditedText;
use crate::text::ending::Ending;
use crate::{Error, LineAnchor, LineEdit, Result, VirtualPath};

/// Rejects edits that are invalid for any text.
pub(in crate::text) fn check(path: &VirtualPath, edits: &[LineEdit]) -> Result<()> {
    let refuse = |reason: String| Err(Error::invalid_request_at(path, reason));
    if edits.is_empty() {
        return refuse("an edit needs at least one line edit".into());
    }
    for edit in edits {
        let Parts {
            first, last, text, ..
        } = Parts::of(edit);
        if first.line == 0 || last.line == 0 {
            return refuse("lines are counted from 1, so there is no line 0".into());
        }
        if last.line < first.line {
            return refuse(format!(
                "the last line, {}, is before the first, {}",
                last.line, first.line
            ));
        }
        if text.is_some_and(|text| text.contains('\0')) {
            return refuse("the new text must not contain a NUL character".into());
        }
    }
    check_no_overlap(path, edits)
}

/// Applies line edits: all, or none.
pub(in crate::text) fn edit_lines(
    path: &VirtualPath,
    text: &str,
    edits: &[LineEdit],
) -> Result<EditedText> {
    let anchors = edits.iter().flat_map(|edit| {
        let parts = Parts::of(edit);
        [parts.first, parts.last]
    });
    let lines = NamedLines::find(path, text, anchors)?;
    let mut output = Output::new(text);
    for parts in in_order(edits) {
        let first = &lines.line(parts.first.line)?.whole;
        let last = &lines.line(parts.last.line)?.whole;
        let removed = match parts.position {
            Position::Range => first.start..last.end,
            Position::Before => first.start..first.start,
            Position::After => last.end..last.end,
        };
        output.splice(removed, first.start, parts.text);
    }
    Ok(output.finish(edits.len() as u64))
}

/// A line edit of any kind.
#[derive(Clone, Copy)]
struct Parts<'a> {
    position: Position,
    first: &'a LineAnchor,
    last: &'a LineAnchor,
    /// The new lines; `None` if there are none.
    text: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// From the first line to the last.
    Range,
    Before,
    After,
}

impl<'a> Parts<'a> {
    fn of(edit: &'a LineEdit) -> Self {
        let (position, first, last, text) = match edit {
            LineEdit::Replace { first, last, text } => (Position::Range, first, last, Some(text)),
            LineEdit::Delete { first, last } => (Position::Range, first, last, None),
            LineEdit::InsertBefore { line, text } => (Position::Before, line, line, Some(text)),
            LineEdit::InsertAfter { line, text } => (Position::After, line, line, Some(text)),
        };
        Self {
            position,
            first,
            last,
            text: text.map(String::as_str),
        }
    }

    /// Returns the number of lines before the place.
    fn start(&self) -> u64 {
        match self.position {
            Position::Range | Position::Before => self.first.line.saturating_sub(1),
            Position::After => self.last.line,
        }
    }
}

/// Returns the edits from the start of the file to its end. Edits of one place keep their order; lines inserted before a
/// range precede its replacement.
fn in_order(edits: &[LineEdit]) -> Vec<Parts<'_>> {
    let mut parts: Vec<_> = edits.iter().map(Parts::of).collect();
    parts.sort_by_key(|parts| (parts.start(), parts.position == Position::Range));
    parts
}

fn check_no_overlap(path: &VirtualPath, edits: &[LineEdit]) -> Result<()> {
    let mut covered = 0;
    for parts in in_order(edits) {
        if parts.start() < covered {
            return Err(Error::invalid_request_at(
                path,
                format!("line edits overlap at line {}", parts.first.line),
            ));
        }
        if parts.position == Position::Range {
            covered = parts.last.line;
        }
    }
    Ok(())
}

/// The new text so far.
struct Output<'a> {
    old: &'a str,
    /// How much of the old text has been processed.
    taken: usize,
    new: String,
    changes: Changes,
    /// The position of the last line's ending, if that line is new and may have none.
    last_added: Option<Range<usize>>,
}

impl<'a> Output<'a> {
    fn new(old: &'a str) -> Self {
        Self {
            old,
            taken: 0,
            new: String::with_capacity(old.len()),
            changes: Changes::default(),
            last_added: None,
        }
    }

    /// Replaces a range with lines, using the line ending of the line that starts at `line`.
    fn splice(&mut self, removed: Range<usize>, line: usize, text: Option<&str>) {
        self.keep_up_to(removed.start);
        let start = self.new.len();
        if let Some(text) = text {
            let ending = Ending::of_range(self.old, &(line..line)).as_str();
            if !self.new.is_empty() && !self.new.ends_with('\n') {
                // The last line of the old text had no ending, and is no longer the last.
                self.new.push_str(ending);
            }
            let text = text.strip_suffix('\n').unwrap_or(text);
            for content in text.split('\n') {
                let content = content.strip_suffix('\r').unwrap_or(content);
                self.new.push_str(content);
                let content_end = self.new.len();
                self.new.push_str(ending);
                // An empty line needs an ending to be a line.
                self.last_added = (!content.is_empty()).then_some(content_end..self.new.len());
            }
        }
        self.taken = removed.end;
        self.changes.push(removed, start..self.new.len());
    }

    fn keep_up_to(&mut self, end: usize) {
        let kept = self.old.slice(self.taken..end);
        if !kept.is_empty() {
            self.new.push_str(kept);
            self.last_added = None;
        }
    }

    fn finish(mut self, replacements: u64) -> EditedText {
        self.keep_up_to(self.old.len());
        if !self.old.ends_with('\n')
            && let Some(ending) = self.last_added
        {
            // A file without a final line ending keeps it that way.
            self.new.truncate(ending.start);
            self.changes.end_new_at(ending.start);
        }
        EditedText {
            text: self.new,
            replacements,
            changes: self.changes,
        }
    }
}

#[cfg(test)]
mod tests;
