//! `glob`: entries whose path matches a pattern.

use super::cancel::{Cancel, Stop};
use super::filter::Filter;
use super::hidden::Hidden;
use super::partial::PartialGlob;
use super::stat_pool::stat_entries;
use super::tree::{Base, Tree};
use super::walk::{Excluded, Plan};
use crate::{Entry, Error, GlobRequest, Page, Result};

/// Returns the matching entries, in path order, and stats them on up to `threads` threads.
///
/// The result does not depend on the number of threads. With one or none it starts no other thread, which is best if stats
/// are cheap.
///
/// # Errors
///
/// As [`Backend::glob_with`](crate::Backend::glob_with).
///
/// # Cancellation
///
/// A cancelled search stops before the next entry, and returns its results so far as cut by time.
pub fn glob<T: Tree>(
    tree: &T,
    request: &GlobRequest,
    cancel: &Cancel,
    threads: usize,
) -> Result<Page<Entry>> {
    glob_into(tree, request, cancel, threads, &PartialGlob::new())
}

/// Like [`glob`](glob()), but also keeps the results so far in `partial`.
///
/// # Errors
///
/// As [`glob`](glob()).
pub fn glob_into<T: Tree>(
    tree: &T,
    request: &GlobRequest,
    cancel: &Cancel,
    threads: usize,
    partial: &PartialGlob,
) -> Result<Page<Entry>> {
    if request.limit == 0 {
        return Err(Error::invalid_request("the glob limit must be at least 1"));
    }
    let filter = Filter::of_glob(request)?;
    let plan = Plan {
        path: &request.path,
        seen_at: &request.seen_at,
        exclude: Excluded::new(&request.exclude),
        hidden: Hidden::new(request.hidden, &filter),
        ignored: request.ignored,
        filter,
        files_only: false,
    };
    plan.check()?;
    let stop = Stop::new(cancel, request.timeout);
    let Base::Directory(base) = tree.base(&request.path)? else {
        return Err(Error::not_a_directory(&request.path));
    };
    stat_entries(tree, base, &plan, &stop, partial, request.limit, threads)
}
