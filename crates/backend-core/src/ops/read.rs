//! `read`: a window of a text file's lines.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Version, VirtualPath};

/// How many lines a read returns by default.
pub const DEFAULT_READ_LINES: usize = 2000;

/// How many bytes of a line a read returns by default.
pub const DEFAULT_LINE_BYTES: usize = 4096;

/// How many bytes of text a read returns in all by default: 256 KiB.
pub const DEFAULT_PAGE_BYTES: usize = 256 << 10;

/// The size up to which the lines of a file are always counted to its end, in bytes: 16 MiB.
///
/// In a larger file, lines are counted and text is checked only up to the end of the window.
pub const COUNTED_FILE_BYTES: u64 = 16 << 20;

/// Asks for a window of lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReadRequest {
    /// The file. A link is followed inside the workspace.
    pub path: VirtualPath,
    /// How many lines to skip; 0 by default. Past the end it is an `invalid_request` that names the length, except for
    /// offset 0 of an empty file.
    pub offset: u64,
    /// The maximum number of lines; [`DEFAULT_READ_LINES`] by default. 0 is an `invalid_request`.
    pub limit: usize,
    /// The maximum number of bytes of a line; [`DEFAULT_LINE_BYTES`] by default.
    pub line_bytes: usize,
    /// The maximum number of bytes of text; [`DEFAULT_PAGE_BYTES`] by default. The first line is always returned, within
    /// `line_bytes`.
    pub page_bytes: usize,
}

impl ReadRequest {
    /// Makes a request for the first lines of `path`.
    pub fn new(path: impl Into<VirtualPath>) -> Self {
        Self {
            path: path.into(),
            offset: 0,
            limit: DEFAULT_READ_LINES,
            line_bytes: DEFAULT_LINE_BYTES,
            page_bytes: DEFAULT_PAGE_BYTES,
        }
    }

    /// Sets how many lines to skip.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Sets the maximum number of lines.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the maximum number of bytes of a line.
    #[must_use]
    pub fn line_bytes(mut self, line_bytes: usize) -> Self {
        self.line_bytes = line_bytes;
        self
    }

    /// Sets the maximum number of bytes of text.
    #[must_use]
    pub fn page_bytes(mut self, page_bytes: usize) -> Self {
        self.page_bytes = page_bytes;
        self
    }
}

/// The encoding of a text file. Anything else does not count as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8 without a byte order mark.
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Bom,
    /// UTF-16, little endian, with a byte order mark.
    Utf16Le,
    /// UTF-16, big endian, with a byte order mark.
    Utf16Be,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8Bom => "UTF-8 with BOM",
            Self::Utf16Le => "UTF-16LE with BOM",
            Self::Utf16Be => "UTF-16BE with BOM",
        })
    }
}

/// How the lines of a file end, as far as it was read. A `\r` without a `\n` after it is not a line ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineEnding {
    /// No line ending was seen.
    None,
    /// `\n`.
    Lf,
    /// `\r\n`.
    Crlf,
    /// Both.
    Mixed,
}

/// Why a page ends before the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PageEnd {
    /// It has the requested number of lines.
    Lines,
    /// It has the maximum number of bytes.
    Bytes,
}

/// A line that is longer than the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CutLine {
    /// The line, counted from 1.
    pub line: u64,
    /// Its length in bytes of UTF-8, without its ending.
    pub bytes: u64,
}

impl CutLine {
    /// Makes one.
    pub fn new(line: u64, bytes: u64) -> Self {
        Self { line, bytes }
    }
}

/// A window of a text file.
///
/// `Display` renders it for a reader: each line as `{:>6}\t{line}`, then what was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TextPage {
    /// The file.
    pub path: VirtualPath,
    /// The lines in UTF-8, with their endings as in the file and without a byte order mark. Concatenated pages without a
    /// cut line are the file's text.
    pub text: String,
    /// The number of the first line, counted from 1: the request's offset plus one.
    pub first_line: u64,
    /// How many lines `text` has.
    pub lines: u64,
    /// How many lines the file has; `None` if it was not read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_lines: Option<u64>,
    /// The offset of the next page; `None` if this one reaches the end of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u64>,
    /// Why the page ends before the file does; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<PageEnd>,
    /// The lines that are cut, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut_lines: Vec<CutLine>,
    /// How the file is encoded.
    pub encoding: Encoding,
    /// How its lines end, as far as it was read.
    pub line_ending: LineEnding,
    /// The size of the file in bytes.
    pub size: u64,
    /// The version of the file that the text belongs to.
    pub version: Version,
}

impl TextPage {
    /// Makes an empty page. The scanner that fills it sets the rest.
    pub(crate) fn empty(path: VirtualPath, size: u64, version: Version) -> Self {
        Self {
            path,
            text: String::new(),
            first_line: 1,
            lines: 0,
            total_lines: None,
            next_offset: None,
            ended_by: None,
            cut_lines: Vec::new(),
            encoding: Encoding::Utf8,
            line_ending: LineEnding::None,
            size,
            version,
        }
    }

    /// Returns each line with its number, counted from 1, and without its ending.
    pub fn numbered_lines(&self) -> impl Iterator<Item = (u64, &str)> {
        let newlines = memchr::memchr_iter(b'\n', self.text.as_bytes()).count() as u64;
        // A last line that is cut and has no ending may be missing from the text.
        let unseen = self
            .cut_lines
            .last()
            .filter(|cut| cut.line == self.first_line.saturating_add(newlines))
            .filter(|_| self.text.is_empty() || self.text.ends_with('\n'))
            .map(|_| "");
        let mut start = 0;
        // The end of the text also ends a line, unless that line is empty.
        let ends = memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|newline| newline + 1);
        let last = (!self.text.is_empty() && !self.text.ends_with('\n')).then_some(self.text.len());
        ends.chain(last)
            .map(move |end| {
                let line = self.text.get(start..end).unwrap_or_default();
                start = end;
                line
            })
            .chain(unseen)
            .zip(0..)
            .map(|(line, above)| {
                // A `\r` is part of the ending only before a `\n`.
                let content = line.strip_suffix('\n').map_or(line, |content| {
                    content.strip_suffix('\r').unwrap_or(content)
                });
                (self.first_line.saturating_add(above), content)
            })
    }
}
