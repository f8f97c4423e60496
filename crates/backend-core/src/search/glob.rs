//! `glob`: the entries whose path matches.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::cancel::{Cancel, Stop};
use super::filter::Filter;
use super::hidden::Hidden;
use super::tree::{Base, Child, Tree};
use super::walk::{Dir, Excluded, Plan, Visit, walk};
use crate::{Entry, EntryKind, Error, GlobRequest, Page, Result, Skipped, Truncation};

/// Returns the entries that match, in path order.
///
/// # Errors
///
/// As [`Backend::glob_with`](crate::Backend::glob_with).
///
/// # Cancellation
///
/// A cancelled search stops before the next entry, and returns what it has as cut by time.
pub fn glob<T: Tree>(tree: &T, request: &GlobRequest, cancel: &Cancel) -> Result<Page<Entry>> {
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
    let mut found = Found {
        tree,
        items: Vec::new(),
        limit: request.limit,
        is_cut: false,
    };
    let mut skipped = Skipped::default();
    walk(tree, base, &plan, &stop, &mut skipped, &mut found)?;
    let truncated = if found.is_cut {
        Some(Truncation::Limit)
    } else if stop.was_over() {
        Some(Truncation::Time)
    } else if skipped.unreadable > 0 {
        Some(Truncation::Unreadable)
    } else {
        None
    };
    Ok(Page::new(found.items, truncated, skipped))
}

struct Found<'a, T> {
    tree: &'a T,
    items: Vec<Entry>,
    limit: usize,
    is_cut: bool,
}

impl<T: Tree> Visit<T::Dir> for Found<'_, T> {
    fn visit(
        &mut self,
        dir: &Arc<Dir<T::Dir>>,
        child: Child,
        passed: &mut Skipped,
    ) -> ControlFlow<()> {
        if self.items.len() >= self.limit {
            self.is_cut = true;
            return ControlFlow::Break(());
        }
        let Ok(path) = dir.path.child(&child.name) else {
            passed.unnameable += 1;
            return ControlFlow::Continue(());
        };
        match self.tree.entry(&dir.handle, &child.name, path) {
            Ok(entry) => {
                // It may be something else by now, which the pattern did not mean.
                let is_meant = entry.kind != EntryKind::Other
                    && entry.is_directory() == (child.kind == EntryKind::Directory);
                if is_meant {
                    self.items.push(entry);
                }
            }
            Err(_) => passed.unreadable += 1,
        }
        ControlFlow::Continue(())
    }
}
