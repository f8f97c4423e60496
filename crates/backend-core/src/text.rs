//! The text engine: windows of lines, exact and line edits, hints and diffs.
//!
//! Every backend answers by it, so that all of them agree on what a line, a match and a text is. It does no I/O: bytes
//! come in, results go out.

mod provided;

pub(crate) use provided::{edit_by_versions, read_by_pieces};

use crate::{Edits, ReadRequest, Result, TextPage, Version, VirtualPath};

/// The largest file that an edit takes, in bytes: 64 MiB.
pub const MAX_EDIT_BYTES: u64 = 64 << 20;

/// Whether a [`WindowScanner`] wants more of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Scan {
    /// It does.
    More,
    /// It has all that it needs.
    Done,
}

/// Finds a window of lines in a file that it is handed piece by piece.
#[derive(Debug)]
pub struct WindowScanner {
    page: TextPage,
}

impl WindowScanner {
    /// Starts a scan of a file with `size` bytes.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a limit of 0.
    pub fn new(request: &ReadRequest, size: u64, version: Version) -> Result<Self> {
        Ok(Self {
            page: TextPage::empty(request.path.clone(), size, version),
        })
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    ///
    /// `not_text`.
    pub fn push(&mut self, _bytes: &[u8]) -> Result<Scan> {
        unimplemented!()
    }

    /// Returns the window, after the last piece was taken or the scan was done.
    ///
    /// # Errors
    ///
    /// `not_text`; `invalid_request` for an offset past the end.
    pub fn finish(self) -> Result<TextPage> {
        Ok(self.page)
    }
}

/// What edits made of a file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The new bytes.
    pub bytes: Vec<u8>,
    /// How many matches were replaced, or line edits applied.
    pub replacements: u64,
    /// The unified diff.
    pub diff: String,
    /// Whether the diff is cut.
    pub diff_cut: bool,
}

/// Applies edits to the bytes of a file: all of them, or none.
///
/// # Errors
///
/// As [`Backend::edit_with`](crate::Backend::edit_with).
pub fn apply_edits(_path: &VirtualPath, _content: &[u8], _edits: &Edits) -> Result<Applied> {
    unimplemented!()
}

/// Returns the hash of a line's content, without its ending, by which a line edit names it.
pub fn line_hash(_line: &str) -> String {
    unimplemented!()
}
