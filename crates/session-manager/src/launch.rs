//! What a start begins with, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use backend_core::{Error, SandboxId};

use crate::capacity::Permit;
use crate::entry::Resting;

/// The state of a session before its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It did not exist.
    Fresh,
    /// It was stored.
    Stored,
    /// It was hibernated, or its sandbox died.
    Asleep,
}

/// A sandbox that was started.
pub(crate) struct Started<S: ?Sized> {
    pub(crate) id: SandboxId,
    pub(crate) sandbox: Arc<S>,
    pub(crate) permit: Permit,
    pub(crate) warm: bool,
    pub(crate) moved: bool,
    /// The variables it was created with, if the session has others.
    pub(crate) env: Option<BTreeMap<String, String>>,
}

/// A failed start, and what it may have left behind.
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) remains: Option<(SandboxId, Permit)>,
    /// The session's previous sandbox, which it still has.
    pub(crate) kept: Option<Box<Resting>>,
    /// Whether the session's previous sandbox is gone.
    pub(crate) lost: bool,
    /// Whether anything about the session was stored.
    pub(crate) written: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            remains: None,
            kept: None,
            lost: false,
            written: false,
        }
    }
}

impl Failed {
    /// A record that could not be written, or not durably enough, so that it cannot be relied on.
    pub(crate) fn half_written(error: Error) -> Self {
        Self {
            written: true,
            ..Self::from(error)
        }
    }
}
