//! The content of one file for a search: UTF-8 as far as the encoding is known, without a byte order mark, with bare
//! newlines, and up to the first NUL.
//!
//! Every file passes through it, in memory or not, so no two backends can differ.

use std::io::{self, Read};

use bytes::Bytes;

use super::cancel::Stop;
use super::tree::Opened;
use super::utf16::Utf16Decoder;
use crate::slice::Slice;

/// How many bytes of UTF-16 are read at once.
const UTF16_CHUNK_BYTES: usize = 32 << 10;

/// How content in memory can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Classification {
    /// Text that can be searched in place.
    Text,
    /// It has a NUL, and no sign of UTF-16.
    Binary,
    /// It must be stripped or decoded first.
    NeedsDecoding,
}

impl Classification {
    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"\xEF\xBB\xBF") || Utf16Decoder::sniff(bytes).is_some() {
            return Self::NeedsDecoding;
        }
        match memchr::memchr2(0, b'\r', bytes).and_then(|at| bytes.get(at)) {
            None => Self::Text,
            Some(0) => Self::Binary,
            Some(_) => Self::NeedsDecoding,
        }
    }
}

/// Reads a file.
#[derive(Debug)]
pub(super) struct Source<'a, R> {
    input: Input<R>,
    file: u64,
    stop: &'a Stop<'a>,
    started: bool,
    ended: bool,
    /// A byte that was read ahead to see what follows a `\r`.
    read_ahead: Option<u8>,
    utf16: Option<Box<Utf16Buffer>>,
    /// The number of bytes returned.
    passed: u64,
    nul: Option<u64>,
    failed: bool,
    largest: usize,
}

#[derive(Debug)]
enum Input<R> {
    Bytes(Bytes),
    Reader(R),
}

#[derive(Debug)]
struct Utf16Buffer {
    decoder: Utf16Decoder,
    raw: Vec<u8>,
    decoded: Vec<u8>,
    /// How much of `decoded` was returned.
    taken: usize,
}

impl<'a, R: Read> Source<'a, R> {
    /// Starts to read a file, which is the `file`th of the search.
    pub(super) fn new(opened: Opened<R>, file: u64, stop: &'a Stop<'a>) -> Self {
        Self {
            input: match opened {
                Opened::Bytes(bytes) => Input::Bytes(bytes),
                Opened::Reader(reader) => Input::Reader(reader),
            },
            file,
            stop,
            started: false,
            ended: false,
            read_ahead: None,
            utf16: None,
            passed: 0,
            nul: None,
            failed: false,
            largest: 0,
        }
    }

    /// Returns the position of the first NUL. Nothing after it was returned.
    pub(super) fn nul(&self) -> Option<u64> {
        self.nul
    }

    /// Returns the number of bytes returned so far.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Returns whether the file could not be read.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// Returns the size of the largest buffer that it was given.
    pub(super) fn largest(&self) -> usize {
        self.largest
    }

    /// Fills a buffer as far as the file allows, so that the amount searched at once does not depend on how the file is
    /// delivered.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(free) = buffer.get_mut(filled..)
            && !free.is_empty()
        {
            let count = match self.utf16.take() {
                None => self.read_raw(free)?,
                Some(mut utf16) => {
                    let count = self.read_utf16(&mut utf16, free);
                    self.utf16 = Some(utf16);
                    count?
                }
            };
            filled += count;
            if !self.started && (filled >= 3 || filled == buffer.len() || count == 0) {
                self.started = true;
                filled = self.start(buffer, filled);
            }
            if count == 0 {
                self.ended = true;
                break;
            }
        }
        Ok(filled)
    }

    /// Removes a byte order mark from the start of a file.
    fn start(&mut self, buffer: &mut [u8], filled: usize) -> usize {
        let Some(text) = buffer.get(..filled) else {
            return filled;
        };
        if text.starts_with(b"\xEF\xBB\xBF") {
            buffer.copy_within(3..filled, 0);
            return filled - 3;
        }
        if let Some(decoder) = Utf16Decoder::sniff(text) {
            let mut utf16 = Utf16Buffer {
                decoder,
                raw: vec![0; UTF16_CHUNK_BYTES],
                decoded: Vec::new(),
                taken: 0,
            };
            utf16.decoder.push(text.slice(2..), &mut utf16.decoded);
            self.utf16 = Some(Box::new(utf16));
            return 0;
        }
        filled
    }

    fn read_raw(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_past_last(self.file) || self.stop.should_stop() {
            return Ok(0);
        }
        match &mut self.input {
            Input::Bytes(bytes) => {
                let count = bytes.len().min(buffer.len());
                if let Some(out) = buffer.get_mut(..count) {
                    out.copy_from_slice(&bytes.split_to(count));
                }
                Ok(count)
            }
            Input::Reader(reader) => loop {
                match reader.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        self.failed = true;
                        return Err(error);
                    }
                    Ok(count) => return Ok(count.min(buffer.len())),
                }
            },
        }
    }

    fn read_utf16(&mut self, utf16: &mut Utf16Buffer, buffer: &mut [u8]) -> io::Result<usize> {
        while utf16.taken >= utf16.decoded.len() {
            utf16.decoded.clear();
            utf16.taken = 0;
            let count = self.read_raw(&mut utf16.raw)?;
            if count == 0 {
                utf16.decoder.finish(&mut utf16.decoded);
                if utf16.decoded.is_empty() {
                    return Ok(0);
                }
                break;
            }
            let read = utf16.raw.slice(..count);
            utf16.decoder.push(read, &mut utf16.decoded);
        }
        let ready = utf16.decoded.slice(utf16.taken..);
        let count = ready.len().min(buffer.len());
        if let (Some(out), Some(ready)) = (buffer.get_mut(..count), ready.get(..count)) {
            out.copy_from_slice(ready);
        }
        utf16.taken += count;
        Ok(count)
    }

    /// Removes the `\r` of each `\r\n`, and ends at a NUL. Returns the remaining length.
    fn strip_carriage_returns(&mut self, buffer: &mut [u8], filled: usize) -> io::Result<usize> {
        let mut kept = 0;
        let mut seen = 0;
        while let Some(found) = buffer
            .get(seen..filled)
            .and_then(|rest| memchr::memchr2(0, b'\r', rest))
        {
            let at = seen + found;
            if kept != seen {
                buffer.copy_within(seen..at, kept);
            }
            kept += found;
            seen = at + 1;
            if buffer.get(at) == Some(&0) {
                self.nul = Some(self.passed + kept as u64);
                self.ended = true;
                self.read_ahead = None;
                return Ok(kept);
            }
            let next = if seen < filled {
                buffer.get(seen).copied()
            } else {
                self.peek()?
            };
            if next == Some(b'\n') {
                if seen == filled {
                    // The newline itself was read ahead, and replaces the `\r`.
                    self.read_ahead = None;
                    if let Some(out) = buffer.get_mut(kept) {
                        *out = b'\n';
                    }
                    kept += 1;
                }
            } else {
                if let Some(out) = buffer.get_mut(kept) {
                    *out = b'\r';
                }
                kept += 1;
            }
        }
        if kept != seen {
            buffer.copy_within(seen..filled, kept);
        }
        Ok(kept + (filled - seen))
    }

    /// Returns the byte after the ones read, and keeps it for the next call.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        if !self.ended && self.fill(&mut byte)? == 1 {
            self.read_ahead = byte.first().copied();
        }
        Ok(self.read_ahead)
    }
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest = self.largest.max(buffer.len());
        let mut filled = 0;
        if let (Some(byte), Some(first)) = (self.read_ahead, buffer.first_mut()) {
            *first = byte;
            self.read_ahead = None;
            filled = 1;
        }
        if !self.ended
            && let Some(free) = buffer.get_mut(filled..)
        {
            filled += self.fill(free)?;
        }
        let kept = self.strip_carriage_returns(buffer, filled)?;
        self.passed += kept as u64;
        Ok(kept)
    }
}
