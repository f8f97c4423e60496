//! Changes widened to whole lines.

use std::ops::Range;

use crate::slice::Slice;
use crate::text::changes::{Changes, Region};

/// Whole lines of the old text, and their replacement in the new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// Returns the blocks in order. Between them the texts have the same whole lines.
pub(super) fn blocks(old: &str, new: &str, changes: &Changes) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for region in changes.regions() {
        let start = line_start(old, region.old.start);
        let (old_end, new_end) = widen_end(old, new, region);
        match blocks.last_mut() {
            // It is on a line of the block before, or on the next. Its own end counts: the end of that block was
            // found as if nothing else changed on the line.
            Some(last) if start <= last.old.end => {
                last.old.end = old_end;
                last.new.end = new_end;
            }
            _ => {
                let before = region.old.start - start;
                blocks.push(Block {
                    old: start..old_end,
                    new: region.new.start.saturating_sub(before)..new_end,
                });
            }
        }
    }
    blocks
}

fn line_start(text: &str, place: usize) -> usize {
    let before = text.as_bytes().slice(..place);
    memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)
}

/// Returns the ends of a change in the old and the new text, moved forward to a line end in both.
fn widen_end(old: &str, new: &str, region: &Region) -> (usize, usize) {
    let (old_end, new_end) = (region.old.end, region.new.end);
    let at_start = |text: &str, place: usize| line_start(text, place) == place;
    if at_start(old, old_end) && at_start(new, new_end) {
        return (old_end, new_end);
    }
    let rest = old.as_bytes().slice(old_end..);
    let more = memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
    (old_end + more, new_end + more)
}
