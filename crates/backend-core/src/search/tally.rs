//! The result of a grep, assembled from files in path order.

use std::ops::ControlFlow;

use super::engine::Outcome;
use crate::{
    FileHits, GrepMatch, GrepOutput, GrepRequest, Grepped, PathError, Skipped, Truncation,
    VirtualPath,
};

/// The result for one file, and what was skipped on the way to it.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) skipped_before: Skipped,
    pub(super) searched: bool,
    pub(super) matches: Vec<GrepMatch>,
    pub(super) file: Option<FileHits>,
}

impl Record {
    /// Makes the record of a file, whose path is only built if something was found in it.
    pub(super) fn new(
        mut skipped_before: Skipped,
        outcome: Outcome,
        output: GrepOutput,
        path: impl FnOnce() -> Result<VirtualPath, PathError>,
    ) -> Self {
        let hits = match outcome {
            Outcome::Searched(hits) => hits,
            failed => {
                match failed {
                    Outcome::Binary => skipped_before.binary += 1,
                    Outcome::LongLine => skipped_before.long_lines += 1,
                    _ => skipped_before.unreadable += 1,
                }
                return Self {
                    skipped_before,
                    ..Self::default()
                };
            }
        };
        let mut record = Self {
            skipped_before,
            searched: true,
            ..Self::default()
        };
        if hits.count == 0 {
            return record;
        }
        let Ok(path) = path() else {
            record.skipped_before.unnameable += 1;
            return record;
        };
        if output == GrepOutput::Matches {
            record.matches = hits.matches;
            for found in &mut record.matches {
                found.path = path.clone();
            }
        } else {
            record.file = Some(FileHits::new(path, hits.count));
        }
        record
    }

    /// How much of the limit it uses.
    pub(super) fn weight(&self) -> usize {
        self.matches.len() + usize::from(self.file.is_some())
    }
}

/// Adds up records in path order, up to the limit.
#[derive(Debug)]
pub(super) struct Tally {
    found: Grepped,
    limit: usize,
    weight: usize,
    is_truncated: bool,
}

impl Tally {
    pub(super) fn new(request: &GrepRequest) -> Self {
        Self {
            found: Grepped::default(),
            limit: request.limit,
            weight: 0,
            is_truncated: false,
        }
    }

    /// Adds the next record. It breaks with the first one that exceeds the limit.
    pub(super) fn add(&mut self, record: Record) -> ControlFlow<()> {
        if self.is_truncated {
            return ControlFlow::Break(());
        }
        self.found.skipped.add(&record.skipped_before);
        self.found.searched += u64::from(record.searched);
        self.weight += record.weight();
        self.found.matches.extend(record.matches);
        self.found.files.extend(record.file);
        if self.weight > self.limit {
            self.found.matches.truncate(self.limit);
            self.found.files.truncate(self.limit);
            self.is_truncated = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// The remainder of the limit.
    pub(super) fn remaining(&self) -> usize {
        self.limit.saturating_sub(self.weight)
    }

    /// Whether the limit is exceeded.
    pub(super) fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    pub(super) fn finish(mut self, stopped: bool) -> Grepped {
        self.found.truncated = if self.is_truncated {
            Some(Truncation::Limit)
        } else if stopped {
            Some(Truncation::Time)
        } else if self.found.skipped.unreadable > 0 {
            Some(Truncation::Unreadable)
        } else {
            None
        };
        self.found
    }
}
