//! What may be shown of one entry: its name, its content, and its target if it is a link.

use std::collections::HashSet;

use backend_core::{Backend, Entry, EntryKind, Error, VirtualPath};

use super::Guarded;
use super::consult::ask_of;
use super::lead::Last;
use crate::{Action, Ask, Operation};

/// The decision of the rules about one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Allowed,
    /// The operation that is denied.
    Denied(Operation),
    Asked(Vec<Ask>),
}

impl<B: Backend> Guarded<B> {
    /// Decides about one entry under each of its paths.
    pub(super) fn standing(
        &self,
        operations: &[Operation],
        path: &VirtualPath,
        to: Option<&VirtualPath>,
    ) -> Standing {
        let mut asks = Vec::new();
        for path in [Some(path), to.filter(|to| *to != path)]
            .into_iter()
            .flatten()
        {
            for operation in operations {
                let verdict = self.policy.judge(*operation, path);
                match verdict.action {
                    Action::Allow => {}
                    Action::Ask if self.is_remembered(*operation, path.as_str()) => {}
                    Action::Ask => asks.push(ask_of(self, *operation, Some(path), verdict)),
                    Action::Deny => return Standing::Denied(*operation),
                }
            }
        }
        if asks.is_empty() {
            Standing::Allowed
        } else {
            Standing::Asked(asks)
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
        match self.standing(operations, path, to) {
            Standing::Allowed => true,
            Standing::Denied(_) => false,
            Standing::Asked(_) => granted.contains(path),
        }
    }

    /// Redacts link targets that may not be listed.
    pub(super) async fn veil(&self, entries: &mut [Entry]) {
        if !self.policy.minds(Operation::List) {
            return;
        }
        for entry in entries {
            if entry.kind != EntryKind::Symlink {
                continue;
            }
            let is_shown = match self.lead(&entry.path, Last::Follow).await {
                Ok(to) => self.standing(&[Operation::List], &to, None) == Standing::Allowed,
                Err(_) => false,
            };
            if !is_shown {
                entry.size = 0;
                entry.target = None;
            }
        }
    }

    /// Removes paths that may not be listed from the failures of a result.
    pub(super) fn veil_failures(&self, failures: &mut [Error], base: &VirtualPath) {
        for failure in failures {
            let is_hidden = failure.path().is_some_and(|path| {
                self.standing(&[Operation::List], path, None) != Standing::Allowed
            });
            if is_hidden {
                *failure = Error::permission_denied(base, "a part of it could not be searched");
            }
        }
    }
}

/// Returns where an entry below a directory is, given where the directory leads.
pub(super) fn led(path: &VirtualPath, base: &VirtualPath, to: &VirtualPath) -> Option<VirtualPath> {
    if base == to {
        return None;
    }
    path.strip_prefix(base)?.rebase(to).ok()
}
