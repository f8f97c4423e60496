//! Why a connection ended, before it becomes the `unavailable` of every call on it.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;

/// Why a connection ended. It is kept as the source of the resulting errors.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the connection was lost")]
    Lost(#[from] io::Error),
    #[error("the other side closed the connection")]
    Closed,
    #[error("the other side ended the connection: {0}")]
    Goodbye(String),
    #[error("the connection ended in the middle of a frame")]
    Truncated,
    #[error("the other side sent no hello within {0:?}")]
    NoHello(Duration),
    #[error("the other side does not speak this protocol")]
    NotThisProtocol,
    #[error(
        "the other side speaks versions {0} to {1} of the protocol, this side {2} to {3}",
        .theirs.0, .theirs.1, .ours.0, .ours.1
    )]
    Version {
        theirs: (u16, u16),
        ours: (u16, u16),
    },
    #[error("the other side broke the protocol: {0}")]
    Violation(Cow<'static, str>),
    #[error("nothing was heard from the other side for {0:?}")]
    Silent(Duration),
    #[error("the other side has read nothing for {0:?}")]
    Stalled(Duration),
    #[error("the connection was closed on this side")]
    ClosedHere,
    #[error("there is no tokio runtime to run the connection on")]
    NoRuntime,
}

impl Failure {
    /// Makes a breach of the protocol. `what` describes what the other side did.
    pub(super) fn violation(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Violation(what.into())
    }

    /// Makes a goodbye of the other side. Its reason is shown to people, so it is escaped for terminals.
    pub(super) fn goodbye(reason: &[u8]) -> Self {
        Self::Goodbye(String::from_utf8_lossy(reason).escape_debug().to_string())
    }

    /// Returns the error for a caller.
    pub(super) fn to_error(self: &Arc<Self>) -> Error {
        Error::Unavailable {
            message: self.to_string(),
            source: Some(Arc::<Self>::clone(self)),
        }
    }

    /// Returns the reason to send in a goodbye, if one can still be sent.
    pub(super) fn goodbye_reason(&self) -> Option<String> {
        match self {
            Self::Violation(what) => Some(format!("protocol violation: {what}")),
            Self::Version { .. } => Some("no common version of the protocol".to_owned()),
            Self::Silent(_) => Some("nothing was heard".to_owned()),
            Self::ClosedHere => Some("closed".to_owned()),
            Self::Lost(_)
            | Self::Closed
            | Self::Goodbye(_)
            | Self::Truncated
            | Self::NoHello(_)
            | Self::NotThisProtocol
            | Self::Stalled(_)
            | Self::NoRuntime => None,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Arc::new(failure).to_error()
    }
}
