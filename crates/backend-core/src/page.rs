//! Pages: bounded lists that say what they left out.

use serde::{Deserialize, Serialize};

use crate::Error;

/// A bounded list of results, in a defined order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The results, in the order that the operation documents.
    pub items: Vec<T>,
    /// Why there may be more than `items`; `None` if the list is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Truncation>,
    /// What was skipped.
    #[serde(default, skip_serializing_if = "Skipped::is_empty")]
    pub skipped: Skipped,
    /// Failures in addition to the results: a composite lists each backend that could not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Error>,
}

/// Why a result may be incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Truncation {
    /// The request's limit was reached, and there is at least one more result.
    Limit,
    /// The request timed out.
    Time,
    /// Some entries could not be read; [`Skipped::unreadable`] counts them.
    Unreadable,
}

/// Counts of what a listing or a search skipped, to distinguish "nothing found" from "not searched".
///
/// A directory that was not entered counts once, whatever it contains. A search that stopped early has counted what it met
/// until then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Skipped {
    /// Entries whose name starts with a dot.
    pub hidden: u64,
    /// Entries excluded by a `.gitignore` or `.ignore` file.
    pub ignored: u64,
    /// Files with a NUL byte, which a grep does not match.
    pub binary: u64,
    /// Links, which a search does not follow.
    pub symlinks: u64,
    /// Files with a line too long to search, or too large to search across lines.
    pub long_lines: u64,
    /// Entries that vanished or could not be opened.
    pub unreadable: u64,
    /// Entries whose name is not a [`VirtualPath`](crate::VirtualPath) segment: not UTF-8, or with control characters.
    pub unnameable: u64,
}

impl Skipped {
    /// Returns whether nothing was skipped.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the counts of `other` to these.
    pub fn add(&mut self, other: &Self) {
        self.hidden = self.hidden.saturating_add(other.hidden);
        self.ignored = self.ignored.saturating_add(other.ignored);
        self.binary = self.binary.saturating_add(other.binary);
        self.symlinks = self.symlinks.saturating_add(other.symlinks);
        self.long_lines = self.long_lines.saturating_add(other.long_lines);
        self.unreadable = self.unreadable.saturating_add(other.unreadable);
        self.unnameable = self.unnameable.saturating_add(other.unnameable);
    }
}

impl<T> Page<T> {
    /// Makes a complete page.
    pub fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            truncated: None,
            skipped: Skipped::default(),
            failures: Vec::new(),
        }
    }

    /// Makes a page from its parts.
    pub fn new(items: Vec<T>, truncated: Option<Truncation>, skipped: Skipped) -> Self {
        Self {
            items,
            truncated,
            skipped,
            failures: Vec::new(),
        }
    }

    /// Returns whether the page is complete: nothing was cut and nothing failed.
    pub fn is_whole(&self) -> bool {
        self.truncated.is_none() && self.failures.is_empty()
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self::whole(Vec::new())
    }
}

impl<T> IntoIterator for Page<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Page<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
