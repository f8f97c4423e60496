//! Searches one file: in memory if it is small or already there, line by line while reading if it is large, or across lines
//! with the whole file in memory.

use std::io::{self, Read};

use grep_matcher::Matcher;
use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};

use super::cancel::Stop;
use super::sink::{Hits, LineSink};
use super::source::{Plain, Source};
use super::spans;
use super::tree::Opened;
use crate::slice::Slice;
use crate::{GrepOutput, GrepRequest, VirtualPath};

/// The longest line that is searched, in bytes, including the context that is kept before it.
const MAX_LINE_BYTES: usize = 16 << 20;

/// The largest file that is searched across lines, in bytes of UTF-8.
const MAX_HELD_BYTES: usize = 64 << 20;

/// The part of a file in which a NUL always makes it binary, in bytes.
const CHECKED_BYTES: u64 = 8 << 20;

/// How much of a file is read before it is searched, in bytes. Most files end within it, and it stays in a core's cache.
const HELD_BYTES: usize = 256 << 10;

/// The largest buffer that is kept for the next file, in bytes.
const MAX_KEPT_BYTES: usize = 1 << 20;

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
    over_lines: bool,
    searcher: Searcher,
    held: Vec<u8>,
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
            over_lines: request.multi_line && !stays_in_line,
            searcher: searcher(request),
            held: Vec::new(),
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
        if !self.over_lines
            && let Opened::Bytes(bytes) = &opened
            && bytes.len() as u64 <= CHECKED_BYTES
        {
            match Plain::of(bytes) {
                Plain::Text => return self.search_text(bytes, hits),
                Plain::Binary => return Outcome::Binary,
                Plain::Other => {}
            }
        }
        let mut source = Source::new(opened, number, stop);
        let searched = if self.over_lines {
            self.search_held(&mut source, stop, &mut hits)
        } else {
            let mut held = std::mem::take(&mut self.held);
            let filled = hold(&mut source, &mut held);
            let text = held.slice(..filled);
            if source.failed() || filled < held.len() {
                // That is the whole file.
                let outcome = if source.failed() {
                    Outcome::Unreadable
                } else if source.nul().is_some() {
                    Outcome::Binary
                } else {
                    self.search_text(text, hits)
                };
                self.held = held;
                return outcome;
            }
            let sink = LineSink {
                hits: &mut hits,
                matcher: &self.matcher,
            };
            let whole = text.chain(&mut source);
            let searched = self.searcher.search_reader(&self.matcher, whole, sink);
            self.held = held;
            searched
        };
        if source.largest() > MAX_KEPT_BYTES {
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
        let needed = hits.end().max(CHECKED_BYTES);
        while source.passed() < needed && source.nul().is_none() {
            self.scratch.resize(64 << 10, 0);
            if !matches!(source.read(&mut self.scratch), Ok(1..)) {
                break;
            }
        }
        source.nul().is_some_and(|nul| nul < needed)
    }

    fn search_held<R: Read>(
        &mut self,
        source: &mut Source<'_, R>,
        stop: &Stop<'_>,
        hits: &mut Hits,
    ) -> io::Result<()> {
        let held = &mut self.held;
        let mut filled = 0;
        loop {
            if filled == held.len() {
                if filled > MAX_HELD_BYTES {
                    *held = Vec::new();
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                // One byte more than the maximum, to detect that there is more.
                let size = (filled * 2).clamp(64 << 10, MAX_HELD_BYTES + 1);
                held.resize(size, 0);
            }
            let Some(free) = held.get_mut(filled..) else {
                break;
            };
            let count = source.read(free)?;
            if count == 0 {
                break;
            }
            filled += count;
        }
        let text = held.slice(..filled);
        let (before, after) = context(self.request);
        spans::search(text, &self.matcher, before, after, stop, hits);
        if held.len() > MAX_KEPT_BYTES {
            *held = Vec::new();
        }
        Ok(())
    }
}

/// Fills a buffer with the beginning of a file. If it is not full afterwards, the file has ended or failed.
fn hold<R: Read>(source: &mut Source<'_, R>, held: &mut Vec<u8>) -> usize {
    if held.len() != HELD_BYTES {
        held.resize(HELD_BYTES, 0);
    }
    let mut filled = 0;
    while let Some(free) = held.get_mut(filled..).filter(|free| !free.is_empty())
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
