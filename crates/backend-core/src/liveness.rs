//! Whether a sandbox is there, as far as it can be told, and what a provider knows of it.
//!
//! That a sandbox is gone is a fact, and only whoever runs it can state it. That it does not answer is none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a sandbox is there.
///
/// Only [`Gone`](Self::Gone) allows to end a sandbox, to forget it, or to replace it. It is said by whoever runs the sandbox
/// (an engine, a cluster, this process) about this very sandbox. A question that failed, ran out of time or was not answered is
/// [`Unknown`](Self::Unknown): the sandbox may be there with all its files, and may answer the next question.
///
/// The enum is exhaustive on purpose, so that a `match` cannot overlook one of the answers.
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
    /// It exists with its files and does not run. It can be started again: see
    /// [`SandboxProvider::resume`](crate::SandboxProvider::resume).
    Asleep {
        /// Why it does not run.
        reason: String,
    },
    /// It ended for good, and its files that were in no other place ended with it.
    Gone {
        /// How it ended.
        reason: String,
    },
    /// It cannot be told: whoever runs it did not answer, or it was not reached.
    Unknown {
        /// Why it cannot be told.
        reason: String,
    },
}

impl Liveness {
    /// It exists and does not run, for this reason.
    pub fn asleep(reason: impl Into<String>) -> Self {
        Self::Asleep {
            reason: reason.into(),
        }
    }

    /// It ended for good, for this reason.
    pub fn gone(reason: impl Into<String>) -> Self {
        Self::Gone {
            reason: reason.into(),
        }
    }

    /// It cannot be told, for this reason.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            reason: reason.into(),
        }
    }

    /// Returns whether it answers. A `false` does not mean that it is gone.
    pub const fn is_alive(&self) -> bool {
        matches!(self, Self::Alive)
    }

    /// Returns whether it exists and does not run.
    pub const fn is_asleep(&self) -> bool {
        matches!(self, Self::Asleep { .. })
    }

    /// Returns whether it ended for good.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// Returns whether it cannot be told.
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

/// What has become of the process that made a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// It runs, this process included.
    Present,
    /// It has certainly ended.
    Gone,
    /// It cannot be told: it ran on another machine, or among other processes.
    Unknown,
}

/// What a provider knows of one sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxInfo {
    /// Whether it is there. [`Liveness::Alive`] says that it runs; whether it also answers is for the sandbox to say.
    pub liveness: Liveness,
    /// The labels that it was made with. Empty where it is gone or cannot be told.
    pub labels: BTreeMap<String, String>,
    /// What has become of the process that made it.
    pub owner: Owner,
}

impl SandboxInfo {
    /// Makes the answer about a sandbox of which nothing but its liveness is known.
    pub const fn new(liveness: Liveness) -> Self {
        Self {
            liveness,
            labels: BTreeMap::new(),
            owner: Owner::Unknown,
        }
    }

    /// Sets the labels that it was made with.
    #[must_use]
    pub fn labels(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = labels;
        self
    }

    /// Sets what has become of the process that made it.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }
}
