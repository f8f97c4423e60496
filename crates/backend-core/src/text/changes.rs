//! What changed between two texts, as ranges of bytes.
//!
//! An edit knows what it touches. Recording that makes the cost of the diff depend on the change, not on the file.

use std::ops::Range;

/// How many ranges are kept separately. Further ones extend the last.
const MAX_REGIONS: usize = 10_000;

/// Ranges in the old text and their replacements in the new one, in order. Between them the texts are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes(Vec<Region>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

impl Changes {
    /// Adds a change after all others.
    pub(super) fn push(&mut self, old: Range<usize>, new: Range<usize>) {
        if self.0.len() >= MAX_REGIONS
            && let Some(last) = self.0.last_mut()
        {
            last.old.end = old.end;
            last.new.end = new.end;
        } else {
            self.0.push(Region { old, new });
        }
    }

    /// Records that the new text ends before the changes do.
    pub(super) fn end_new_at(&mut self, end: usize) {
        for region in self
            .0
            .iter_mut()
            .rev()
            .take_while(|region| region.new.end > end)
        {
            region.new = region.new.start.min(end)..end;
        }
    }

    pub(super) fn regions(&self) -> &[Region] {
        &self.0
    }

    /// Returns the combination of these changes and then `next`. The old text of `next` is the new text of these.
    #[must_use]
    pub(super) fn then(&self, next: &Self) -> Self {
        let mut first = self.0.iter().peekable();
        let mut second = next.0.iter().peekable();
        // The offset of a place in the middle text from the same place in the old and new one.
        let mut from_old = Shift::default();
        let mut to_new = Shift::default();
        let mut all = Self::default();
        loop {
            let start = match (first.peek(), second.peek()) {
                (Some(a), Some(b)) => a.new.start.min(b.old.start),
                (Some(a), None) => a.new.start,
                (None, Some(b)) => b.old.start,
                (None, None) => return all,
            };
            let old_start = from_old.back(start);
            let new_start = to_new.forward(start);
            let mut end = start;
            loop {
                if let Some(a) = first.next_if(|a| a.new.start <= end) {
                    end = end.max(a.new.end);
                    from_old.add(&a.old, &a.new);
                } else if let Some(b) = second.next_if(|b| b.old.start <= end) {
                    end = end.max(b.old.end);
                    to_new.add(&b.old, &b.new);
                } else {
                    break;
                }
            }
            all.push(
                old_start..from_old.back(end),
                new_start..to_new.forward(end),
            );
        }
    }
}

/// How far a change shifts the text after it.
#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    grown: usize,
    shrunk: usize,
}

impl Shift {
    fn add(&mut self, old: &Range<usize>, new: &Range<usize>) {
        self.grown += new.len();
        self.shrunk += old.len();
    }

    /// Returns the position in the new text of an unchanged place of the old text.
    fn forward(self, place: usize) -> usize {
        (place + self.grown).saturating_sub(self.shrunk)
    }

    /// Returns the position in the old text of an unchanged place of the new text.
    fn back(self, place: usize) -> usize {
        (place + self.shrunk).saturating_sub(self.grown)
    }
}
