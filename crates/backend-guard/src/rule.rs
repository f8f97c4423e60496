//! One rule: its scope and its action.

use std::collections::BTreeSet;

use backend_core::search::Coverage;
use backend_core::{Error, Result, VirtualPath};
use serde::{Deserialize, Serialize};

use crate::command::{Certainty, Part, SimpleCommand};
use crate::pattern::MatchOptions;
use crate::{Action, CommandPattern, Operation, PathPattern};

/// One rule of [`Permissions`](crate::Permissions): operations, the paths or commands it applies to, and the action.
///
/// It applies to all operations unless some are named, and to all paths and commands unless there are patterns. A rule
/// with path patterns applies only to paths, one with command patterns only to commands.
///
/// # Examples
///
/// ```
/// use backend_guard::{Action, Operation, Rule};
///
/// let keys = Rule::new(Action::Deny)
///     .paths(["*.pem", "/secrets/**"])?
///     .except(["/secrets/README.md"])?
///     .reason("keys are for people");
/// let tests = Rule::new(Action::Allow).commands(["cargo test"])?;
/// let notes = Rule::new(Action::Allow)
///     .operations([Operation::Write, Operation::Edit])?
///     .paths(["/notes"])?;
/// # let _ = (keys, tests, notes);
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Rule {
    action: Action,
    operations: BTreeSet<Operation>,
    paths: Vec<PathPattern>,
    except: Vec<PathPattern>,
    commands: Vec<CommandPattern>,
    ignore_case: bool,
    reason: Option<String>,
}

impl Rule {
    /// Makes a rule about everything.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            operations: BTreeSet::new(),
            paths: Vec::new(),
            except: Vec::new(),
            commands: Vec::new(),
            ignore_case: false,
            reason: None,
        }
    }

    /// Names the operations that it is about.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an operation that the patterns of the rule cannot be about.
    pub fn operations(mut self, operations: impl IntoIterator<Item = Operation>) -> Result<Self> {
        self.operations.extend(operations);
        self.checked()
    }

    /// Adds patterns of the paths that it is about.
    ///
    /// # Errors
    ///
    /// `invalid_pattern`; `invalid_request` for a rule about commands, or about operations that have no path.
    pub fn paths<T: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = T>) -> Result<Self> {
        for pattern in patterns {
            self.paths.push(PathPattern::parse(pattern.as_ref())?);
        }
        self.checked()
    }

    /// Adds path patterns that are exempt, although its other patterns match them.
    ///
    /// # Errors
    ///
    /// As [`paths`](Self::paths).
    pub fn except<T: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = T>) -> Result<Self> {
        for pattern in patterns {
            self.except.push(PathPattern::parse(pattern.as_ref())?);
        }
        self.checked()
    }

    /// Adds patterns of the commands that it is about.
    ///
    /// # Errors
    ///
    /// `invalid_pattern`; `invalid_request` for a rule about paths, or about operations that have no command.
    pub fn commands<T: AsRef<str>>(
        mut self,
        patterns: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        for pattern in patterns {
            self.commands.push(CommandPattern::parse(pattern.as_ref())?);
        }
        self.checked()
    }

    /// Makes its path patterns case-insensitive.
    ///
    /// # Errors
    ///
    /// `invalid_pattern` for a pattern without a case-insensitive form, such as `[Z-a]`.
    pub fn ignore_case(mut self) -> Result<Self> {
        self.ignore_case = true;
        self.checked()
    }

    /// Sets the reason, shown in refusals and questions. It must not reveal what the rule hides.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Returns its action.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns its reason, if any.
    pub fn why(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Returns the patterns of the paths that it is about.
    pub fn path_patterns(&self) -> &[PathPattern] {
        &self.paths
    }

    /// Returns the patterns of the commands that it is about.
    pub fn command_patterns(&self) -> &[CommandPattern] {
        &self.commands
    }

    fn checked(self) -> Result<Self> {
        let refuse = |message: String| Err(Error::invalid_request(message));
        let (has_paths, has_commands) = (self.names_paths(), !self.commands.is_empty());
        if has_paths && has_commands {
            return refuse("a rule is about paths or about commands, not both".to_owned());
        }
        for operation in &self.operations {
            if has_paths && !operation.is_about_paths() {
                let message = format!("a rule with path patterns cannot be about {operation}");
                return refuse(message);
            }
            if has_commands && !operation.is_about_commands() {
                let message = format!("a rule with command patterns cannot be about {operation}");
                return refuse(message);
            }
        }
        if self.ignore_case {
            if has_commands {
                return refuse("command patterns are always case-sensitive".to_owned());
            }
            for pattern in self.paths.iter().chain(&self.except) {
                pattern.check_folded()?;
            }
        }
        Ok(self)
    }

    fn names_paths(&self) -> bool {
        !self.paths.is_empty() || !self.except.is_empty()
    }

    fn is_about(&self, operation: Operation) -> bool {
        self.operations.is_empty() || self.operations.contains(&operation)
    }

    fn options<'a>(&self, work_dir: &'a VirtualPath) -> MatchOptions<'a> {
        MatchOptions {
            work_dir,
            ignore_case: self.ignore_case,
        }
    }

    /// Returns whether it is about everything that the operation can be done to.
    pub(crate) fn is_about_all(&self, operation: Operation, work_dir: &VirtualPath) -> bool {
        self.commands.is_empty()
            && self.coverage(operation, &VirtualPath::root(), work_dir) == Coverage::All
    }

    /// Returns whether it is about some of what the operation can be done to.
    pub(crate) fn is_about_some(&self, operation: Operation) -> bool {
        self.is_about(operation)
            && (operation.is_about_paths() || !self.names_paths())
            && (operation.is_about_commands() || self.commands.is_empty())
    }

    /// Returns whether it applies to an operation on a path.
    pub(crate) fn covers(
        &self,
        operation: Operation,
        path: &VirtualPath,
        work_dir: &VirtualPath,
    ) -> bool {
        let options = self.options(work_dir);
        let any = |patterns: &[PathPattern]| patterns.iter().any(|p| p.covers(path, options));
        self.is_about(operation)
            && self.commands.is_empty()
            && (self.paths.is_empty() || any(&self.paths))
            && !any(&self.except)
    }

    /// Returns how much of a subtree it applies to.
    pub(crate) fn coverage(
        &self,
        operation: Operation,
        path: &VirtualPath,
        work_dir: &VirtualPath,
    ) -> Coverage {
        if !self.is_about(operation) || !self.commands.is_empty() {
            return Coverage::Nothing;
        }
        let options = self.options(work_dir);
        let most =
            |patterns: &[PathPattern]| patterns.iter().map(|p| p.coverage(path, options)).max();
        let coverage = if self.paths.is_empty() {
            Coverage::All
        } else {
            most(&self.paths).unwrap_or(Coverage::Nothing)
        };
        match most(&self.except) {
            Some(Coverage::All) => Coverage::Nothing,
            Some(Coverage::Part) => coverage.min(Coverage::Part),
            Some(Coverage::Nothing) | None => coverage,
        }
    }

    /// Returns whether it applies to an operation on a command, as far as that is known.
    pub(crate) fn is_about_command(
        &self,
        operation: Operation,
        command: &SimpleCommand,
    ) -> Certainty {
        if !self.is_about(operation) || self.names_paths() {
            return Certainty::No;
        }
        if self.commands.is_empty() {
            return Certainty::Yes;
        }
        let allows = self.action == Action::Allow;
        let mut best = Certainty::No;
        for pattern in &self.commands {
            match pattern.is_about(command.as_part(), allows) {
                Certainty::Yes => return Certainty::Yes,
                Certainty::Maybe => best = Certainty::Maybe,
                Certainty::No => {}
            }
        }
        best
    }

    /// Returns whether it names a command that a launcher may start.
    pub(crate) fn names_command(&self, operation: Operation, command: Part<'_>) -> bool {
        self.is_about(operation)
            && self
                .commands
                .iter()
                .any(|pattern| pattern.is_about(command, false) == Certainty::Yes)
    }
}

/// A rule as it is written in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    action: Action,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    operations: BTreeSet<Operation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<PathPattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<PathPattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    commands: Vec<CommandPattern>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ignore_case: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl TryFrom<Document> for Rule {
    type Error = Error;

    fn try_from(document: Document) -> Result<Self> {
        let Document {
            action,
            operations,
            paths,
            except,
            commands,
            ignore_case,
            reason,
        } = document;
        Self {
            action,
            operations,
            paths,
            except,
            commands,
            ignore_case,
            reason,
        }
        .checked()
    }
}

impl From<Rule> for Document {
    fn from(rule: Rule) -> Self {
        let Rule {
            action,
            operations,
            paths,
            except,
            commands,
            ignore_case,
            reason,
        } = rule;
        Self {
            action,
            operations,
            paths,
            except,
            commands,
            ignore_case,
            reason,
        }
    }
}
