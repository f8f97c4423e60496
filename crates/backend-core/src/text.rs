//! The text engine: windows of lines, exact and line edits, hints and diffs.
//!
//! Every backend uses it, so all of them agree on what a line, a match and a text is. It does no I/O: bytes
//! come in, results go out.

mod apply;
mod changes;
mod decode;
mod diff;
mod edited;
mod ending;
mod find;
mod hashline;
mod lines;
mod media;
mod nearest;
mod provided;
mod render;
mod replace;
mod window;

pub use apply::{Applied, apply_edits};
pub use edited::MAX_EDIT_BYTES;
pub use hashline::line_hash;
pub use window::WindowScanner;

pub(crate) use provided::{edit_by_versions, read_by_pieces};

/// Whether a [`WindowScanner`] wants more of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Scan {
    /// It wants more.
    More,
    /// It is complete.
    Done,
}
