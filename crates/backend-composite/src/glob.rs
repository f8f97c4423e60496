//! Globs over one backend or several.

use backend_core::search::{Cancel, Hidden, glob};
use backend_core::{Backend, Entry, GlobRequest, Page, Result};
use futures_util::future::join_all;

use crate::CompositeBackend;
use crate::fan_out::{Part, Scope, answers, cut, exclude_inward};
use crate::outward::Outward;
use crate::shadow::{Wants, inner};
use crate::skeleton::Skeleton;

impl<D: Backend + ?Sized> CompositeBackend<D> {
    pub(crate) async fn glob(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        if self.routes.is_above(&request.path) {
            self.glob_all(request).await
        } else {
            self.glob_one(request).await
        }
    }

    async fn glob_one(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let mount = self.routes.owner(&request.path);
        let outcome = if mount.is_none() {
            (*self.default).glob_with(request).await
        } else {
            self.glob_part(
                &Part {
                    mount,
                    path: inner(mount, &request.path),
                    exclude: exclude_inward(mount, &request.exclude),
                    seen_at: request.seen_at.clone(),
                },
                request,
            )
            .await
        };
        match outcome {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToLook).await),
            page => page,
        }
    }

    async fn glob_all(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        // This rejects an invalid request before any backend is asked.
        let skeleton = Skeleton::new(&self.routes, &request.path);
        let places = glob(&skeleton, request, &Cancel::new(), 1)?;
        let scope = Scope {
            path: &request.path,
            exclude: &request.exclude,
            seen_at: &request.seen_at,
        };
        let parts = self.divide(scope, &Hidden::of_glob(request)?).await;
        let outcomes = join_all(parts.iter().map(|part| self.glob_part(part, request)));
        let places_seen = join_all(places.items.iter().map(|place| self.seen(&place.path)));
        let (outcomes, places_seen) = futures_util::future::join(outcomes, places_seen).await;
        let (pages, failures) = answers(outcomes)?;

        let mut merged = Page::new(Vec::new(), None, places.skipped);
        merged.failures = failures;
        let mut cuts = vec![places.truncated];
        for page in pages {
            merged.items.extend(page.items);
            merged.skipped.add(&page.skipped);
            merged.failures.extend(page.failures);
            cuts.push(page.truncated);
        }
        // After the others: a backend knows more about its directory than that it leads to a mount. A mount that cannot
        // stat its root is already among the failures of the search, or has answered it.
        merged.items.extend(
            places_seen
                .into_iter()
                .map(|place| place.unwrap_or_else(|(bare, _)| bare)),
        );
        merged
            .items
            .sort_by(|left, right| left.path.cmp(&right.path));
        merged
            .items
            .dedup_by(|later, first| later.path == first.path);
        let over = merged.items.len() > request.limit;
        merged.items.truncate(request.limit);
        merged.truncated = cut(cuts, over);
        Ok(merged)
    }

    async fn glob_part(&self, part: &Part<'_>, request: &GlobRequest) -> Result<Page<Entry>> {
        let mut request = request.clone();
        request.path = part.path.clone();
        request.exclude = part.exclude.clone();
        request.seen_at = part.seen_at.clone();
        let outcome = self.backend_of(part.mount).glob_with(&request).await;
        match (part.mount, outcome) {
            (None, outcome) => outcome,
            (Some(mount), Ok(page)) => Ok(page.outward(mount)),
            (Some(mount), Err(error)) => Err(error.outward(mount)),
        }
    }
}
