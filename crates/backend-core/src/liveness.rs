//! Whether a sandbox exists, as far as that is known, and what a provider knows about it.
//!
//! That a sandbox is gone is a fact that only the system running it can state. A missing answer proves nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a sandbox exists.
///
/// Only [`Gone`](Self::Gone) permits ending, forgetting or replacing a sandbox. It is stated by the system that runs the
/// sandbox (an engine, a cluster, this process) about this very sandbox. A query that failed, timed out or got no answer is
/// [`Unknown`](Self::Unknown): the sandbox may exist with all its files, and may answer the next query.
///
/// The enum is exhaustive on purpose, so that a `match` cannot overlook a state.
///
/// # Examples
///
/// ```
/// use backend_core::Liveness;
///
/// fn may_be_replaced(liveness: &Liveness) -> bool {
///     match liveness {
///         Liveness::Gone { .. } => true,
///         Liveness::Alive | Liveness::Asleep { .. } | Liveness::Unknown { .. } => false,
///     }
/// }
/// assert!(!may_be_replaced(&Liveness::unknown("the engine does not answer")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Liveness {
    /// It answers.
    Alive,
    /// It exists with its files but does not run. It can be started again: see
    /// [`SandboxProvider::resume`](crate::SandboxProvider::resume).
    Asleep {
        /// Why it does not run.
        reason: String,
    },
    /// It ended for good, along with its files that exist nowhere else.
    Gone {
        /// How it ended.
        reason: String,
    },
    /// It is unknown: the system that runs the sandbox did not answer, or could not be reached.
    Unknown {
        /// Why it is unknown.
        reason: String,
    },
}

impl Liveness {
    /// Makes [`Asleep`](Self::Asleep) with this reason.
    pub fn asleep(reason: impl Into<String>) -> Self {
        Self::Asleep {
            reason: reason.into(),
        }
    }

    /// Makes [`Gone`](Self::Gone) with this reason.
    pub fn gone(reason: impl Into<String>) -> Self {
        Self::Gone {
            reason: reason.into(),
        }
    }

    /// Makes [`Unknown`](Self::Unknown) with this reason.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            reason: reason.into(),
        }
    }

    /// Returns whether it answers. `false` does not mean that it is gone.
    pub const fn is_alive(&self) -> bool {
        matches!(self, Self::Alive)
    }

    /// Returns whether it exists but does not run.
    pub const fn is_asleep(&self) -> bool {
        matches!(self, Self::Asleep { .. })
    }

    /// Returns whether it ended for good.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// Returns whether its state is unknown.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Returns why it is not alive.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Alive => None,
            Self::Asleep { reason } | Self::Gone { reason } | Self::Unknown { reason } => {
                Some(reason)
            }
        }
    }
}

/// The state of the process that created a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// It runs; it may be this process.
    Present,
    /// It has definitely ended.
    Gone,
    /// It is unknown: it ran on another machine, or in another process namespace.
    Unknown,
}

/// What a provider knows about one sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxInfo {
    /// Whether it exists. [`Liveness::Alive`] means that it runs; whether it also answers, only the sandbox can say.
    pub liveness: Liveness,
    /// The labels that it was created with. Empty where it is gone or unknown.
    pub labels: BTreeMap<String, String>,
    /// The state of the process that created it.
    pub owner: Owner,
}

impl SandboxInfo {
    /// Makes an answer with only the liveness.
    pub const fn new(liveness: Liveness) -> Self {
        Self {
            liveness,
            labels: BTreeMap::new(),
            owner: Owner::Unknown,
        }
    }

    /// Sets the labels that it was created with.
    #[must_use]
    pub fn labels(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = labels;
        self
    }

    /// Sets the state of the process that created it.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }
}
