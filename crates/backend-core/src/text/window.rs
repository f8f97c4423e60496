//! Scans a file for a window of its lines.
//!
//! It connects the decoder and the window, and adds the information of a page on the whole file. The caller reads the file
//! and passes it in pieces of any size.

use super::Scan;
use super::decode::{Decoder, Flaw};
use super::lines::Lines;
use super::media::{HEAD_BYTES, not_text};
use crate::{COUNTED_FILE_BYTES, Error, ReadRequest, Result, TextPage, Version};

/// Finds a window of lines in a file that is passed in pieces.
///
/// It uses memory only for the window. Up to [`COUNTED_FILE_BYTES`] it wants the whole file, to count its lines; of a
/// larger one it needs only one character after the window.
///
/// # Examples
///
/// ```
/// use backend_core::text::{Scan, WindowScanner};
/// use backend_core::{ReadRequest, Version, VirtualPath};
///
/// # fn main() -> backend_core::Result<()> {
/// let request = ReadRequest::new(VirtualPath::parse("/notes.txt")?).offset(1).limit(1);
/// let mut scanner = WindowScanner::new(&request, 14, Version::from_parts(&[1]))?;
/// for piece in [&b"one\nt"[..], b"wo\nthree\n"] {
///     if scanner.push(piece)? == Scan::Done {
///         break;
///     }
/// }
/// let page = scanner.finish()?;
/// assert_eq!(page.text, "two\n");
/// assert_eq!(page.total_lines, Some(3));
/// assert_eq!(page.next_offset, Some(2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WindowScanner {
    page: TextPage,
    offset: u64,
    decoder: Decoder,
    lines: Lines,
    /// The first bytes, which identify a file that is not text.
    head: Vec<u8>,
    pushed: u64,
    done: bool,
    flaw: Option<Flaw>,
}

impl WindowScanner {
    /// Starts a scan of a file of `size` bytes.
    ///
    /// The size is a hint: the pushed bytes decide.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a limit of 0.
    pub fn new(request: &ReadRequest, size: u64, version: Version) -> Result<Self> {
        if request.limit == 0 {
            return Err(Error::invalid_request_at(
                &request.path,
                "read limit must be at least 1",
            ));
        }
        Ok(Self {
            page: TextPage::empty(request.path.clone(), size, version),
            offset: request.offset,
            decoder: Decoder::default(),
            lines: Lines::new(request),
            head: Vec::new(),
            pushed: 0,
            done: false,
            flaw: None,
        })
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    ///
    /// `not_text`.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Scan> {
        self.check()?;
        if self.done {
            return Ok(Scan::Done);
        }
        let wanted = HEAD_BYTES.saturating_sub(self.head.len());
        self.head
            .extend_from_slice(bytes.get(..wanted).unwrap_or(bytes));
        self.pushed += bytes.len() as u64;
        self.lines.count_all = self.page.size.max(self.pushed) <= COUNTED_FILE_BYTES;
        let lines = &mut self.lines;
        let scan = self.decoder.push(bytes, &mut |text| lines.feed(text));
        self.take(scan)
    }

    /// Returns the window, after the last piece was pushed or the scan was done.
    ///
    /// # Errors
    ///
    /// `not_text`; `invalid_request` for an offset past the end.
    pub fn finish(mut self) -> Result<TextPage> {
        self.check()?;
        if !self.done {
            self.page.size = self.pushed;
            let lines = &mut self.lines;
            let scan = self.decoder.finish(&mut |text| lines.feed(text));
            self.take(scan)?;
        }
        if !self.done {
            self.lines.end();
            let total = self.lines.seen_lines();
            if self.offset >= total && self.offset > 0 {
                return Err(self.past_the_end(total));
            }
            self.page.total_lines = Some(total);
        }
        let mut page = self.page;
        page.first_line = self.offset.saturating_add(1);
        if let Some((offset, end)) = self.lines.next() {
            page.next_offset = Some(offset);
            page.ended_by = Some(end);
        }
        page.encoding = self.decoder.encoding();
        page.line_ending = self.lines.line_ending();
        page.lines = self.lines.lines;
        page.text = self.lines.text;
        page.cut_lines = self.lines.cut_lines;
        page.size = page.size.max(self.pushed);
        Ok(page)
    }

    /// Keeps the result of the decoder, so that later calls return the same.
    fn take(&mut self, scan: Result<Scan, Flaw>) -> Result<Scan> {
        match scan {
            Ok(scan) => {
                self.done = scan == Scan::Done;
                Ok(scan)
            }
            Err(flaw) => {
                self.flaw = Some(flaw);
                self.check().map(|()| Scan::Done)
            }
        }
    }

    fn check(&self) -> Result<()> {
        let size = self.page.size.max(self.pushed);
        match self.flaw {
            Some(flaw) => Err(not_text(&self.page.path, size, &self.head, flaw)),
            None => Ok(()),
        }
    }

    fn past_the_end(&self, total: u64) -> Error {
        let lines = if total == 1 { "line" } else { "lines" };
        Error::invalid_request_at(
            &self.page.path,
            format!(
                "offset {} is past the end: the file has {total} {lines}",
                self.offset
            ),
        )
    }
}

#[cfg(test)]
mod tests;
