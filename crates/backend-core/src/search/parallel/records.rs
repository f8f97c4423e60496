//! Records that arrive in any order, and are added up in path order.

use std::collections::BTreeMap;

use crate::search::cancel::Stop;
use crate::search::tally::{Record, Tally};
use crate::{GrepRequest, Grepped};

/// The records of files by their number.
#[derive(Debug)]
pub(in crate::search) struct Records {
    tally: Tally,
    /// The number of the next file to add up.
    next: u64,
    /// The records of later files.
    held: BTreeMap<u64, Record>,
    held_weight: usize,
}

impl Records {
    pub(in crate::search) fn new(request: &GrepRequest) -> Self {
        Self {
            tally: Tally::new(request),
            next: 0,
            held: BTreeMap::new(),
            held_weight: 0,
        }
    }

    /// Adds up the remaining records, and then the last one. After a timeout there are gaps, but the records after them are
    /// still correct.
    pub(in crate::search) fn finish(mut self, last: Record, stopped: bool) -> Grepped {
        for record in self.held.into_values().chain([last]) {
            if self.tally.add(record).is_break() {
                break;
            }
        }
        self.tally.finish(stopped)
    }

    /// Whether there is more than the limit.
    pub(in crate::search) fn is_truncated(&self) -> bool {
        self.tally.is_truncated()
    }

    /// Stores a record under its number, and informs the others if that makes later ones useless.
    pub(in crate::search) fn put(&mut self, number: u64, record: Record, stop: Option<&Stop<'_>>) {
        if self.tally.is_truncated() {
            return;
        }
        if number != self.next {
            self.held_weight += record.weight();
            self.held.insert(number, record);
            self.drop_past_limit(stop);
            return;
        }
        let mut record = Some(record);
        while let Some(next) = record {
            if self.tally.add(next).is_break() {
                if let Some(stop) = stop {
                    stop.set_last(self.next);
                }
                self.held.clear();
                self.held_weight = 0;
                return;
            }
            self.next += 1;
            record = self.held.remove(&self.next);
            if let Some(record) = &record {
                self.held_weight -= record.weight();
            }
        }
        self.drop_past_limit(stop);
    }

    /// Drops the records after those that already exceed the limit.
    fn drop_past_limit(&mut self, stop: Option<&Stop<'_>>) {
        let remaining = self.tally.remaining();
        if self.held_weight <= remaining {
            return;
        }
        let mut weight = 0;
        let last = self.held.iter().find_map(|(number, record)| {
            weight += record.weight();
            (weight > remaining).then_some(*number)
        });
        if let Some(last) = last {
            if let Some(stop) = stop {
                stop.set_last(last);
            }
            let useless = self.held.split_off(&(last + 1));
            self.held_weight -= useless.values().map(Record::weight).sum::<usize>();
        }
    }
}
