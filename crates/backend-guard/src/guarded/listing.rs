//! `stat`, `ls` and `glob`: names that may not be listed do not appear.

use std::collections::{BTreeSet, HashSet};

use backend_core::search::Hidden;
use backend_core::{
    Backend, Entry, Error, GlobRequest, LsRequest, Page, ResolveRequest, Resolved, Result,
    StatRequest, Truncation,
};

use super::case::Case;
use super::lead::Last;
use super::names::{Standing, led};
use super::sift::Search;
use super::{Guarded, MAX_CHECKED_ENTRIES};
use crate::{Method, Operation};

impl<B: Backend> Guarded<B> {
    pub(super) async fn stat(&self, request: &StatRequest) -> Result<Entry> {
        let mut case = Case::new(self, Method::Stat, &request.path);
        case.need(Method::Stat.needs(), &request.path, Last::Keep)
            .await?;
        let pass = case.settle().await?;
        let mut entry = self.inner.stat_with(request).await?;
        self.veil(std::slice::from_mut(&mut entry)).await;
        pass.confirm().await?;
        Ok(entry)
    }

    /// The target of a path is a name too.
    pub(super) async fn resolved(&self, request: &ResolveRequest) -> Result<Resolved> {
        let mut case = Case::new(self, Method::Resolve, &request.path);
        case.need(Method::Resolve.needs(), &request.path, Last::Follow)
            .await?;
        let pass = case.settle().await?;
        let resolved = self.inner.resolve_with(request).await?;
        pass.confirm().await?;
        Ok(resolved)
    }

    pub(super) async fn ls(&self, request: &LsRequest) -> Result<Page<Entry>> {
        let path = &request.path;
        let mut case = Case::new(self, Method::Ls, path);
        let to = case.need(Method::Ls.needs(), path, Last::Follow).await?;
        let pass = case.settle().await?;
        let minds = [path, &to]
            .into_iter()
            .any(|base| self.policy.minds_below(Operation::List, base));
        let mut page = if minds && request.limit > 0 {
            // Excluded entries must not use up the limit of the shown ones.
            let wide = request
                .clone()
                .limit(MAX_CHECKED_ENTRIES.max(request.limit));
            let mut page = self.inner.ls_with(&wide).await?;
            self.leave_out(&mut page, request, &to).await?;
            page
        } else {
            self.inner.ls_with(request).await?
        };
        self.veil(&mut page.items).await;
        self.veil_failures(&mut page.failures, path);
        pass.confirm().await?;
        Ok(page)
    }

    async fn leave_out(
        &self,
        page: &mut Page<Entry>,
        request: &LsRequest,
        to: &backend_core::VirtualPath,
    ) -> Result<()> {
        let mut asks = BTreeSet::new();
        let mut asked = HashSet::new();
        page.items.retain(|entry| {
            let led = led(&entry.path, &request.path, to);
            match self.standing(&[Operation::List], &entry.path, led.as_ref()) {
                Standing::Allowed => true,
                Standing::Denied(_) => false,
                Standing::Asked(more) => {
                    asks.extend(more);
                    asked.insert(entry.path.clone());
                    true
                }
            }
        });
        if !asks.is_empty() {
            let question = super::case::question(Method::Ls, &request.path);
            if let Err(reason) = self.consult(question, asks).await {
                if asked.len() == page.items.len() {
                    return Err(Error::permission_denied(&request.path, reason));
                }
                page.items.retain(|entry| !asked.contains(&entry.path));
                page.skipped.unreadable += asked.len() as u64;
                page.truncated.get_or_insert(Truncation::Unreadable);
            }
        }
        if page.items.len() > request.limit {
            page.items.truncate(request.limit);
            page.truncated = Some(Truncation::Limit);
        }
        Ok(())
    }

    pub(super) async fn glob(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let path = &request.path;
        let mut case = Case::new(self, Method::Glob, path);
        let to = case.need(Method::Glob.needs(), path, Last::Follow).await?;
        let pass = case.settle().await?;
        let minds = [path, &to]
            .into_iter()
            .any(|base| self.policy.minds_below(Operation::List, base));
        let mut page = if minds && request.limit > 0 {
            // An invalid pattern needs no question.
            Hidden::of_glob(request)?;
            let search = Search {
                method: Method::Glob,
                path,
                to: &to,
                exclude: &request.exclude,
                reads: None,
                timeout: request.timeout,
            };
            let sifted = self.sift(search).await?;
            if sifted.is_late {
                return Ok(Page::new(
                    Vec::new(),
                    Some(Truncation::Time),
                    sifted.skipped(),
                ));
            }
            let mut inner = request.clone();
            inner.exclude.extend(sifted.exclude.iter().cloned());
            inner.timeout = sifted.time_left;
            let mut page = self.inner.glob_with(&inner).await?;
            page.items.retain(|entry| {
                let led = led(&entry.path, path, &to);
                self.may_show(
                    &[Operation::List],
                    &entry.path,
                    led.as_ref(),
                    &sifted.granted,
                )
            });
            page.skipped.add(&sifted.skipped());
            if sifted.withheld > 0 {
                page.truncated.get_or_insert(Truncation::Unreadable);
            }
            page
        } else {
            self.inner.glob_with(request).await?
        };
        self.veil(&mut page.items).await;
        self.veil_failures(&mut page.failures, path);
        pass.confirm().await?;
        Ok(page)
    }
}
