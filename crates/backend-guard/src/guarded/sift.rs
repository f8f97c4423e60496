//! Computes the paths that a search must exclude, before it starts.
//!
//! Filtering results afterwards is not enough: limits, counts and the end of a search would reveal what was filtered,
//! and so, query by query, its content.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use backend_core::search::Hidden;
use backend_core::{Backend, Entry, Error, GlobRequest, Result, Skipped, Truncation, VirtualPath};

use super::case::question;
use super::names::{Standing, led};
use super::{Guarded, MAX_CHECKED_ENTRIES};
use crate::{Method, Operation};

/// The files and directories that are searched.
pub(super) struct Search<'a> {
    pub(super) method: Method,
    pub(super) path: &'a VirtualPath,
    pub(super) to: &'a VirtualPath,
    pub(super) exclude: &'a [VirtualPath],
    /// For a search that reads: the files it reads.
    pub(super) reads: Option<Reads<'a>>,
    pub(super) timeout: Option<Duration>,
}

/// The files that a search reads.
#[derive(Clone, Copy)]
pub(super) struct Reads<'a> {
    pub(super) hidden: &'a Hidden,
    pub(super) names_hidden: bool,
    pub(super) ignored: bool,
}

/// The outcome.
#[derive(Default)]
pub(super) struct Sifted {
    /// The paths that the search excludes.
    pub(super) exclude: Vec<VirtualPath>,
    /// Number of excluded entries that may be listed, so they can be reported.
    pub(super) withheld: u64,
    /// The operations that were asked about and allowed.
    pub(super) granted: HashSet<VirtualPath>,
    /// Whether the search timed out before it started.
    pub(super) is_late: bool,
    pub(super) time_left: Option<Duration>,
}

impl Sifted {
    pub(super) fn skipped(&self) -> Skipped {
        let mut skipped = Skipped::default();
        skipped.unreadable = self.withheld;
        skipped
    }
}

impl<B: Backend> Guarded<B> {
    /// Checks every name that a search could encounter.
    pub(super) async fn sift(&self, search: Search<'_>) -> Result<Sifted> {
        let started = Instant::now();
        let lists = [search.path, search.to]
            .into_iter()
            .any(|base| self.policy.minds_below(Operation::List, base));
        let mut names = GlobRequest::new("**")
            .path(search.path)
            .limit(MAX_CHECKED_ENTRIES)
            .directories();
        names.exclude = search.exclude.to_vec();
        names.timeout = search.timeout;
        // If names are hidden, those that the search skips must not be counted either.
        names.hidden = lists || search.reads.is_none_or(|reads| reads.names_hidden);
        names.ignored = lists || search.reads.is_none_or(|reads| reads.ignored);
        let page = self.inner.glob_with(&names).await?;
        match page.truncated {
            Some(Truncation::Limit) => return Err(too_many(search.path)),
            Some(Truncation::Time) => {
                return Ok(Sifted {
                    is_late: true,
                    ..Sifted::default()
                });
            }
            _ => {}
        }
        let mut sifted = self.sort_out(&search, &page.items).await?;
        sifted.time_left = search
            .timeout
            .map(|time| time.saturating_sub(started.elapsed()));
        sifted.is_late = sifted.time_left == Some(Duration::ZERO);
        Ok(sifted)
    }

    async fn sort_out(&self, search: &Search<'_>, entries: &[Entry]) -> Result<Sifted> {
        let mut sifted = Sifted::default();
        let mut asks = BTreeSet::new();
        let mut asked: HashSet<VirtualPath> = HashSet::new();
        let mut out: HashSet<VirtualPath> = HashSet::new();
        let mut files = 0_u64;
        for entry in entries {
            let path = &entry.path;
            let reads = search
                .reads
                .is_some_and(|reads| entry.is_file() && !skips(reads.hidden, path, search.path));
            let operations: &[Operation] = if reads {
                &[Operation::List, Operation::Read]
            } else {
                &[Operation::List]
            };
            let to = led(path, search.path, search.to);
            match self.standing(operations, path, to.as_ref()) {
                Standing::Allowed => files += u64::from(reads || search.reads.is_none()),
                Standing::Denied(operation) => {
                    sifted.withheld += u64::from(operation == Operation::Read);
                    out.insert(path.clone());
                }
                Standing::Asked(more) => {
                    asks.extend(more);
                    asked.insert(path.clone());
                }
            }
        }
        if !asks.is_empty() {
            match self
                .consult(question(search.method, search.path), asks)
                .await
            {
                Ok(()) => sifted.granted = asked,
                Err(reason) if files == 0 => {
                    return Err(Error::permission_denied(search.path, reason));
                }
                Err(_) => {
                    sifted.withheld += asked.len() as u64;
                    out.extend(asked);
                }
            }
        }
        sifted.exclude = collapse(entries, &out);
        Ok(sifted)
    }
}

/// Excludes a directory instead of everything in it, if nothing in it is left. A directory that is not itself excluded
/// is never named: the entries that the search skips in it are counted.
fn collapse(entries: &[Entry], out: &HashSet<VirtualPath>) -> Vec<VirtualPath> {
    if out.is_empty() {
        return Vec::new();
    }
    let mut lead_on: HashSet<VirtualPath> = HashSet::new();
    for entry in entries {
        if out.contains(&entry.path) {
            continue;
        }
        for above in entry.path.ancestors().skip(1) {
            if !lead_on.insert(above) {
                break;
            }
        }
    }
    let mut tops: BTreeSet<VirtualPath> = BTreeSet::new();
    for path in out {
        // A directory that leads to remaining entries is only left out of the results.
        if lead_on.contains(path) {
            continue;
        }
        let mut top = path.clone();
        while let Some(above) = top.parent() {
            if !out.contains(&above) || lead_on.contains(&above) {
                break;
            }
            top = above;
        }
        tops.insert(top);
    }
    tops.into_iter().collect()
}

/// Whether a search skips a path as hidden.
fn skips(hidden: &Hidden, path: &VirtualPath, base: &VirtualPath) -> bool {
    path.strip_prefix(base)
        .is_some_and(|below| below.segments().any(|name| hidden.skips(name)))
}

fn too_many(path: &VirtualPath) -> Error {
    Error::invalid_request_at(
        path,
        format!(
            "there are more than {MAX_CHECKED_ENTRIES} entries below it, too many to check against the rules; search a \
             subdirectory"
        ),
    )
}
