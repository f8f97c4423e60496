//! What changed between two texts, as ranges of bytes.
//!
//! An edit knows what it touches. Kept, that makes the diff cost what the change costs, not what the file does.

use std::ops::Range;

/// How many ranges are kept apart. Further ones widen the last.
const MAX_REGIONS: usize = 10_000;

/// Ranges in the old text and what they became in the new one, in order. Between them the texts are the same.
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

    /// Notes that the new text ends earlier than the changes do.
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

    /// Returns the changes that these and then `next` make. What is old to `next` is new to these.
    #[must_use]
    pub(super) fn then(&self, next: &Self) -> Self {
        let mut first = self.0.iter().peekable();
        let mut second = next.0.iter().peekable();
        // By how much a place in the middle text is further on than the same place in the old and new one.
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
            let new_start = to_new.on(start);
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
            all.push(old_start..from_old.back(end), new_start..to_new.on(end));
        }
    }
}

/// How far what comes after a change moved.
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

    /// Returns where an unchanged place of the old text is in the new one.
    fn on(self, place: usize) -> usize {
        (place + self.grown).saturating_sub(self.shrunk)
    }

    /// Returns where an unchanged place of the new text was in the old one.
    fn back(self, place: usize) -> usize {
        (place + self.shrunk).saturating_sub(self.grown)
    }
}
