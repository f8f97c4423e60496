//! An edit of a file's bytes: decode, edit, compare, encode.

use super::decode::{decode, encode};
use super::edited::MAX_EDIT_BYTES;
use super::media::not_text;
use super::{diff, hashline, replace};
use crate::{Edits, Error, Result, VirtualPath};

/// The result of edits on a file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The new bytes.
    pub bytes: Vec<u8>,
    /// How many matches were replaced, or line edits applied.
    pub replacements: u64,
    /// The unified diff.
    pub diff: String,
    /// Whether the diff was cut.
    pub diff_cut: bool,
}

/// Applies edits to the bytes of a file: all of them, or none.
///
/// Everything that no edit touches stays byte for byte: the encoding, a byte order mark, the (possibly mixed) line endings,
/// and whether the file ends with one.
///
/// # Errors
///
/// As [`Backend::edit_with`](crate::Backend::edit_with): `invalid_request` for edits that cannot apply to any file or name
/// missing lines, `too_large`, `not_text`, `no_match`, `ambiguous_match`, and `conflict` for a line with different content.
///
/// # Examples
///
/// ```
/// use backend_core::text::apply_edits;
/// use backend_core::{Edits, Replacement, VirtualPath};
///
/// # fn main() -> backend_core::Result<()> {
/// let path = VirtualPath::parse("/a.txt")?;
/// let edits = Edits::Exact(vec![Replacement::new("two\nthree", "2\n3")]);
/// let applied = apply_edits(&path, b"one\r\ntwo\r\nthree\r\n", &edits)?;
/// assert_eq!(applied.bytes, b"one\r\n2\r\n3\r\n");
/// # Ok(())
/// # }
/// ```
pub fn apply_edits(path: &VirtualPath, content: &[u8], edits: &Edits) -> Result<Applied> {
    match edits {
        Edits::Exact(replacements) => replace::check(path, replacements)?,
        Edits::Lines(edits) => hashline::check(path, edits)?,
    }
    check_size(path, content.len())?;
    let (encoding, text) =
        decode(content).map_err(|flaw| not_text(path, content.len() as u64, content, flaw))?;
    let edited = match edits {
        Edits::Exact(replacements) => replace::replace(path, &text, replacements)?,
        Edits::Lines(edits) => hashline::edit_lines(path, &text, edits)?,
    };
    let (diff, diff_cut) = diff::unified(path, &text, &edited.text, &edited.changes);
    let bytes = encode(encoding, edited.text);
    check_size(path, bytes.len())?;
    Ok(Applied {
        bytes,
        replacements: edited.replacements,
        diff,
        diff_cut,
    })
}

/// Rejects a size that an edit neither accepts nor produces.
fn check_size(path: &VirtualPath, bytes: usize) -> Result<()> {
    let size = bytes as u64;
    if size > MAX_EDIT_BYTES {
        return Err(Error::TooLarge {
            path: path.clone(),
            size,
            limit: MAX_EDIT_BYTES,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
