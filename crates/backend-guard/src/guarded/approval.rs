//! Asking: one question, one answer, and which answers are remembered. The wording of refusals.

use std::collections::BTreeSet;

use backend_core::{Backend, Command, Error, ExecRequest, VirtualPath};

use super::{Guarded, MAX_REMEMBERED, Remembered};
use crate::policy::Verdict;
use crate::{Answer, Ask, MAX_SHOWN_ASKS, Operation, Question};

/// Which path of a request a refusal is about. The message only ever names the requested path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Path,
    /// The target that it leads to.
    Target,
    /// Something in it.
    Contents,
}

impl<B: Backend> Guarded<B> {
    /// Asks the approver. An error is the reason of the refusal.
    pub(super) async fn ask_approver(
        &self,
        mut question: Question,
        asks: BTreeSet<Ask>,
    ) -> Result<(), String> {
        let doing = asks.first().map_or("this", |ask| ask.operation.doing());
        let Some(approver) = &self.approver else {
            return Err(format!("{doing} needs approval, but there is no approver"));
        };
        question.asks = asks.iter().take(MAX_SHOWN_ASKS).cloned().collect();
        question.more = asks.len().saturating_sub(MAX_SHOWN_ASKS) as u64;
        let answer = match self.answer_timeout {
            None => approver.ask(&question).await,
            Some(time) => match tokio::time::timeout(time, approver.ask(&question)).await {
                Ok(answer) => answer,
                Err(_) => {
                    return Err(format!(
                        "{doing} needs approval, but no answer came in time"
                    ));
                }
            },
        };
        match answer {
            Ok(Answer::Allow) => Ok(()),
            Ok(Answer::AllowAlways) => {
                self.remember(
                    &asks,
                    &command_key(question.command.as_ref(), question.request.as_ref()),
                );
                Ok(())
            }
            Ok(Answer::Deny { reason: None }) => Err(format!("{doing} was not approved")),
            Ok(Answer::Deny {
                reason: Some(reason),
            }) => Err(format!("{doing} was not approved: {reason}")),
            Err(_) => Err(format!("{doing} needs approval, but asking for it failed")),
        }
    }

    /// Returns whether it was allowed permanently.
    pub(super) fn is_remembered(&self, operation: Operation, subject: &str) -> bool {
        let subject = Remembered {
            operation,
            subject: subject.to_owned(),
        };
        self.remembered().contains(&subject)
    }

    fn remember(&self, asks: &BTreeSet<Ask>, command: &str) {
        let mut remembered = self.remembered();
        for ask in asks {
            if remembered.len() >= MAX_REMEMBERED {
                return;
            }
            remembered.insert(Remembered {
                operation: ask.operation,
                subject: match &ask.path {
                    Some(path) => path.as_str().to_owned(),
                    None => command.to_owned(),
                },
            });
        }
    }

    /// Makes the error for a denied operation.
    pub(super) fn denied(
        &self,
        shown: &VirtualPath,
        operation: Operation,
        verdict: Verdict,
        subject: Subject,
    ) -> Error {
        let doing = operation.doing();
        let mut reason = match subject {
            Subject::Path => format!("the rules of this workspace do not allow {doing}"),
            Subject::Target => {
                format!(
                    "the rules of this workspace do not allow {doing}, because of the link's target"
                )
            }
            Subject::Contents => {
                format!("the rules of this workspace do not allow {doing}, because of its contents")
            }
        };
        // For another path, not even the reason is given.
        if subject == Subject::Path
            && let Some(why) = self.policy.rule(verdict).and_then(|rule| rule.why())
        {
            reason.push_str(": ");
            reason.push_str(why);
        }
        Error::permission_denied(shown, reason)
    }
}

/// The key of a remembered command: its exact words and everything that it is given.
pub(super) fn command_key(command: Option<&Command>, request: Option<&ExecRequest>) -> String {
    let Some(command) = command else {
        return String::new();
    };
    match request {
        None => format!("{command:?}"),
        Some(request) => {
            let ExecRequest {
                cwd,
                env,
                stdin,
                user,
                ..
            } = request;
            format!("{command:?} {cwd:?} {env:?} {stdin:?} {user:?}")
        }
    }
}

/// Makes an ask of a verdict.
pub(super) fn make_ask<B: Backend>(
    guard: &Guarded<B>,
    operation: Operation,
    path: Option<&VirtualPath>,
    verdict: Verdict,
) -> Ask {
    Ask {
        path: path.cloned(),
        operation,
        rule: verdict.rule,
        reason: guard
            .policy
            .rule(verdict)
            .and_then(|rule| rule.why())
            .map(str::to_owned),
    }
}
