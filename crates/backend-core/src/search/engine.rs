//! Searches one file: in memory if it is small or already there, line by line while reading if it is large, or across lines
//! with the whole file in memory.

use std::io::{self, Read};

use grep_matcher::Matcher;
use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};

use super::cancel::Stop;
use super::multiline;
use super::sink::{Hits, LineSink};
use super::source::{Classification, Source};
use super::tree::Opened;
use crate::slice::Slice;
use crate::{GrepOutput, GrepRequest, VirtualPath};

/// The longest line that is searched, in bytes, including the context that is kept before it.
const MAX_LINE_BYTES: usize = 16 << 20;

/// The largest file that is searched across lines, in bytes of UTF-8.
const MAX_MULTI_LINE_BYTES: usize = 64 << 20;

/// The part of a file in which a NUL always makes it binary, in bytes.
const BINARY_CHECK_BYTES: u64 = 8 << 20;

/// How much of a file is read before it is searched, in bytes. Most files end within it, and it stays in a core's cache.
const HEAD_BYTES: usize = 256 << 10;

/// The largest buffer that is kept for the next file, in bytes.
const MAX_RETAINED_BYTES: usize = 1 << 20;

/// The result for one file.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was searched.
    Searched(Hits),
    /// It has a NUL byte.
    Binary,
    /// It has a line that is too long, or is too large to be searched across lines.
    LongLine,
    /// It vanished or cannot be read.
    Unreadable,
}

/// Searches files one after the other. Each thread has its own.
#[derive(Debug)]
pub(super) struct Engine<'a> {
    request: &'a GrepRequest,
    matcher: RegexMatcher,
    multi_line: bool,
    searcher: Searcher,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
    root: VirtualPath,
}

impl<'a> Engine<'a> {
    pub(super) fn new(request: &'a GrepRequest, matcher: RegexMatcher) -> Self {
        let stays_in_line = matcher
            .non_matching_bytes()
            .is_some_and(|bytes| bytes.contains(b'\n'));
        Self {
            request,
            matcher,
            multi_line: request.multi_line && !stays_in_line,
            searcher: searcher(request),
            buffer: Vec::new(),
            scratch: Vec::new(),
            root: VirtualPath::root(),
        }
    }

    /// Searches a file, which is the `number`th of the search.
    pub(super) fn search<R: Read>(
        &mut self,
        opened: Opened<R>,
        number: u64,
        stop: &Stop<'_>,
    ) -> Outcome {
        let mut hits = Hits::new(self.request, &self.root);
        if !self.multi_line
            && let Opened::Bytes(bytes) = &opened
            && bytes.len() as u64 <= BINARY_CHECK_BYTES
        {
            match Classification::of(bytes) {
                Classification::Text => return self.search_text(bytes, hits),
                Classification::Binary => return Outcome::Binary,
                Classification::NeedsDecoding => {}
            }
        }
        let mut source = Source::new(opened, number, stop);
        let searched = if self.multi_line {
            self.search_multi_line(&mut source, stop, &mut hits)
        } else {
            let mut buffer = std::mem::take(&mut self.buffer);
            let filled = read_head(&mut source, &mut buffer);
            let text = buffer.slice(..filled);
            if source.failed() || filled < buffer.len() {
                // That is the whole file.
                let outcome = if source.failed() {
                    Outcome::Unreadable
                } else if source.nul().is_some() {
                    Outcome::Binary
                } else {
                    self.search_text(text, hits)
                };
                self.buffer = buffer;
                return outcome;
            }
            let sink = LineSink {
                hits: &mut hits,
                matcher: &self.matcher,
            };
            let whole = text.chain(&mut source);
            let searched = self.searcher.search_reader(&self.matcher, whole, sink);
            self.buffer = buffer;
            searched
        };
        if source.largest() > MAX_RETAINED_BYTES {
            self.searcher = searcher(self.request);
        }
        let is_binary = self.is_binary(&mut source, &hits);
        if source.failed() {
            return Outcome::Unreadable;
        }
        if is_binary {
            return Outcome::Binary;
        }
        match searched {
            Ok(()) => Outcome::Searched(hits),
            // Only the buffer for a line can fail.
            Err(_) => Outcome::LongLine,
        }
    }

    /// Searches a complete text.
    fn search_text(&mut self, text: &[u8], mut hits: Hits) -> Outcome {
        let sink = LineSink {
            hits: &mut hits,
            matcher: &self.matcher,
        };
        match self.searcher.search_slice(&self.matcher, text, sink) {
            Ok(()) => Outcome::Searched(hits),
            Err(_) => Outcome::LongLine,
        }
    }

    /// Returns whether there is a NUL in the searched part, or in the part of the file that always counts: the result must
    /// not depend on read-ahead past the first matches.
    fn is_binary<R: Read>(&mut self, source: &mut Source<'_, R>, hits: &Hits) -> bool {
        if !hits.is_enough() {
            return source.nul().is_some();
        }
        let needed = hits.end().max(BINARY_CHECK_BYTES);
        while source.passed() < needed && source.nul().is_none() {
            self.scratch.resize(64 << 10, 0);
            if !matches!(source.read(&mut self.scratch), Ok(1..)) {
                break;
            }
        }
        source.nul().is_some_and(|nul| nul < needed)
    }

    fn search_multi_line<R: Read>(
        &mut self,
        source: &mut Source<'_, R>,
        stop: &Stop<'_>,
        hits: &mut Hits,
    ) -> io::Result<()> {
        let buffer = &mut self.buffer;
        let mut filled = 0;
        loop {
            if filled == buffer.len() {
                if filled > MAX_MULTI_LINE_BYTES {
                    *buffer = Vec::new();
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                // One byte more than the maximum, to detect that there is more.
                let size = (filled * 2).clamp(64 << 10, MAX_MULTI_LINE_BYTES + 1);
                buffer.resize(size, 0);
            }
            let Some(free) = buffer.get_mut(filled..) else {
                break;
            };
            let count = source.read(free)?;
            if count == 0 {
                break;
            }
            filled += count;
        }
        let text = buffer.slice(..filled);
        let (before, after) = context(self.request);
        multiline::search(text, &self.matcher, before, after, stop, hits);
        if buffer.len() > MAX_RETAINED_BYTES {
            *buffer = Vec::new();
        }
        Ok(())
    }
}

/// Fills a buffer with the beginning of a file. If it is not full afterwards, the file has ended or failed.
fn read_head<R: Read>(source: &mut Source<'_, R>, buffer: &mut Vec<u8>) -> usize {
    if buffer.len() != HEAD_BYTES {
        buffer.resize(HEAD_BYTES, 0);
    }
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty())
        && let Ok(count @ 1..) = source.read(free)
    {
        filled += count;
    }
    filled
}

fn searcher(request: &GrepRequest) -> Searcher {
    let (before, after) = context(request);
    SearcherBuilder::new()
        .line_number(request.output == GrepOutput::Matches)
        .before_context(before)
        .after_context(after)
        .heap_limit(Some(MAX_LINE_BYTES))
        // The source has handled both.
        .binary_detection(BinaryDetection::none())
        .bom_sniffing(false)
        .build()
}

fn context(request: &GrepRequest) -> (usize, usize) {
    if request.output == GrepOutput::Matches {
        (request.before, request.after)
    } else {
        (0, 0)
    }
}
