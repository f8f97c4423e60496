//! Questions, and the approver that answers them.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use backend_core::{Command, ExecRequest, Result, VirtualPath};
use serde::{Deserialize, Serialize};

use crate::{Method, Operation};

/// Default time limit of an answer: 5 minutes.
pub const DEFAULT_ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Maximum number of items that a question names; [`Question::more`] counts the others.
pub const MAX_SHOWN_ASKS: usize = 100;

/// Answers the questions of rules: a person behind a dialogue, or a program.
///
/// Several questions can be open at a time. If its caller is dropped, a question is dropped with its future.
///
/// A synchronous closure is an approver too.
///
/// # Examples
///
/// ```
/// use backend_guard::{Answer, Approver, Question};
///
/// fn takes(_: impl Approver) {}
/// takes(|question: &Question| match &question.command {
///     Some(_) => Answer::deny(),
///     None => Answer::AllowAlways,
/// });
/// ```
#[async_trait]
pub trait Approver: Send + Sync + 'static {
    /// Answers a question.
    ///
    /// # Errors
    ///
    /// Any, if asking is not possible. The operation is then refused.
    ///
    /// # Cancellation
    ///
    /// The future is dropped when the caller is dropped or the time limit is over.
    async fn ask(&self, question: &Question) -> Result<Answer>;
}

#[async_trait]
impl<F> Approver for F
where
    F: Fn(&Question) -> Answer + Send + Sync + 'static,
{
    async fn ask(&self, question: &Question) -> Result<Answer> {
        Ok(self(question))
    }
}

/// The answer of an [`Approver`]. It covers everything that the question names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// The operation is performed, this time.
    Allow,
    /// The operation is performed, and so is the same operation on the same path, or the same command with the same
    /// directory, environment, input and user, for the lifetime of the guard.
    AllowAlways,
    /// The operation is refused.
    Deny {
        /// The message for the model, such as what to do instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Answer {
    /// Refuses without a reason.
    pub fn deny() -> Self {
        Self::Deny { reason: None }
    }

    /// Refuses with a message for the model: why, or what to do instead.
    pub fn deny_because(reason: impl Into<String>) -> Self {
        Self::Deny {
            reason: Some(reason.into()),
        }
    }
}

/// The question to an [`Approver`]: one call of one method, with everything in it that a rule asks about.
///
/// `Display` is a text for a person. It escapes control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Question {
    /// The method that was called.
    pub method: Method,
    /// The path that it was called with; for a command, its directory.
    pub path: VirtualPath,
    /// For a move, the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<VirtualPath>,
    /// The command, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// The whole request of a command that is about to start: its environment, its input, its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ExecRequest>,
    /// The items to be allowed, in path order; at most [`MAX_SHOWN_ASKS`]. A search names the files that it would read.
    pub asks: Vec<Ask>,
    /// Number of further items to be allowed.
    #[serde(default)]
    pub more: u64,
}

/// One item to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ask {
    /// The path, if there is one. It can differ from the requested path: the target of a link, or an entry of a
    /// directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<VirtualPath>,
    /// The operation that would be performed.
    pub operation: Operation,
    /// The rule that asks, by its place in [`Permissions::rules`](crate::Permissions::rules); `None` if it is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The reason that the rule gives, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.command, &self.target) {
            (Some(Command::Shell(line)), _) => {
                write!(
                    f,
                    "{} in {}: {}",
                    self.method,
                    self.path,
                    line.escape_debug()
                )?;
            }
            (Some(Command::Argv(argv)), _) => {
                write!(f, "{} in {}: {argv:?}", self.method, self.path)?;
            }
            (Some(_), _) => write!(f, "{} in {}", self.method, self.path)?,
            (None, Some(target)) => write!(f, "{} {} to {target}", self.method, self.path)?,
            (None, None) => write!(f, "{} {}", self.method, self.path)?,
        }
        if let Some(request) = &self.request {
            for (name, value) in &request.env {
                write!(
                    f,
                    "\n- with {}={}",
                    name.escape_debug(),
                    value.escape_debug()
                )?;
            }
            if !request.stdin.is_empty() {
                write!(f, "\n- with {} bytes of input", request.stdin.len())?;
            }
            if let Some(user) = &request.user {
                write!(f, "\n- as {}", user.escape_debug())?;
            }
        }
        let is_plain = self.command.is_some() || self.asks.len() == 1 && self.more == 0;
        for ask in &self.asks {
            let path = ask
                .path
                .as_ref()
                .filter(|path| !is_plain || **path != self.path);
            match (path, &ask.reason) {
                (Some(path), Some(reason)) => write!(f, "\n- {} {path} ({reason})", ask.operation)?,
                (Some(path), None) => write!(f, "\n- {} {path}", ask.operation)?,
                (None, Some(reason)) => write!(f, " ({reason})")?,
                (None, None) => {}
            }
        }
        if self.more > 0 {
            write!(f, "\n- and {} more", self.more)?;
        }
        Ok(())
    }
}
