//! What an edit works on and results in, whatever its form.

use super::changes::Changes;

/// The largest file that an edit accepts or produces, in bytes: 64 MiB.
pub const MAX_EDIT_BYTES: u64 = 64 << 20;

/// The text after edits, and what changed in it.
#[derive(Debug)]
pub(super) struct EditedText {
    pub(super) text: String,
    pub(super) replacements: u64,
    pub(super) changes: Changes,
}
