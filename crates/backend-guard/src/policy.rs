//! The rules of a guard, ready to decide. Plain functions: nothing here asks, waits or looks at files.

use backend_core::search::Coverage;
use backend_core::{Command, VirtualPath};

use crate::command::{Certainty, SimpleCommand, simple_commands, started_by};
use crate::{Action, Operation, Permissions, Rule};

/// The action for an operation, and the rule that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) action: Action,
    /// The rule that decided, by its index in the ruleset; `None` if none did.
    pub(crate) rule: Option<usize>,
}

impl Verdict {
    /// Of two verdicts that both apply, the stricter one counts.
    fn or_stricter(self, other: Self) -> Self {
        if other.action > self.action {
            other
        } else {
            self
        }
    }
}

#[derive(Debug)]
pub(crate) struct Policy {
    rules: Vec<Rule>,
    otherwise: [Action; Operation::ALL.len()],
    /// The operations that could be asked about or denied at all.
    has_rules: [bool; Operation::ALL.len()],
    work_dir: VirtualPath,
}

impl Policy {
    pub(crate) fn new(permissions: &Permissions, work_dir: VirtualPath) -> Self {
        let mut policy = Self {
            rules: permissions.rules().cloned().collect(),
            otherwise: Operation::ALL.map(|operation| permissions.otherwise(operation)),
            has_rules: [true; Operation::ALL.len()],
            work_dir,
        };
        policy.has_rules = Operation::ALL.map(|operation| policy.find_rules_for(operation));
        policy
    }

    pub(crate) fn work_dir(&self) -> &VirtualPath {
        &self.work_dir
    }

    pub(crate) fn rule(&self, verdict: Verdict) -> Option<&Rule> {
        self.rules.get(verdict.rule?)
    }

    fn otherwise(&self, operation: Operation) -> Verdict {
        Verdict {
            action: self
                .otherwise
                .get(operation.index())
                .copied()
                .unwrap_or(Action::Deny),
            rule: None,
        }
    }

    fn verdict(rule: usize, of: &Rule) -> Verdict {
        Verdict {
            action: of.action(),
            rule: Some(rule),
        }
    }

    /// Decides about an operation on a path.
    pub(crate) fn evaluate(&self, operation: Operation, path: &VirtualPath) -> Verdict {
        self.rules
            .iter()
            .enumerate()
            .find(|(_, rule)| rule.covers(operation, path, &self.work_dir))
            .map_or_else(
                || self.otherwise(operation),
                |(index, rule)| Self::verdict(index, rule),
            )
    }

    /// Returns whether anything below a path could be asked about or denied.
    pub(crate) fn has_rules_below(&self, operation: Operation, path: &VirtualPath) -> bool {
        for rule in &self.rules {
            match (
                rule.coverage(operation, path, &self.work_dir),
                rule.action(),
            ) {
                (Coverage::Nothing, _) | (Coverage::Part, Action::Allow) => {}
                (Coverage::All, Action::Allow) => return false,
                (Coverage::Part | Coverage::All, Action::Ask | Action::Deny) => return true,
            }
        }
        self.otherwise(operation).action != Action::Allow
    }

    /// Returns whether anything at all could be asked about or denied.
    pub(crate) fn has_rules_for(&self, operation: Operation) -> bool {
        self.has_rules
            .get(operation.index())
            .copied()
            .unwrap_or(true)
    }

    fn find_rules_for(&self, operation: Operation) -> bool {
        if operation.is_about_paths() {
            let root = VirtualPath::root();
            return self.evaluate(operation, &root).action != Action::Allow
                || self.has_rules_below(operation, &root);
        }
        for rule in &self.rules {
            if rule.is_about_some(operation) && rule.action() != Action::Allow {
                return true;
            }
            if rule.is_about_all(operation, &self.work_dir) {
                return false;
            }
        }
        self.otherwise(operation).action != Action::Allow
    }

    /// Returns whether anything at all could be allowed, or asked about if an approver `answers`.
    pub(crate) fn offers(&self, operation: Operation, answers: bool) -> bool {
        let may_be = |action| match action {
            Action::Allow => true,
            Action::Ask => answers,
            Action::Deny => false,
        };
        for rule in &self.rules {
            if rule.is_about_some(operation) && may_be(rule.action()) {
                return true;
            }
            if rule.is_about_all(operation, &self.work_dir) {
                return false;
            }
        }
        may_be(self.otherwise(operation).action)
    }

    /// Decides about a command: as strictly as about its strictest part.
    ///
    /// If more than the command is set, such as its environment, no pattern allows it.
    pub(crate) fn evaluate_command(
        &self,
        operation: Operation,
        command: &Command,
        sets_more: bool,
    ) -> Verdict {
        simple_commands(command)
            .into_iter()
            .map(|mut simple| {
                simple.does_more |= sets_more;
                self.evaluate_simple(operation, &simple)
            })
            .reduce(Verdict::or_stricter)
            .unwrap_or_else(|| self.otherwise(operation))
    }

    /// Decides about an operation without a path or a command.
    pub(crate) fn evaluate_sandbox(&self, operation: Operation) -> Verdict {
        self.evaluate_simple(operation, &SimpleCommand::unknown())
    }

    fn evaluate_simple(&self, operation: Operation, command: &SimpleCommand) -> Verdict {
        let mut strictest: Option<Verdict> = None;
        let mut add = |verdict: Verdict| {
            strictest = Some(strictest.map_or(verdict, |so_far| so_far.or_stricter(verdict)));
        };
        let mut decided = false;
        for (index, rule) in self.rules.iter().enumerate() {
            match rule.is_about_command(operation, command) {
                Certainty::No => {}
                // It may be the deciding rule, and so may every later one.
                Certainty::Maybe => add(Self::verdict(index, rule)),
                Certainty::Yes => {
                    add(Self::verdict(index, rule));
                    decided = true;
                    break;
                }
            }
        }
        if !decided {
            add(self.otherwise(operation));
        }
        for started in started_by(command) {
            for (index, rule) in self.rules.iter().enumerate() {
                if rule.names_command(operation, started) {
                    if rule.action() != Action::Allow {
                        add(Self::verdict(index, rule));
                    }
                    break;
                }
            }
        }
        strictest.unwrap_or_else(|| self.otherwise(operation))
    }
}

#[cfg(test)]
mod tests;
