//! The contents of a directory that is moved or removed: every entry is checked, or nothing is done.

use backend_core::{Backend, EntryKind, Error, LsRequest, Result, StatRequest, VirtualPath};

use super::MAX_CHECKED_ENTRIES;
use super::approval::Subject;
use super::authorization::Authorization;
use crate::Operation;

/// Operations, and the directory below which they are done.
pub(super) struct Affected<'a> {
    pub(super) operations: &'static [Operation],
    pub(super) base: &'a VirtualPath,
}

impl<B: Backend> Authorization<'_, B> {
    /// Needs operations on everything below a directory. Other entries have nothing below them.
    pub(super) async fn below(
        &mut self,
        path: &VirtualPath,
        affected: &[Affected<'_>],
    ) -> Result<()> {
        let guard = self.guard;
        let has_rules = |below: &VirtualPath| -> Result<bool> {
            for Affected { operations, base } in affected {
                let at = below.rebase(base)?;
                if operations
                    .iter()
                    .any(|operation| guard.policy.has_rules_below(*operation, &at))
                {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        // The root cannot be moved or removed, whatever the rules say.
        if path.is_root() || !has_rules(&VirtualPath::root())? {
            return Ok(());
        }
        match guard.inner.stat_with(&StatRequest::new(path)).await {
            Ok(entry) if entry.is_directory() => {}
            // The inner backend reports what is wrong with it.
            _ => return Ok(()),
        }
        let mut waiting = vec![VirtualPath::root()];
        let mut left = MAX_CHECKED_ENTRIES;
        while let Some(below) = waiting.pop() {
            if !has_rules(&below)? {
                continue;
            }
            let directory = below.rebase(path)?;
            let request = LsRequest::new(&directory).limit(left.saturating_add(1));
            let page = guard.inner.ls_with(&request).await;
            let Ok(page) = page else {
                return Err(unchecked(path));
            };
            let is_whole = page.is_whole() && page.skipped.is_empty();
            if page.items.len() > left || !is_whole {
                return Err(unchecked(path));
            }
            left -= page.items.len();
            for entry in page {
                let below = match entry.path.name() {
                    Some(name) => below.child(name)?,
                    None => return Err(unchecked(path)),
                };
                for Affected { operations, base } in affected {
                    for operation in *operations {
                        self.path(*operation, &below.rebase(base)?, path, Subject::Contents)?;
                    }
                }
                if entry.kind == EntryKind::Directory {
                    waiting.push(below);
                }
            }
        }
        Ok(())
    }
}

fn unchecked(path: &VirtualPath) -> Error {
    Error::permission_denied(
        path,
        "not everything in it could be checked against the rules; process it in parts",
    )
}
