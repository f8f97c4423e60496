//! The walk: depth first in path order, without recursion, with a bounded number of open directories.
//!
//! It visits each entry that the request covers once, and counts what it skips. It never follows a link, and enters no
//! directory below which nothing can match.

mod plan;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::vec;

pub(super) use plan::{Dir, Excluded, Plan, Visit};

use super::cancel::Stop;
use super::filter::Progress;
use super::rules::Rules;
use super::tree::{Base, Child, Children, Tree};
use crate::slice::Slice;
use crate::{EntryKind, Error, Result, Skipped, VirtualPath};

/// How many directories of the current path are kept open.
const MAX_OPEN: usize = 64;

/// Walks a directory. What was skipped after the last entry is left in `skipped_before`.
///
/// # Errors
///
/// Those of the listing of the directory itself. Failures below it do not fail the walk.
pub(super) fn walk<T: Tree>(
    tree: &T,
    base: T::Dir,
    plan: &Plan<'_>,
    stop: &Stop<'_>,
    skipped_before: &mut Skipped,
    visit: &mut impl Visit<T::Dir>,
) -> Result<()> {
    let mut walk = Walk {
        tree,
        plan,
        skipped_before,
        frames: Vec::new(),
        rules: rules_above(tree, plan),
        text: String::new(),
    };
    let Some(progress) = plan.filter.start(plan.seen_at) else {
        return Ok(());
    };
    if stop.should_stop() {
        return Ok(());
    }
    let base = Dir {
        handle: base,
        path: plan.path.clone(),
    };
    walk.enter(base, progress)
        .map_err(|error| error.map_path(|_| plan.path.clone()))?;
    walk.run(stop, visit);
    Ok(())
}

/// Reads the rules of the directories above the one to search. An ignored directory that was requested is searched anyway,
/// so the rules from above it do not apply to its contents.
fn rules_above<T: Tree>(tree: &T, plan: &Plan<'_>) -> Rules {
    let mut rules = Rules::default();
    if plan.ignored {
        return rules;
    }
    let mut above: Vec<VirtualPath> = plan.path.ancestors().collect();
    above.reverse();
    for path in above {
        let text = path.as_str().strip_prefix('/').unwrap_or_default();
        if rules.is_ignored(text, true) {
            rules.leave(0);
        }
        if path == *plan.path {
            break;
        }
        if let Ok(Base::Directory(dir)) = tree.base(&path) {
            let prefix = if path.is_root() {
                String::new()
            } else {
                format!("{text}/")
            };
            // Opening them shows whether there are any: a listing may be long.
            rules.enter(tree, &dir, &prefix, |_| true);
        }
    }
    rules
}

struct Walk<'a, T: Tree> {
    tree: &'a T,
    plan: &'a Plan<'a>,
    skipped_before: &'a mut Skipped,
    frames: Vec<Frame<T::Dir>>,
    rules: Rules,
    /// The path of the current entry, for the rules.
    text: String,
}

/// A directory on the current path of the walk.
struct Frame<D> {
    path: VirtualPath,
    /// `None` if it was closed, because the walk went too deep below it.
    dir: Option<Arc<Dir<D>>>,
    children: vec::IntoIter<Child>,
    progress: Progress,
    /// The number of directories above it that have rules.
    rules_above: usize,
}

impl<T: Tree> Walk<'_, T> {
    fn run(&mut self, stop: &Stop<'_>, visit: &mut impl Visit<T::Dir>) {
        while let Some(frame) = self.frames.last_mut() {
            let Some(child) = frame.children.next() else {
                self.rules.leave(frame.rules_above);
                self.frames.pop();
                continue;
            };
            if stop.should_stop() || self.visit_child(child, visit).is_break() {
                return;
            }
        }
    }

    /// Visits one entry of the current directory.
    fn visit_child(&mut self, child: Child, visit: &mut impl Visit<T::Dir>) -> ControlFlow<()> {
        let plan = self.plan;
        let Some(frame) = self.frames.last() else {
            return ControlFlow::Continue(());
        };
        let is_directory = child.kind == EntryKind::Directory;
        let (shown, may_descend) = match child.kind {
            EntryKind::File => (true, false),
            EntryKind::Symlink => (!plan.files_only, true),
            EntryKind::Directory => (!plan.files_only, true),
            EntryKind::Other => return ControlFlow::Continue(()),
        };
        if plan.is_excluded(&frame.path, &child.name) {
            return ControlFlow::Continue(());
        }
        let shown = shown
            && plan
                .filter
                .is_match(&frame.progress, &child.name, is_directory);
        let below = if may_descend {
            plan.filter.enter(&frame.progress, &child.name)
        } else {
            None
        };
        if !shown && below.is_none() {
            return ControlFlow::Continue(());
        }
        if plan.hidden.skips(&child.name) {
            self.skipped_before.hidden += 1;
            return ControlFlow::Continue(());
        }
        if !self.rules.is_empty() {
            self.text.clear();
            if !frame.path.is_root() {
                self.text.push_str(frame.path.relative());
                self.text.push('/');
            }
            self.text.push_str(&child.name);
            if self.rules.is_ignored(&self.text, is_directory) {
                self.skipped_before.ignored += 1;
                return ControlFlow::Continue(());
            }
        }
        if !shown && child.kind == EntryKind::Symlink {
            self.skipped_before.symlinks += 1;
            return ControlFlow::Continue(());
        }
        let Some(dir) = self.current_dir() else {
            return ControlFlow::Continue(());
        };
        let Some(below) = below.filter(|_| is_directory) else {
            return visit.visit(&dir, child, false, self.skipped_before);
        };
        visit.before_descent()?;
        let path = dir.path.child(&child.name);
        let opened = path
            .is_ok()
            .then(|| self.tree.open_dir(&dir.handle, &child.name));
        if shown {
            let is_closed = matches!(opened, Some(Err(_)));
            visit.visit(&dir, child, is_closed, self.skipped_before)?;
        }
        let (Ok(path), Some(opened)) = (path, opened) else {
            self.skipped_before.unnameable += 1;
            return ControlFlow::Continue(());
        };
        let entered = opened.and_then(|handle| self.enter(Dir { handle, path }, below));
        if entered.is_err() {
            self.skipped_before.unreadable += 1;
        }
        ControlFlow::Continue(())
    }

    /// Lists a directory, and continues in it.
    fn enter(&mut self, dir: Dir<T::Dir>, progress: Progress) -> Result<()> {
        let mut prefix = dir.path.as_str().slice(1..).to_owned();
        if !prefix.is_empty() {
            prefix.push('/');
        }
        let rules_above = self.rules.len();
        let children = match self.plan.filter.only_name(&progress) {
            Some(name) => {
                if !self.plan.ignored {
                    self.rules.enter(self.tree, &dir.handle, &prefix, |_| true);
                }
                self.look_up(&dir, name)
            }
            None => {
                let Children {
                    mut named,
                    unnameable,
                    unreadable,
                } = self.tree.children(&dir.handle)?;
                self.skipped_before.unnameable += unnameable;
                self.skipped_before.unreadable += unreadable;
                named.sort_unstable_by(|left, right| left.name.cmp(&right.name));
                if !self.plan.ignored {
                    let has = |name: &str| {
                        named
                            .binary_search_by(|child| (*child.name).cmp(name))
                            .ok()
                            .and_then(|index| named.get(index))
                            .is_some_and(|child| child.kind == EntryKind::File)
                    };
                    self.skipped_before.unreadable +=
                        self.rules.enter(self.tree, &dir.handle, &prefix, has);
                }
                named
            }
        };
        self.frames.push(Frame {
            path: dir.path.clone(),
            dir: Some(Arc::new(dir)),
            children: children.into_iter(),
            progress,
            rules_above,
        });
        // The first one stays open: the others are reopened from it.
        if let Some(index) = self.frames.len().checked_sub(MAX_OPEN + 1)
            && index > 0
            && let Some(frame) = self.frames.get_mut(index)
        {
            frame.dir = None;
        }
        Ok(())
    }

    /// Returns the only child of this name, if it exists: a listing would only yield more to discard.
    fn look_up(&mut self, dir: &Dir<T::Dir>, name: &str) -> Vec<Child> {
        let Ok(path) = dir.path.child(name) else {
            return Vec::new();
        };
        match self.tree.entry(&dir.handle, name, path) {
            Ok(entry) => vec![Child {
                name: name.into(),
                kind: entry.kind,
            }],
            Err(Error::NotFound { .. }) => Vec::new(),
            Err(_) => {
                self.skipped_before.unreadable += 1;
                Vec::new()
            }
        }
    }

    /// Returns the current directory, reopened if it was closed. If that fails, the walk leaves it.
    fn current_dir(&mut self) -> Option<Arc<Dir<T::Dir>>> {
        let last = self.frames.len().checked_sub(1)?;
        if let Some(dir) = &self.frames.get(last)?.dir {
            return Some(Arc::clone(dir));
        }
        let reopened = self.reopen(last);
        if reopened.is_none() {
            self.skipped_before.unreadable += 1;
            if let Some(frame) = self.frames.last_mut() {
                frame.children = Vec::new().into_iter();
            }
        }
        reopened
    }

    /// Reopens closed directories, starting from the nearest ancestor that is still open, and keeps the last ones open: the
    /// walk returns to them next.
    fn reopen(&mut self, last: usize) -> Option<Arc<Dir<T::Dir>>> {
        let from = (0..last).rev().find(|index| {
            self.frames
                .get(*index)
                .is_some_and(|frame| frame.dir.is_some())
        })?;
        let mut dir = Arc::clone(self.frames.get(from)?.dir.as_ref()?);
        for index in from + 1..=last {
            let frame = self.frames.get_mut(index)?;
            let handle = self.tree.open_dir(&dir.handle, frame.path.name()?).ok()?;
            dir = Arc::new(Dir {
                handle,
                path: frame.path.clone(),
            });
            if last - index < MAX_OPEN {
                frame.dir = Some(Arc::clone(&dir));
            }
        }
        Some(dir)
    }
}
