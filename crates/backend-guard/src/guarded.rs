//! The guard itself: a backend or sandbox, the rules, and the approver.
//!
//! Every method checks first, then calls the inner backend, then checks its result.

mod approval;
mod authorization;
mod backend;
mod batch;
mod decision;
mod grep;
mod link;
mod listing;
mod prefilter;
mod sandbox;
mod subtree;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backend_core::{Backend, Capabilities};

use crate::policy::Policy;
use crate::{Approver, DEFAULT_ANSWER_TIMEOUT, Operation, Permissions};

/// How many entries below a directory a guard checks one by one before it refuses to search, move or remove it.
pub const MAX_CHECKED_ENTRIES: usize = 250_000;

/// A backend or a sandbox behind rules.
///
/// It is a [`Backend`] if the inner value is one, and likewise a [`Sandbox`](backend_core::Sandbox). Every method of
/// both checks [`Method::needs`](crate::Method::needs) before it calls the inner one, and nothing that the rules
/// withhold is returned: no content of a file that may not be read, in lines, ranges, hints, diffs or counts; no name
/// that may not be listed.
///
/// # Links
///
/// The rules apply to the requested path and to the path that it leads to; both must be allowed. The target of a link
/// is checked anew each time. `docs/permissions.md` next to the README says what a link that changes meanwhile can do.
///
/// # Refusals
///
/// A refusal is a `permission_denied` at the requested path, whether something is there or not. Its text asks the model
/// to request what it needs rather than to work around the refusal.
///
/// # Questions
///
/// Where the rules ask, the [`Approver`] decides. Without one, or if it fails or does not answer in time, the operation
/// is refused. Questions with a time limit need a tokio runtime with its timer.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> backend_core::Result<()> {
/// use backend_core::{BackendExt, ErrorKind};
/// use backend_guard::{Guarded, Preset};
/// use backend_state::StateBackend;
///
/// let workspace = StateBackend::new();
/// workspace.write("/.env", "TOKEN=1\n").await?;
///
/// let guarded = Guarded::new(workspace, Preset::ReadOnly);
/// let refused = guarded.read("/.env").await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
/// assert!(guarded.grep("TOKEN").await?.matches.is_empty());
/// # Ok(()) }
/// ```
pub struct Guarded<B> {
    inner: B,
    permissions: Permissions,
    policy: Policy,
    approver: Option<Arc<dyn Approver>>,
    answer_timeout: Option<Duration>,
    remembered: Mutex<HashSet<Remembered>>,
}

/// A permission that holds for the lifetime of the guard: an operation, and a path or a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Remembered {
    operation: Operation,
    subject: String,
}

/// Maximum number of remembered permissions. Further ones are asked again.
const MAX_REMEMBERED: usize = 100_000;

impl<B: Backend> Guarded<B> {
    /// Puts a backend behind rules. There is no approver: operations that would ask are refused.
    pub fn new(inner: B, permissions: impl Into<Permissions>) -> Self {
        let permissions = permissions.into();
        Self {
            policy: Policy::new(&permissions, inner.work_dir()),
            inner,
            permissions,
            approver: None,
            answer_timeout: Some(DEFAULT_ANSWER_TIMEOUT),
            remembered: Mutex::default(),
        }
    }

    /// Sets the approver.
    #[must_use]
    pub fn with_approver(mut self, approver: impl Approver) -> Self {
        self.approver = Some(Arc::new(approver));
        self
    }

    /// Sets how long a question waits for its answer; [`DEFAULT_ANSWER_TIMEOUT`] by default, `None` for no limit.
    #[must_use]
    pub fn with_answer_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.answer_timeout = timeout.into();
        self
    }

    /// Returns the inner value, bypassing the rules.
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// Returns the inner value, discarding the guard.
    pub fn into_inner(self) -> B {
        self.inner
    }

    /// Returns the rules.
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Forgets permanent permissions, so they are asked again.
    pub fn forget(&self) {
        self.remembered().clear();
    }

    /// Returns whether an operation could be allowed on anything at all. Do not offer a tool for one that could not.
    ///
    /// An operation that asks counts if there is an approver.
    pub fn offers(&self, operation: Operation) -> bool {
        let inside = self.inner.capabilities();
        let is_possible = match operation {
            Operation::List | Operation::Read => true,
            Operation::Write | Operation::Edit | Operation::Delete => !inside.read_only,
            Operation::Execute | Operation::Stop => inside.executes,
            Operation::Control => inside.processes,
        };
        is_possible
            && self.policy.offers(operation, self.approver.is_some())
            // A file that cannot be read cannot be edited.
            && (operation != Operation::Edit || self.offers(Operation::Read))
    }

    fn allowed_capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        let changes = [Operation::Write, Operation::Edit, Operation::Delete];
        capabilities.read_only |= !changes.into_iter().any(|change| self.offers(change));
        capabilities.executes &= self.offers(Operation::Execute);
        capabilities.processes &= capabilities.executes && self.offers(Operation::Control);
        capabilities.pty &= capabilities.executes;
        capabilities
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashSet<Remembered>> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: fmt::Debug> fmt::Debug for Guarded<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("inner", &self.inner)
            .field("permissions", &self.permissions)
            .field("is_answered", &self.approver.is_some())
            .finish_non_exhaustive()
    }
}
