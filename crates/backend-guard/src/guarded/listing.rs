//! `stat`, `ls` and `glob`: names that may not be listed do not appear.

use std::collections::{BTreeSet, HashSet};

use backend_core::search::Hidden;
use backend_core::{
    Backend, Entry, Error, GlobRequest, LsRequest, Page, ResolveRequest, Resolved, Result,
    StatRequest, Truncation,
};

use super::authorization::Authorization;
use super::decision::{Decision, rebased};
use super::link::FollowLast;
use super::prefilter::Search;
use super::{Guarded, MAX_CHECKED_ENTRIES};
use crate::{Method, Operation};

impl<B: Backend> Guarded<B> {
    pub(super) async fn stat(&self, request: &StatRequest) -> Result<Entry> {
        let mut authorization = Authorization::new(self, Method::Stat, &request.path);
        authorization
            .need(Method::Stat.needs(), &request.path, FollowLast::No)
            .await?;
        let authorized = authorization.authorize().await?;
        let mut entry = self.inner.stat_with(request).await?;
        self.redact(std::slice::from_mut(&mut entry)).await;
        authorized.recheck().await?;
        Ok(entry)
    }

    /// The target of a path is a name too.
    pub(super) async fn resolved(&self, request: &ResolveRequest) -> Result<Resolved> {
        let mut authorization = Authorization::new(self, Method::Resolve, &request.path);
        authorization
            .need(Method::Resolve.needs(), &request.path, FollowLast::Yes)
            .await?;
        let authorized = authorization.authorize().await?;
        let resolved = self.inner.resolve_with(request).await?;
        authorized.recheck().await?;
        Ok(resolved)
    }

    pub(super) async fn ls(&self, request: &LsRequest) -> Result<Page<Entry>> {
        let path = &request.path;
        let mut authorization = Authorization::new(self, Method::Ls, path);
        let to = authorization
            .need(Method::Ls.needs(), path, FollowLast::Yes)
            .await?;
        let authorized = authorization.authorize().await?;
        let has_rules = [path, &to]
            .into_iter()
            .any(|base| self.policy.has_rules_below(Operation::List, base));
        let mut page = if has_rules && request.limit > 0 {
            // Excluded entries must not use up the limit of the shown ones.
            let wide = request
                .clone()
                .limit(MAX_CHECKED_ENTRIES.max(request.limit));
            let mut page = self.inner.ls_with(&wide).await?;
            self.filter_page(&mut page, request, &to).await?;
            page
        } else {
            self.inner.ls_with(request).await?
        };
        self.redact(&mut page.items).await;
        self.redact_failures(&mut page.failures, path);
        authorized.recheck().await?;
        Ok(page)
    }

    async fn filter_page(
        &self,
        page: &mut Page<Entry>,
        request: &LsRequest,
        to: &backend_core::VirtualPath,
    ) -> Result<()> {
        let mut asks = BTreeSet::new();
        let mut asked = HashSet::new();
        page.items.retain(|entry| {
            let rebased = rebased(&entry.path, &request.path, to);
            match self.decide(&[Operation::List], &entry.path, rebased.as_ref()) {
                Decision::Allowed => true,
                Decision::Denied(_) => false,
                Decision::Asked(more) => {
                    asks.extend(more);
                    asked.insert(entry.path.clone());
                    true
                }
            }
        });
        if !asks.is_empty() {
            let question = super::authorization::question(Method::Ls, &request.path);
            if let Err(reason) = self.ask_approver(question, asks).await {
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
        let mut authorization = Authorization::new(self, Method::Glob, path);
        let to = authorization
            .need(Method::Glob.needs(), path, FollowLast::Yes)
            .await?;
        let authorized = authorization.authorize().await?;
        let has_rules = [path, &to]
            .into_iter()
            .any(|base| self.policy.has_rules_below(Operation::List, base));
        let mut page = if has_rules && request.limit > 0 {
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
            let prefiltered = self.prefilter(search).await?;
            if prefiltered.is_late {
                return Ok(Page::new(
                    Vec::new(),
                    Some(Truncation::Time),
                    prefiltered.skipped(),
                ));
            }
            let mut inner = request.clone();
            inner.exclude.extend(prefiltered.exclude.iter().cloned());
            inner.timeout = prefiltered.time_left;
            let mut page = self.inner.glob_with(&inner).await?;
            page.items.retain(|entry| {
                let rebased = rebased(&entry.path, path, &to);
                self.may_show(
                    &[Operation::List],
                    &entry.path,
                    rebased.as_ref(),
                    &prefiltered.granted,
                )
            });
            page.skipped.add(&prefiltered.skipped());
            if prefiltered.withheld > 0 {
                page.truncated.get_or_insert(Truncation::Unreadable);
            }
            page
        } else {
            self.inner.glob_with(request).await?
        };
        self.redact(&mut page.items).await;
        self.redact_failures(&mut page.failures, path);
        authorized.recheck().await?;
        Ok(page)
    }
}
