//! Computes the paths that a search must exclude, before it starts.
//!
//! Filtering results afterwards is not enough: limits, counts and the end of a search would reveal what was filtered,
//! and so, query by query, its content.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use backend_core::search::Hidden;
use backend_core::{Backend, Entry, Error, GlobRequest, Result, Skipped, Truncation, VirtualPath};

use super::authorization::question;
use super::decision::{Decision, rebased};
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
pub(super) struct Prefiltered {
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

impl Prefiltered {
    pub(super) fn skipped(&self) -> Skipped {
        let mut skipped = Skipped::default();
        skipped.unreadable = self.withheld;
        skipped
    }
}

impl<B: Backend> Guarded<B> {
    /// Checks every name that a search could encounter.
    pub(super) async fn prefilter(&self, search: Search<'_>) -> Result<Prefiltered> {
        let started = Instant::now();
        let lists = [search.path, search.to]
            .into_iter()
            .any(|base| self.policy.has_rules_below(Operation::List, base));
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
                return Ok(Prefiltered {
                    is_late: true,
                    ..Prefiltered::default()
                });
            }
            _ => {}
        }
        let mut prefiltered = self.classify(&search, &page.items).await?;
        prefiltered.time_left = search
            .timeout
            .map(|time| time.saturating_sub(started.elapsed()));
        prefiltered.is_late = prefiltered.time_left == Some(Duration::ZERO);
        Ok(prefiltered)
    }

    async fn classify(&self, search: &Search<'_>, entries: &[Entry]) -> Result<Prefiltered> {
        let mut prefiltered = Prefiltered::default();
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
            let to = rebased(path, search.path, search.to);
            match self.decide(operations, path, to.as_ref()) {
                Decision::Allowed => files += u64::from(reads || search.reads.is_none()),
                Decision::Denied(operation) => {
                    prefiltered.withheld += u64::from(operation == Operation::Read);
                    out.insert(path.clone());
                }
                Decision::Asked(more) => {
                    asks.extend(more);
                    asked.insert(path.clone());
                }
            }
        }
        if !asks.is_empty() {
            match self
                .ask_approver(question(search.method, search.path), asks)
                .await
            {
                Ok(()) => prefiltered.granted = asked,
                Err(reason) if files == 0 => {
                    return Err(Error::permission_denied(search.path, reason));
                }
                Err(_) => {
                    prefiltered.withheld += asked.len() as u64;
                    out.extend(asked);
                }
            }
        }
        prefiltered.exclude = collapse(entries, &out);
        Ok(prefiltered)
    }
}

/// Excludes a directory instead of everything in it, if nothing in it is left. A directory that is not itself excluded
/// is never named: the entries that the search skips in it are counted.
fn collapse(entries: &[Entry], out: &HashSet<VirtualPath>) -> Vec<VirtualPath> {
    if out.is_empty() {
        return Vec::new();
    }
    let mut kept_ancestors: HashSet<VirtualPath> = HashSet::new();
    for entry in entries {
        if out.contains(&entry.path) {
            continue;
        }
        for above in entry.path.ancestors().skip(1) {
            if !kept_ancestors.insert(above) {
                break;
            }
        }
    }
    let mut tops: BTreeSet<VirtualPath> = BTreeSet::new();
    for path in out {
        // A directory that leads to remaining entries is only left out of the results.
        if kept_ancestors.contains(path) {
            continue;
        }
        let mut top = path.clone();
        while let Some(above) = top.parent() {
            if !out.contains(&above) || kept_ancestors.contains(&above) {
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
