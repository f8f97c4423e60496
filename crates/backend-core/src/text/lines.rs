//! A window of lines in a text that arrives in pieces.
//!
//! A line ends at `\n`, and a `\r` before that belongs to the ending; nothing else ends a line. Skipping and counting lines
//! is a search for single bytes; only lines that may be in the window are examined closely.

use super::Scan;
use super::ending::count_crlf;
use crate::slice::Slice;
use crate::{CutLine, LineEnding, PageEnd, ReadRequest};

/// Finds the window, and collects information on the surrounding lines.
#[derive(Debug)]
pub(super) struct Lines {
    offset: u64,
    limit: u64,
    line_bytes: usize,
    page_bytes: usize,
    /// Whether to continue after the window, to count.
    pub(super) count_all: bool,
    phase: Phase,
    stats: LineStats,
    /// The window, with the currently collected line at its end.
    pub(super) text: String,
    pub(super) lines: u64,
    pub(super) cut_lines: Vec<CutLine>,
    line: Line,
    full: bool,
    more: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The number of lines still to skip.
    Skip(u64),
    Collect,
    After,
}

/// The line that is being collected.
#[derive(Debug, Default)]
struct Line {
    /// Its start in the window's text.
    start: usize,
    /// Its bytes so far, without a `\r` at the end.
    bytes: u64,
    /// Whether it ends with a `\r`; only the next byte shows whether that is content.
    cr: bool,
    /// Whether some of it was left out.
    cut: bool,
}

/// What has been seen of the text so far.
#[derive(Debug, Default)]
struct LineStats {
    newlines: u64,
    lf: bool,
    crlf: bool,
    /// Whether there is text after the last line ending.
    open: bool,
    /// Whether the last byte is a `\r`.
    cr: bool,
}

impl Lines {
    pub(super) fn new(request: &ReadRequest) -> Self {
        Self {
            offset: request.offset,
            limit: request.limit as u64,
            line_bytes: request.line_bytes,
            page_bytes: request.page_bytes,
            count_all: true,
            phase: match request.offset {
                0 => Phase::Collect,
                offset => Phase::Skip(offset),
            },
            stats: LineStats::default(),
            text: String::new(),
            lines: 0,
            cut_lines: Vec::new(),
            line: Line::default(),
            full: false,
            more: false,
        }
    }

    /// Takes the next piece of the text.
    pub(super) fn feed(&mut self, mut text: &str) -> Scan {
        if let Phase::Skip(lines) = self.phase {
            text = self.skip(text, lines);
        }
        if self.phase == Phase::Collect {
            text = self.collect(text);
        }
        self.more |= self.phase == Phase::After && !text.is_empty();
        if !self.more {
            return Scan::More;
        }
        if !self.count_all {
            return Scan::Done;
        }
        self.stats.skip_uncounted(text.as_bytes());
        Scan::More
    }

    /// Takes the end of the text: collected text without an ending is a line too.
    pub(super) fn end(&mut self) {
        if self.phase == Phase::Collect && self.stats.open && self.lines < self.limit {
            self.end_line("");
        }
    }

    /// Returns the number of lines seen.
    pub(super) fn seen_lines(&self) -> u64 {
        self.stats.newlines + u64::from(self.stats.open)
    }

    /// Returns the offset of the next page and why this one ends, if there is one.
    pub(super) fn next(&self) -> Option<(u64, PageEnd)> {
        let end = if self.full {
            PageEnd::Bytes
        } else {
            PageEnd::Lines
        };
        self.more
            .then(|| (self.offset.saturating_add(self.lines), end))
    }

    /// Returns the line endings seen.
    pub(super) fn line_ending(&self) -> LineEnding {
        match (self.stats.lf, self.stats.crlf) {
            (false, false) => LineEnding::None,
            (true, false) => LineEnding::Lf,
            (false, true) => LineEnding::Crlf,
            (true, true) => LineEnding::Mixed,
        }
    }

    /// Skips `lines` lines and returns the text after them.
    fn skip<'a>(&mut self, text: &'a str, lines: u64) -> &'a str {
        let bytes = text.as_bytes();
        let found = memchr::memchr_iter(b'\n', bytes).count() as u64;
        if found < lines {
            self.phase = Phase::Skip(lines - found);
            self.stats.skip_counted(bytes, found);
            return "";
        }
        self.phase = Phase::Collect;
        let last = usize::try_from(lines - 1).unwrap_or(usize::MAX);
        let end = memchr::memchr_iter(b'\n', bytes)
            .nth(last)
            .map_or(text.len(), |newline| newline + 1);
        let (passed, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        self.stats.skip_counted(passed.as_bytes(), lines);
        rest
    }

    /// Collects lines and returns the text after the window.
    fn collect<'a>(&mut self, mut text: &'a str) -> &'a str {
        let mut plain = true;
        while !text.is_empty() && self.phase == Phase::Collect {
            if self.lines == self.limit {
                self.phase = Phase::After;
                break;
            }
            if plain && !self.stats.open {
                match self.collect_plain(text) {
                    Some(rest) => text = rest,
                    // The following lines are much the same: they are not examined twice.
                    None => plain = false,
                }
                continue;
            }
            let newline = memchr::memchr(b'\n', text.as_bytes()).unwrap_or(text.len());
            let (content, rest) = text.split_at_checked(newline).unwrap_or((text, ""));
            self.add(content);
            text = rest;
            if self.phase == Phase::After {
                break;
            }
            if let Some(next) = rest.strip_prefix('\n') {
                text = next;
                self.stats.newline();
                self.end_line(if self.line.cr { "\r\n" } else { "\n" });
            }
        }
        text
    }

    /// Collects whole lines that need no closer examination, from the start of one: none has a `\r` or may be too long, and
    /// there is room for all of them. Returns the text after them, or `None` if there are no such lines.
    fn collect_plain<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let most = self.line_bytes.min(text.len());
        let last = memchr::memrchr(b'\n', text.as_bytes().get(..most)?)?;
        let (whole, rest) = text.split_at_checked(last + 1)?;
        let lines = memchr::memchr_iter(b'\n', whole.as_bytes()).count() as u64;
        let has_room = lines <= self.limit - self.lines
            && self.text.len().saturating_add(whole.len()) <= self.page_bytes;
        if !has_room || memchr::memchr(b'\r', whole.as_bytes()).is_some() {
            return None;
        }
        self.text.push_str(whole);
        self.lines += lines;
        self.line.start = self.text.len();
        self.stats.newlines += lines;
        self.stats.lf = true;
        Some(rest)
    }

    /// Adds to the line that is being collected.
    fn add(&mut self, content: &str) {
        if content.is_empty() {
            return;
        }
        self.stats.open = true;
        if std::mem::take(&mut self.line.cr) {
            self.keep("\r");
        }
        let kept = content.strip_suffix('\r').unwrap_or(content);
        self.line.cr = kept.len() < content.len();
        self.stats.cr = self.line.cr;
        self.keep(kept);
        if !self.fits(0) {
            self.overflow();
        }
    }

    /// Keeps as much of a piece of a line as the line limit allows.
    fn keep(&mut self, piece: &str) {
        self.line.bytes += piece.len() as u64;
        if self.line.cut {
            return;
        }
        let taken = self.text.len().saturating_sub(self.line.start);
        let mut length = self.line_bytes.saturating_sub(taken).min(piece.len());
        while !piece.is_char_boundary(length) {
            length -= 1;
        }
        self.line.cut = length < piece.len();
        self.text.push_str(piece.slice(..length));
    }

    /// Ends the line that is being collected.
    fn end_line(&mut self, ending: &str) {
        if ending.is_empty() && self.line.cr {
            // Nothing follows it, so it is content.
            self.keep("\r");
        }
        if !self.fits(ending.len()) {
            self.overflow();
            return;
        }
        self.text.push_str(ending);
        self.lines += 1;
        if self.line.cut {
            let number = self.offset.saturating_add(self.lines);
            self.cut_lines.push(CutLine::new(number, self.line.bytes));
        }
        self.line = Line {
            start: self.text.len(),
            ..Line::default()
        };
    }

    /// Returns whether the page has room for `more` bytes. The first line always fits.
    fn fits(&self, more: usize) -> bool {
        self.lines == 0 || self.text.len().saturating_add(more) <= self.page_bytes
    }

    /// Ends the page before the line that is being collected.
    fn overflow(&mut self) {
        self.text.truncate(self.line.start);
        self.full = true;
        self.more = true;
        self.phase = Phase::After;
    }
}

impl LineStats {
    fn skip_uncounted(&mut self, bytes: &[u8]) {
        let newlines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.skip_counted(bytes, newlines);
    }

    /// Skips bytes with `newlines` line ends.
    fn skip_counted(&mut self, bytes: &[u8], newlines: u64) {
        let Some(&last) = bytes.last() else { return };
        if newlines > 0 && !(self.lf && self.crlf) {
            self.record_endings(bytes, newlines);
        }
        self.newlines += newlines;
        self.open = last != b'\n';
        self.cr = last == b'\r';
    }

    /// Takes one line end, after content that was recorded.
    fn newline(&mut self) {
        self.newlines += 1;
        if self.cr {
            self.crlf = true;
        } else {
            self.lf = true;
        }
        self.open = false;
        self.cr = false;
    }

    /// Records the kinds of the `newlines` line ends in bytes.
    fn record_endings(&mut self, bytes: &[u8], newlines: u64) {
        let split = u64::from(self.cr && bytes.first() == Some(&b'\n'));
        let within = match memchr::memchr(b'\r', bytes) {
            Some(_) => count_crlf(bytes) as u64,
            None => 0,
        };
        self.crlf |= split + within > 0;
        self.lf |= split + within < newlines;
    }
}
