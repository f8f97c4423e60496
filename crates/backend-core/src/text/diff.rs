//! The unified diff of an edit.
//!
//! It starts from the known changes of the edit, and looks for a smaller difference only within them.

use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::changes::Changes;
use crate::VirtualPath;
use crate::slice::Slice;

mod blocks;
mod hunks;

use blocks::{Block, blocks};
use hunks::Hunks;

/// The maximum length of a diff, in bytes: 64 KiB.
const MAX_DIFF_BYTES: usize = 64 << 10;

/// The total time for the search for a smaller difference.
const MAX_SEARCH: Duration = Duration::from_millis(200);

/// A block with more lines, old and new together, is shown as entirely removed and added.
const MAX_SEARCH_LINES: usize = 50_000;

/// Returns the diff, and whether it was cut.
pub(super) fn unified(
    path: &VirtualPath,
    old: &str,
    new: &str,
    changes: &Changes,
) -> (String, bool) {
    let deadline = Instant::now() + MAX_SEARCH;
    let mut hunks = Hunks::new(path, old, MAX_DIFF_BYTES);
    for block in blocks(old, new, changes) {
        refine(&block, old, new, deadline, &mut hunks);
        if hunks.is_full() {
            break;
        }
    }
    hunks.finish()
}

/// Splits a block into the lines that differ.
fn refine(block: &Block, old: &str, new: &str, deadline: Instant, hunks: &mut Hunks<'_>) {
    let old_text = old.slice(block.old.clone());
    let new_text = new.slice(block.new.clone());
    if old_text == new_text {
        return;
    }
    let count = |text: &str| memchr::memchr_iter(b'\n', text.as_bytes()).count();
    if count(old_text) + count(new_text) > MAX_SEARCH_LINES {
        hunks.change(block.old.clone(), new_text);
        return;
    }
    let old_lines: Vec<_> = old_text.split_inclusive('\n').collect();
    let new_lines: Vec<_> = new_text.split_inclusive('\n').collect();
    let ops =
        capture_diff_slices_deadline(Algorithm::Myers, &old_lines, &new_lines, Some(deadline));
    let mut place = block.old.start;
    let mut new_place = 0;
    for op in ops {
        let bytes = |lines: &[&str]| -> usize { lines.iter().map(|line| line.len()).sum() };
        let removed = place + bytes(old_lines.slice(op.old_range()));
        let added = new_place + bytes(new_lines.slice(op.new_range()));
        if !matches!(op, DiffOp::Equal { .. }) {
            hunks.change(place..removed, new_text.slice(new_place..added));
        }
        (place, new_place) = (removed, added);
    }
}

#[cfg(test)]
pub(super) mod tests;
