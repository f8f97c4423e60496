//! What may be shown of one entry: its name, its content, and its target if it is a link.

use std::collections::HashSet;

use backend_core::{Backend, Entry, EntryKind, Error, VirtualPath};

use super::Guarded;
use super::approval::make_ask;
use super::link::FollowLast;
use crate::{Action, Ask, Operation};

/// The decision of the rules about one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    /// The operation that is denied.
    Denied(Operation),
    Asked(Vec<Ask>),
}

impl<B: Backend> Guarded<B> {
    /// Decides about one entry under each of its paths.
    pub(super) fn decide(
        &self,
        operations: &[Operation],
        path: &VirtualPath,
        to: Option<&VirtualPath>,
    ) -> Decision {
        let mut asks = Vec::new();
        for path in [Some(path), to.filter(|to| *to != path)]
            .into_iter()
            .flatten()
        {
            for operation in operations {
                let verdict = self.policy.evaluate(*operation, path);
                match verdict.action {
                    Action::Allow => {}
                    Action::Ask if self.is_remembered(*operation, path.as_str()) => {}
                    Action::Ask => asks.push(make_ask(self, *operation, Some(path), verdict)),
                    Action::Deny => return Decision::Denied(*operation),
                }
            }
        }
        if asks.is_empty() {
            Decision::Allowed
        } else {
            Decision::Asked(asks)
        }
    }

    /// Returns whether an entry that came back may be shown.
    pub(super) fn may_show(
        &self,
        operations: &[Operation],
        path: &VirtualPath,
        to: Option<&VirtualPath>,
        granted: &HashSet<VirtualPath>,
    ) -> bool {
        match self.decide(operations, path, to) {
            Decision::Allowed => true,
            Decision::Denied(_) => false,
            Decision::Asked(_) => granted.contains(path),
        }
    }

    /// Redacts link targets that may not be listed.
    pub(super) async fn redact(&self, entries: &mut [Entry]) {
        if !self.policy.has_rules_for(Operation::List) {
            return;
        }
        for entry in entries {
            if entry.kind != EntryKind::Symlink {
                continue;
            }
            let is_shown = match self.resolve(&entry.path, FollowLast::Yes).await {
                Ok(to) => self.decide(&[Operation::List], &to, None) == Decision::Allowed,
                Err(_) => false,
            };
            if !is_shown {
                entry.size = 0;
                entry.target = None;
            }
        }
    }

    /// Removes paths that may not be listed from the failures of a result.
    pub(super) fn redact_failures(&self, failures: &mut [Error], base: &VirtualPath) {
        for failure in failures {
            let is_hidden = failure.path().is_some_and(|path| {
                self.decide(&[Operation::List], path, None) != Decision::Allowed
            });
            if is_hidden {
                *failure = Error::permission_denied(base, "a part of it could not be searched");
            }
        }
    }
}

/// Returns where an entry below a directory is, given where the directory leads.
pub(super) fn rebased(
    path: &VirtualPath,
    base: &VirtualPath,
    to: &VirtualPath,
) -> Option<VirtualPath> {
    if base == to {
        return None;
    }
    path.strip_prefix(base)?.rebase(to).ok()
}
