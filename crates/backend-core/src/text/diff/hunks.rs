//! Changed lines, written as hunks with lines of context around them.

use std::fmt::Write as _;
use std::ops::Range;

use crate::VirtualPath;
use crate::slice::Slice;

/// How many unchanged lines are shown before and after a change.
const CONTEXT: usize = 3;

/// How many bytes of a line are shown.
const MAX_LINE_BYTES: usize = 2000;

/// How many bytes of a long line are shown before the first difference.
const BEFORE_DIFFERENCE: usize = 200;

/// Writes a diff, change by change.
#[derive(Debug)]
pub(super) struct Hunks<'a> {
    old: &'a str,
    /// The position in the old text after the last change.
    place: usize,
    /// The number of lines of the old and the new text before it.
    old_line: u64,
    new_line: u64,
    hunk: Option<Hunk>,
    output: String,
    max_bytes: usize,
    full: bool,
    cut: bool,
}

/// A hunk that may still grow.
#[derive(Debug)]
struct Hunk {
    old_start: u64,
    old_lines: u64,
    new_start: u64,
    new_lines: u64,
    /// Whether it has more than context.
    changes: bool,
    body: String,
}

impl<'a> Hunks<'a> {
    pub(super) fn new(path: &VirtualPath, old: &'a str, max_bytes: usize) -> Self {
        Self {
            old,
            place: 0,
            old_line: 0,
            new_line: 0,
            hunk: None,
            output: format!("--- a{path}\n+++ b{path}\n"),
            max_bytes,
            full: false,
            cut: false,
        }
    }

    /// Returns whether there is no more room.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Adds a change after all others: whole lines of the old text, and their replacement.
    pub(super) fn change(&mut self, removed: Range<usize>, added: &str) {
        if self.full {
            return;
        }
        let gap = self.old.slice(self.place..removed.start);
        let gap_lines = memchr::memchr_iter(b'\n', gap.as_bytes()).count();
        if self.hunk.is_some() && gap_lines <= 2 * CONTEXT {
            self.lines(' ', gap, 0);
        } else {
            self.close(gap);
            let shown = last_lines(gap, CONTEXT);
            let skipped = (gap_lines - gap_lines.min(CONTEXT)) as u64;
            self.hunk = Some(Hunk {
                old_start: self.old_line + skipped,
                old_lines: 0,
                new_start: self.new_line + skipped,
                new_lines: 0,
                changes: false,
                body: String::new(),
            });
            self.lines(' ', shown, 0);
        }
        self.old_line += gap_lines as u64;
        self.new_line += gap_lines as u64;
        let removed_text = self.old.slice(removed.clone());
        let from = first_shown(removed_text, added);
        self.lines('-', removed_text, from);
        self.lines('+', added, from);
        self.old_line += line_count(removed_text);
        self.new_line += line_count(added);
        self.place = removed.end;
    }

    /// Returns the diff, and whether it was cut. Without changes it is empty.
    pub(super) fn finish(mut self) -> (String, bool) {
        if self.hunk.is_none() {
            return (String::new(), false);
        }
        self.close(self.old.slice(self.place..));
        (self.output, self.cut || self.full)
    }

    fn lines(&mut self, mark: char, lines: &str, from: usize) {
        for line in lines.split_inclusive('\n') {
            self.line(mark, line, from);
            if self.full {
                break;
            }
        }
    }

    /// Ends the open hunk with the first lines of the text after it.
    fn close(&mut self, after: &str) {
        if self.hunk.is_none() {
            return;
        }
        for line in after.split_inclusive('\n').take(CONTEXT) {
            self.line(' ', line, 0);
        }
        if let Some(hunk) = self.hunk.take() {
            hunk.write_to(&mut self.output);
        }
    }

    /// Adds a line. A long one is cut before `from`, and at its end.
    fn line(&mut self, mark: char, line: &str, from: usize) {
        let Some(hunk) = &mut self.hunk else { return };
        if self.full {
            return;
        }
        let content = line.strip_suffix('\n').unwrap_or(line);
        let is_long = content.len() > MAX_LINE_BYTES;
        let from = char_start(content, if is_long { from } else { 0 });
        let to = char_start(content, from + MAX_LINE_BYTES);
        // Room for the header of the hunk and the marks around the line.
        let needed = self.output.len() + hunk.body.len() + (to - from) + 200;
        if needed > self.max_bytes {
            self.full = true;
            return;
        }
        hunk.body.push(mark);
        if from > 0 {
            let _ = write!(hunk.body, "(cut: {from} bytes before this) ... ");
        }
        hunk.body.push_str(content.slice(from..to));
        if to < content.len() {
            let _ = write!(
                hunk.body,
                " ... (cut: {} bytes in this line)",
                content.len()
            );
        }
        self.cut |= from > 0 || to < content.len();
        hunk.body.push('\n');
        if content.len() == line.len() {
            hunk.body.push_str("\\ No newline at end of file\n");
        }
        hunk.changes |= mark != ' ';
        hunk.old_lines += u64::from(mark != '+');
        hunk.new_lines += u64::from(mark != '-');
    }
}

/// Returns the position from which two lines are shown, so that their difference is visible: 0 unless they are long.
fn first_shown(removed: &str, added: &str) -> usize {
    let is_line =
        |text: &str| memchr::memchr(b'\n', text.as_bytes()).is_none_or(|end| end + 1 == text.len());
    if removed.len().max(added.len()) <= MAX_LINE_BYTES || !is_line(removed) || !is_line(added) {
        return 0;
    }
    let same = removed
        .bytes()
        .zip(added.bytes())
        .take_while(|(old, new)| old == new)
        .count();
    // Lines that fit are not shifted.
    if same < MAX_LINE_BYTES / 2 {
        0
    } else {
        char_start(removed, same - BEFORE_DIFFERENCE)
    }
}

/// Returns the last character boundary up to `place`, or the end.
fn char_start(text: &str, place: usize) -> usize {
    let mut start = place.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    start
}

impl Hunk {
    fn write_to(self, output: &mut String) {
        if !self.changes {
            return;
        }
        let range = |start: u64, lines: u64| match lines {
            // An empty range is named by the line before it.
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            _ => format!("{},{lines}", start + 1),
        };
        let _ = writeln!(
            output,
            "@@ -{} +{} @@",
            range(self.old_start, self.old_lines),
            range(self.new_start, self.new_lines)
        );
        output.push_str(&self.body);
    }
}

fn line_count(text: &str) -> u64 {
    let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
    newlines + u64::from(!text.is_empty() && !text.ends_with('\n'))
}

/// Returns the last lines of a text that ends with a line ending.
fn last_lines(text: &str, count: usize) -> &str {
    let start = memchr::memrchr_iter(b'\n', text.as_bytes())
        .nth(count)
        .map_or(0, |newline| newline + 1);
    text.slice(start..)
}
