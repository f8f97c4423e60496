//! One call, from its needs to its authorization: denials first, then one question for everything that asks.

use std::collections::BTreeSet;

use backend_core::{Backend, Command, Error, ExecRequest, Result, VirtualPath};

use super::Guarded;
use super::consult::{Spot, ask_of, name_of};
use super::lead::Last;
use crate::{Action, Ask, Method, Operation, Question};

/// The needs of one call, as they are gathered.
pub(super) struct Case<'a, B> {
    pub(super) guard: &'a Guarded<B>,
    question: Question,
    asks: BTreeSet<Ask>,
    leads: Vec<Lead>,
}

/// A path of the call, and where it led when it was checked.
struct Lead {
    operations: &'static [Operation],
    path: VirtualPath,
    last: Last,
    to: VirtualPath,
}

/// A call that may proceed.
pub(super) struct Pass<'a, B> {
    guard: &'a Guarded<B>,
    leads: Vec<Lead>,
}

impl<'a, B: Backend> Case<'a, B> {
    pub(super) fn new(guard: &'a Guarded<B>, method: Method, path: &VirtualPath) -> Self {
        Self {
            guard,
            question: question(method, path),
            asks: BTreeSet::new(),
            leads: Vec::new(),
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
        last: Last,
    ) -> Result<VirtualPath> {
        let policy = &self.guard.policy;
        if !operations.iter().any(|operation| policy.minds(*operation)) {
            return Ok(path.clone());
        }
        self.need_led(operations, path, last).await
    }

    /// Needs operations on a path and on its target, which is always resolved.
    pub(super) async fn need_led(
        &mut self,
        operations: &'static [Operation],
        path: &VirtualPath,
        last: Last,
    ) -> Result<VirtualPath> {
        for operation in operations {
            self.path(*operation, path, path, Spot::Itself)?;
        }
        let to = self.guard.lead(path, last).await?;
        if to != *path {
            for operation in operations {
                self.path(*operation, &to, path, Spot::Behind)?;
            }
        }
        self.leads.push(Lead {
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
        spot: Spot,
    ) -> Result<()> {
        let verdict = self.guard.policy.judge(operation, path);
        match verdict.action {
            Action::Allow => {}
            Action::Ask if self.guard.is_remembered(operation, path.as_str()) => {}
            Action::Ask => {
                self.asks
                    .insert(ask_of(self.guard, operation, Some(path), verdict));
            }
            Action::Deny => return Err(self.guard.denied(shown, operation, verdict, spot)),
        }
        Ok(())
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
            .judge_command(operation, command, sets_more);
        self.question.command = Some(command.clone());
        self.question.request = request.cloned();
        match verdict.action {
            Action::Allow => {}
            Action::Ask
                if self
                    .guard
                    .is_remembered(operation, &name_of(Some(command), request)) => {}
            Action::Ask => {
                self.asks
                    .insert(ask_of(self.guard, operation, None, verdict));
            }
            Action::Deny => {
                let path = &self.question.path;
                return Err(self.guard.denied(path, operation, verdict, Spot::Itself));
            }
        }
        Ok(())
    }

    /// Needs an operation on the sandbox.
    pub(super) fn sandbox(&mut self, operation: Operation) -> Result<()> {
        let verdict = self.guard.policy.judge_sandbox(operation);
        match verdict.action {
            Action::Allow => {}
            Action::Ask if self.guard.is_remembered(operation, "") => {}
            Action::Ask => {
                self.asks
                    .insert(ask_of(self.guard, operation, None, verdict));
            }
            Action::Deny => {
                let path = &self.question.path;
                return Err(self.guard.denied(path, operation, verdict, Spot::Itself));
            }
        }
        Ok(())
    }

    /// Asks, if there is something to ask. The paths must then still lead where they led when checked.
    pub(super) async fn settle(self) -> Result<Pass<'a, B>> {
        let Self {
            guard,
            question,
            asks,
            leads,
        } = self;
        if !asks.is_empty() {
            let shown = question.path.clone();
            guard
                .consult(question, asks)
                .await
                .map_err(|reason| Error::permission_denied(&shown, reason))?;
            for lead in &leads {
                if guard.lead(&lead.path, lead.last).await? != lead.to {
                    return Err(moved(&lead.path));
                }
            }
        }
        Ok(Pass { guard, leads })
    }
}

impl<B: Backend> Pass<'_, B> {
    /// Resolves the paths once more, before anything is returned.
    pub(super) async fn confirm(&self) -> Result<()> {
        for lead in &self.leads {
            let to = self.guard.lead(&lead.path, lead.last).await?;
            if to == lead.to {
                continue;
            }
            for operation in lead.operations {
                let is_allowed = self.guard.policy.judge(*operation, &to).action == Action::Allow
                    || self.guard.is_remembered(*operation, to.as_str());
                if !is_allowed {
                    return Err(moved(&lead.path));
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
