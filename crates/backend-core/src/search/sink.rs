//! The results in one file: matches with their context, or only their count, up to the limit.

use std::io;
use std::ops::Range;

use grep_matcher::Matcher;
use grep_regex::RegexMatcher;
use grep_searcher::{Searcher, Sink, SinkContext, SinkContextKind, SinkMatch};

use super::truncate;
use crate::{GrepLine, GrepMatch, GrepOutput, GrepRequest, VirtualPath};

/// What to collect from one file.
#[derive(Debug)]
pub(super) struct Hits {
    pub(super) matches: Vec<GrepMatch>,
    pub(super) count: u64,
    /// The end of the last line that was shown or counted, in bytes from the start.
    end: u64,
    /// Whether the search of the file stopped because it has found enough.
    is_enough: bool,
    /// Whether only lines after the last match are still needed.
    is_full: bool,
    before: Vec<GrepLine>,
    options: HitOptions,
}

#[derive(Debug)]
struct HitOptions {
    output: GrepOutput,
    matches: usize,
    after: usize,
    line_bytes: usize,
    /// Stands for the path of the file, which is only needed once something is found.
    path: VirtualPath,
}

impl Hits {
    pub(super) fn new(request: &GrepRequest, path: &VirtualPath) -> Self {
        // One more than the limit, to detect that there is more. It does not depend on the results of other files, so that
        // the result for a file does not depend on when it is searched.
        let enough = request.limit.saturating_add(1);
        Self {
            matches: Vec::new(),
            count: 0,
            end: 0,
            is_enough: false,
            is_full: false,
            before: Vec::new(),
            options: HitOptions {
                output: request.output,
                matches: request.file_limit.unwrap_or(enough).min(enough),
                after: request.after,
                line_bytes: request.line_bytes,
                path: path.clone(),
            },
        }
    }

    /// Returns whether the search of the file stopped because it has found enough.
    pub(super) fn is_enough(&self) -> bool {
        self.is_enough
    }

    /// Returns the end of the part of the file that was needed to find this.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Takes a match in a text, which starts on this line and ends before the byte `end` of the file. Returns whether to
    /// continue.
    pub(super) fn take(&mut self, line: u64, text: &[u8], found: Range<usize>, end: u64) -> bool {
        if self.is_full {
            self.is_enough = true;
            return false;
        }
        self.count += 1;
        self.end = end;
        match self.options.output {
            GrepOutput::Counts => return true,
            GrepOutput::Files => {
                self.is_enough = true;
                return false;
            }
            GrepOutput::Matches => {}
        }
        let column = found.start as u64 + 1;
        let shown = truncate::around(text, found, self.options.line_bytes);
        let mut found = GrepMatch::new(self.options.path.clone(), line, column, shown.text);
        found.cut = shown.truncated;
        found.lossy = shown.lossy;
        found.before = std::mem::take(&mut self.before);
        self.matches.push(found);
        if self.matches.len() >= self.options.matches {
            self.is_full = true;
            self.is_enough = self.options.after == 0;
        }
        !self.is_enough
    }

    /// Takes a line before the next match.
    pub(super) fn take_before(&mut self, line: u64, text: &[u8]) -> bool {
        if self.is_full {
            self.is_enough = true;
            return false;
        }
        let text = truncate::start(text, self.options.line_bytes);
        self.before.push(GrepLine::new(line, text));
        true
    }

    /// Takes a line after the last match.
    pub(super) fn take_after(&mut self, line: u64, text: &[u8], end: u64) -> bool {
        if let Some(last) = self.matches.last_mut() {
            let text = truncate::start(text, self.options.line_bytes);
            last.after.push(GrepLine::new(line, text));
            self.end = end;
            self.is_enough = self.is_full && last.after.len() >= self.options.after;
        }
        !self.is_enough
    }
}

/// Takes the results of the line-by-line search.
#[derive(Debug)]
pub(super) struct LineSink<'a> {
    pub(super) hits: &'a mut Hits,
    pub(super) matcher: &'a RegexMatcher,
}

impl Sink for LineSink<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        let (text, end) = line(found.bytes(), found.absolute_byte_offset());
        let range = match self.hits.options.output {
            GrepOutput::Matches => self.matcher.find(text)?,
            _ => None,
        };
        let range = range.map_or(0..0, |found| found.start()..found.end());
        let number = found.line_number().unwrap_or_default();
        Ok(self.hits.take(number, text, range, end))
    }

    fn context(&mut self, _: &Searcher, found: &SinkContext<'_>) -> Result<bool, io::Error> {
        let (text, end) = line(found.bytes(), found.absolute_byte_offset());
        let number = found.line_number().unwrap_or_default();
        Ok(match found.kind() {
            SinkContextKind::Before => self.hits.take_before(number, text),
            _ => self.hits.take_after(number, text, end),
        })
    }
}

/// A line without its ending, and where it ends. One without an ending ends a byte later: at the NUL, if that cut it.
fn line(bytes: &[u8], at: u64) -> (&[u8], u64) {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    (text, at + text.len() as u64 + 1)
}
