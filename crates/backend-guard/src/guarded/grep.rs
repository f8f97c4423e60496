//! `grep`: lines of the files that may be read, decided once per file.

use std::collections::HashSet;

use backend_core::search::Hidden;
use backend_core::{
    Backend, EntryKind, GrepRequest, Grepped, Result, StatRequest, Truncation, VirtualPath,
};

use super::Guarded;
use super::authorization::Authorization;
use super::decision::rebased;
use super::link::FollowLast;
use super::prefilter::{Reads, Search};
use crate::{Method, Operation};

impl<B: Backend> Guarded<B> {
    pub(super) async fn grep(&self, request: &GrepRequest) -> Result<Grepped> {
        let path = &request.path;
        let needs = Method::Grep.needs();
        if !needs
            .iter()
            .any(|operation| self.policy.has_rules_for(*operation))
        {
            return self.inner.grep_with(request).await;
        }
        let mut authorization = Authorization::new(self, Method::Grep, path);
        // The target matters for the files in it, even if every name may be listed.
        let to = authorization
            .need_resolved(&[Operation::List], path, FollowLast::Yes)
            .await?;
        let has_rules = [path, &to].into_iter().any(|base| {
            needs
                .iter()
                .any(|operation| self.policy.has_rules_below(*operation, base))
        });
        let is_directory = self.is_directory(&to).await;
        if !is_directory {
            authorization
                .need(&[Operation::Read], path, FollowLast::Yes)
                .await?;
        }
        let authorized = authorization.authorize().await?;
        let mut found = if is_directory && has_rules && request.limit > 0 {
            self.grep_prefiltered(request, &to).await?
        } else {
            let mut found = self.inner.grep_with(request).await?;
            self.withhold(&mut found, path, &to, &HashSet::from([path.clone()]));
            found
        };
        self.redact_failures(&mut found.failures, path);
        authorized.recheck().await?;
        Ok(found)
    }

    async fn grep_prefiltered(&self, request: &GrepRequest, to: &VirtualPath) -> Result<Grepped> {
        let path = &request.path;
        // An invalid glob or type needs no question.
        let hidden = Hidden::of_grep(request)?;
        let search = Search {
            method: Method::Grep,
            path,
            to,
            exclude: &request.exclude,
            reads: Some(Reads {
                hidden: &hidden,
                names_hidden: request.hidden || !request.globs.is_empty(),
                ignored: request.ignored,
            }),
            timeout: request.timeout,
        };
        let prefiltered = self.prefilter(search).await?;
        if prefiltered.is_late {
            let mut found = Grepped::default();
            found.truncated = Some(Truncation::Time);
            found.skipped = prefiltered.skipped();
            return Ok(found);
        }
        let mut inner = request.clone();
        inner.exclude.extend(prefiltered.exclude.iter().cloned());
        inner.timeout = prefiltered.time_left;
        let mut found = self.inner.grep_with(&inner).await?;
        self.withhold(&mut found, path, to, &prefiltered.granted);
        found.skipped.add(&prefiltered.skipped());
        if prefiltered.withheld > 0 {
            found.truncated.get_or_insert(Truncation::Unreadable);
        }
        Ok(found)
    }

    /// Filters files that appeared in between. The matches of one file are adjacent, so each file is checked once.
    fn withhold(
        &self,
        found: &mut Grepped,
        path: &VirtualPath,
        to: &VirtualPath,
        granted: &HashSet<VirtualPath>,
    ) {
        let mut last: Option<(VirtualPath, bool)> = None;
        let mut may_show = |at: &VirtualPath| match &last {
            Some((known, shown)) if known == at => *shown,
            _ => {
                let rebased = rebased(at, path, to);
                let shown = self.may_show(Method::Grep.needs(), at, rebased.as_ref(), granted);
                last = Some((at.clone(), shown));
                shown
            }
        };
        found.matches.retain(|hit| may_show(&hit.path));
        found.files.retain(|file| may_show(&file.path));
    }

    /// Whether a path that leads nowhere else is a directory. A missing entry is not one.
    async fn is_directory(&self, path: &VirtualPath) -> bool {
        self.inner
            .stat_with(&StatRequest::new(path))
            .await
            .is_ok_and(|entry| {
                entry.kind == EntryKind::Directory || entry.target == Some(EntryKind::Directory)
            })
    }
}
