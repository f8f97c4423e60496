//! One call, from its needs to its authorization: denials first, then one question for everything that asks.

use std::collections::BTreeSet;

use backend_core::{Backend, Command, Error, ExecRequest, Result, VirtualPath};

use super::Guarded;
use super::approval::{Subject, command_key, make_ask};
use super::link::FollowLast;
use crate::policy::Verdict;
use crate::{Action, Ask, Method, Operation, Question};

/// The needs of one call, as they are gathered.
pub(super) struct Authorization<'a, B> {
    pub(super) guard: &'a Guarded<B>,
    question: Question,
    asks: BTreeSet<Ask>,
    links: Vec<ResolvedLink>,
}

/// A path of the call, and where it led when it was checked.
struct ResolvedLink {
    operations: &'static [Operation],
    path: VirtualPath,
    last: FollowLast,
    to: VirtualPath,
}

/// A call that may proceed.
pub(super) struct Authorized<'a, B> {
    guard: &'a Guarded<B>,
    links: Vec<ResolvedLink>,
}

impl<'a, B: Backend> Authorization<'a, B> {
    pub(super) fn new(guard: &'a Guarded<B>, method: Method, path: &VirtualPath) -> Self {
        Self {
            guard,
            question: question(method, path),
            asks: BTreeSet::new(),
            links: Vec::new(),
        }
    }

    pub(super) fn target(mut self, target: &VirtualPath) -> Self {
        self.question.target = Some(target.clone());
        self
    }

    /// Needs operations on a path and on its target, which is returned. The target is not resolved when no rule
    /// applies.
    pub(super) async fn need(
        &mut self,
        operations: &'static [Operation],
        path: &VirtualPath,
        last: FollowLast,
    ) -> Result<VirtualPath> {
        let policy = &self.guard.policy;
        if !operations
            .iter()
            .any(|operation| policy.has_rules_for(*operation))
        {
            return Ok(path.clone());
        }
        self.need_resolved(operations, path, last).await
    }

    /// Needs operations on a path and on its target, which is always resolved.
    pub(super) async fn need_resolved(
        &mut self,
        operations: &'static [Operation],
        path: &VirtualPath,
        last: FollowLast,
    ) -> Result<VirtualPath> {
        for operation in operations {
            self.path(*operation, path, path, Subject::Path)?;
        }
        let to = self.guard.resolve(path, last).await?;
        if to != *path {
            for operation in operations {
                self.path(*operation, &to, path, Subject::Target)?;
            }
        }
        self.links.push(ResolvedLink {
            operations,
            path: path.clone(),
            last,
            to: to.clone(),
        });
        Ok(to)
    }

    /// Needs an operation on one path. A refusal shows the requested path instead.
    pub(super) fn path(
        &mut self,
        operation: Operation,
        path: &VirtualPath,
        shown: &VirtualPath,
        subject: Subject,
    ) -> Result<()> {
        let verdict = self.guard.policy.evaluate(operation, path);
        if self.permits(operation, verdict, Some(path), || path.to_string()) {
            return Ok(());
        }
        Err(self.guard.denied(shown, operation, verdict, subject))
    }

    /// Needs an operation on a command.
    pub(super) fn command(
        &mut self,
        operation: Operation,
        command: &Command,
        request: Option<&ExecRequest>,
    ) -> Result<()> {
        let sets_more =
            request.is_some_and(|request| !request.env.is_empty() || request.user.is_some());
        let verdict = self
            .guard
            .policy
            .evaluate_command(operation, command, sets_more);
        self.question.command = Some(command.clone());
        self.question.request = request.cloned();
        if self.permits(operation, verdict, None, || {
            command_key(Some(command), request)
        }) {
            return Ok(());
        }
        let path = &self.question.path;
        Err(self.guard.denied(path, operation, verdict, Subject::Path))
    }

    /// Needs an operation on the sandbox.
    pub(super) fn sandbox(&mut self, operation: Operation) -> Result<()> {
        let verdict = self.guard.policy.evaluate_sandbox(operation);
        if self.permits(operation, verdict, None, String::new) {
            return Ok(());
        }
        let path = &self.question.path;
        Err(self.guard.denied(path, operation, verdict, Subject::Path))
    }

    /// Returns whether a verdict lets the call proceed, at most after a question, which is added to those of the call. `key` is
    /// what an earlier answer is remembered by.
    fn permits(
        &mut self,
        operation: Operation,
        verdict: Verdict,
        path: Option<&VirtualPath>,
        key: impl FnOnce() -> String,
    ) -> bool {
        let is_asked =
            verdict.action == Action::Ask && !self.guard.is_remembered(operation, &key());
        if is_asked {
            self.asks
                .insert(make_ask(self.guard, operation, path, verdict));
        }
        verdict.action != Action::Deny
    }

    /// Asks, if there is something to ask. The paths must then still lead where they led when checked.
    pub(super) async fn authorize(self) -> Result<Authorized<'a, B>> {
        let Self {
            guard,
            question,
            asks,
            links,
        } = self;
        if !asks.is_empty() {
            let shown = question.path.clone();
            guard
                .ask_approver(question, asks)
                .await
                .map_err(|reason| Error::permission_denied(&shown, reason))?;
            for link in &links {
                if guard.resolve(&link.path, link.last).await? != link.to {
                    return Err(moved(&link.path));
                }
            }
        }
        Ok(Authorized { guard, links })
    }
}

impl<B: Backend> Authorized<'_, B> {
    /// Resolves the paths once more, before anything is returned.
    pub(super) async fn recheck(&self) -> Result<()> {
        for link in &self.links {
            let to = self.guard.resolve(&link.path, link.last).await?;
            if to == link.to {
                continue;
            }
            for operation in link.operations {
                let is_allowed = self.guard.policy.evaluate(*operation, &to).action
                    == Action::Allow
                    || self.guard.is_remembered(*operation, to.as_str());
                if !is_allowed {
                    return Err(moved(&link.path));
                }
            }
        }
        Ok(())
    }
}

/// Makes a question that asks nothing yet.
pub(super) fn question(method: Method, path: &VirtualPath) -> Question {
    Question {
        method,
        path: path.clone(),
        target: None,
        command: None,
        request: None,
        asks: Vec::new(),
        more: 0,
    }
}

fn moved(path: &VirtualPath) -> Error {
    Error::permission_denied(
        path,
        "the link's target changed during the permission check",
    )
}
