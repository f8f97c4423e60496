//! Greps over one backend or several.

use backend_core::search::{Cancel, Hidden, grep};
use backend_core::{Backend, GrepRequest, Grepped, Result};
use futures_util::future::join_all;

use crate::CompositeBackend;
use crate::fan_out::{Part, Scope, answers, cut, exclude_inward};
use crate::outward::Outward;
use crate::shadow::{Wants, inner};
use crate::skeleton::Skeleton;

impl<D: Backend + ?Sized> CompositeBackend<D> {
    pub(crate) async fn grep(&self, request: &GrepRequest) -> Result<Grepped> {
        if self.routes.is_above(&request.path) {
            self.grep_all(request).await
        } else {
            self.grep_one(request).await
        }
    }

    async fn grep_one(&self, request: &GrepRequest) -> Result<Grepped> {
        let mount = self.routes.owner(&request.path);
        let outcome = if mount.is_none() {
            (*self.default).grep_with(request).await
        } else {
            let part = Part {
                mount,
                path: inner(mount, &request.path),
                exclude: exclude_inward(mount, &request.exclude),
                seen_at: request.seen_at.clone(),
            };
            self.grep_part(&part, request).await
        };
        match outcome {
            Err(error) => Err(self.explain(&request.path, error, Wants::ToLook).await),
            found => found,
        }
    }

    async fn grep_all(&self, request: &GrepRequest) -> Result<Grepped> {
        // This rejects an invalid request before any backend is asked.
        let skeleton = Skeleton::new(&self.routes, &request.path);
        let mut merged = grep(&skeleton, request, &Cancel::new(), 1)?;
        let scope = Scope {
            path: &request.path,
            exclude: &request.exclude,
            seen_at: &request.seen_at,
        };
        let parts = self.divide(scope, &Hidden::of_grep(request)?).await;
        let outcomes = join_all(parts.iter().map(|part| self.grep_part(part, request))).await;
        let (answers, failures) = answers(outcomes)?;
        merged.failures = failures;
        let mut cuts = vec![merged.truncated];
        for found in answers {
            merged.matches.extend(found.matches);
            merged.files.extend(found.files);
            merged.searched += found.searched;
            merged.skipped.add(&found.skipped);
            merged.failures.extend(found.failures);
            cuts.push(found.truncated);
        }
        // All matches of a file come from one backend, in their order, and a stable sort keeps it.
        merged
            .matches
            .sort_by(|left, right| left.path.cmp(&right.path));
        merged
            .files
            .sort_by(|left, right| left.path.cmp(&right.path));
        let over = merged.matches.len().max(merged.files.len()) > request.limit;
        merged.matches.truncate(request.limit);
        merged.files.truncate(request.limit);
        merged.truncated = cut(cuts, over);
        Ok(merged)
    }

    async fn grep_part(&self, part: &Part<'_>, request: &GrepRequest) -> Result<Grepped> {
        let mut request = request.clone();
        request.path = part.path.clone();
        request.exclude = part.exclude.clone();
        request.seen_at = part.seen_at.clone();
        let outcome = self.backend_of(part.mount).grep_with(&request).await;
        match (part.mount, outcome) {
            (None, outcome) => outcome,
            (Some(mount), Ok(found)) => Ok(found.outward(mount)),
            (Some(mount), Err(error)) => Err(error.outward(mount)),
        }
    }
}
