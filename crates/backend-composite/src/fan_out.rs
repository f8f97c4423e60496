//! Searches over several backends: which backend is asked for what, and how the answers are merged.

use backend_core::search::Hidden;
use backend_core::{Backend, Error, Result, Truncation, VirtualPath};
use futures_util::future::join_all;

use crate::CompositeBackend;
use crate::listing::is_absence;
use crate::routes::Mount;
use crate::shadow::inner;

/// The part of a search that one backend does.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) mount: Option<&'a Mount>,
    /// Where it searches, as a path of its own.
    pub(crate) path: VirtualPath,
    /// What it leaves out, as paths of its own.
    pub(crate) exclude: Vec<VirtualPath>,
    /// The caller's path for `path`.
    pub(crate) seen_at: VirtualPath,
}

/// The scope of the search, as requested.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) path: &'a VirtualPath,
    pub(crate) exclude: &'a [VirtualPath],
    pub(crate) seen_at: &'a VirtualPath,
}

impl<D: Backend + ?Sized> CompositeBackend<D> {
    /// Divides a search of a directory with mounts below it. The backend of the directory itself comes first, unless it
    /// has no directory there.
    pub(crate) async fn divide<'a>(&'a self, scope: Scope<'a>, hidden: &Hidden) -> Vec<Part<'a>> {
        let own = self.routes.owner(scope.path);
        let mut bases = Vec::new();
        if self.can_be_searched(own, scope.path).await {
            bases.push((own, scope.path));
        }
        let is_left_out = |path: &VirtualPath| {
            skips(hidden, scope.path, path)
                || scope
                    .exclude
                    .iter()
                    .any(|exclude| path.starts_with(exclude))
        };
        for mount in self.routes.below(scope.path) {
            if !is_left_out(&mount.at) {
                bases.push((Some(mount), &mount.at));
            }
        }
        let parts = bases.into_iter().map(|(mount, base)| async move {
            let seen_at = base.strip_prefix(scope.path)?.rebase(scope.seen_at).ok()?;
            Some(Part {
                mount,
                path: inner(mount, base),
                exclude: self.left_out_of(mount, base, scope, hidden).await,
                seen_at,
            })
        });
        join_all(parts).await.into_iter().flatten().collect()
    }

    /// Returns what the backend of `base` leaves out: the excluded paths of the request, the mounts in it, and its
    /// entries where only a directory leading to a mount is visible.
    async fn left_out_of(
        &self,
        mount: Option<&Mount>,
        base: &VirtualPath,
        scope: Scope<'_>,
        hidden: &Hidden,
    ) -> Vec<VirtualPath> {
        let mut exclude = exclude_inward(mount, scope.exclude);
        exclude.extend(self.routes.below(base).map(|below| inner(mount, &below.at)));
        let leading = self.routes.leading(base);
        let behind = join_all(leading.iter().map(|path| self.behind(path))).await;
        for (path, entry) in leading.iter().zip(behind) {
            // A hidden one is counted as skipped once, as a mount point.
            let is_seen = entry.is_ok_and(|entry| entry.is_directory());
            if !is_seen || skips(hidden, scope.path, path) {
                exclude.push(inner(mount, path));
            }
        }
        exclude
    }

    async fn can_be_searched(&self, own: Option<&Mount>, path: &VirtualPath) -> bool {
        if inner(own, path).is_root() {
            return true;
        }
        match self.behind(path).await {
            Ok(entry) => entry.is_directory() || entry.target.is_some_and(is_directory),
            // Any other error is reported by the search itself.
            Err(error) => !is_absence(&error),
        }
    }
}

fn is_directory(kind: backend_core::EntryKind) -> bool {
    kind == backend_core::EntryKind::Directory
}

/// Returns whether a search from `base` does not reach `path`, because a name on the way is hidden.
fn skips(hidden: &Hidden, base: &VirtualPath, path: &VirtualPath) -> bool {
    path.strip_prefix(base)
        .is_some_and(|below| below.segments().any(|name| hidden.skips(name)))
}

/// Returns the excluded paths of a request that concern one backend.
pub(crate) fn exclude_inward(mount: Option<&Mount>, exclude: &[VirtualPath]) -> Vec<VirtualPath> {
    let Some(mount) = mount else {
        return exclude.to_vec();
    };
    exclude
        .iter()
        .filter_map(|path| {
            if mount.at.starts_with(path) {
                Some(VirtualPath::root())
            } else {
                path.strip_prefix(&mount.at)
            }
        })
        .collect()
}

/// Separates answers from failures. The search fails if all backends failed.
///
/// # Errors
///
/// The first failure, if there is nothing else.
pub(crate) fn answers<T>(outcomes: Vec<Result<T>>) -> Result<(Vec<T>, Vec<Error>)> {
    let mut answers = Vec::new();
    let mut failures = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(answer) => answers.push(answer),
            Err(error) => failures.push(error),
        }
    }
    if answers.is_empty() && !failures.is_empty() {
        return Err(failures.swap_remove(0));
    }
    Ok((answers, failures))
}

/// Returns why a merged result is cut: a cut by the limit is closest to a complete result, then one by time.
pub(crate) fn cut(
    parts: impl IntoIterator<Item = Option<Truncation>>,
    over: bool,
) -> Option<Truncation> {
    let limit = over.then_some(Truncation::Limit);
    // Same order as in the engine.
    parts.into_iter().chain([limit]).flatten().min()
}

#[cfg(test)]
mod tests {
    use backend_core::{Error, Truncation, VirtualPath};

    use super::{answers, cut};

    #[test]
    fn the_limit_is_reported_before_time_and_time_before_the_unreadable() {
        use Truncation::{Limit, Time, Unreadable};
        assert_eq!(cut([None, None], false), None);
        assert_eq!(cut([None], true), Some(Limit));
        assert_eq!(cut([Some(Unreadable), Some(Time)], false), Some(Time));
        assert_eq!(cut([Some(Unreadable), Some(Limit)], false), Some(Limit));
    }

    #[test]
    fn a_search_fails_when_no_backend_answers() {
        let error = || Error::not_found(&VirtualPath::root());
        assert!(answers::<()>(vec![Err(error()), Err(error())]).is_err());
        let (found, failures) = answers(vec![Err(error()), Ok(1)]).unwrap();
        assert_eq!((found, failures.len()), (vec![1], 1));
        assert!(answers::<()>(Vec::new()).unwrap().0.is_empty());
    }
}
