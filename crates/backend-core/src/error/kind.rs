//! The stable names of errors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of [`Error`](crate::Error) it is. In JSON and in text it is written in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not a path.
    InvalidPath,
    /// The glob or regular expression does not parse, or is too large.
    InvalidPattern,
    /// The request contradicts itself, or cannot apply to what is there.
    InvalidRequest,
    /// Nothing is there.
    NotFound,
    /// A directory is needed, and this is something else.
    NotADirectory,
    /// A file is needed, and this is a directory.
    IsADirectory,
    /// Something is there already.
    AlreadyExists,
    /// The operation is refused.
    PermissionDenied,
    /// The file is not text.
    NotText,
    /// More than the operation takes at once.
    TooLarge,
    /// The text to replace is not in the file.
    NoMatch,
    /// The text to replace is in the file more than once.
    AmbiguousMatch,
    /// What is there is not what the caller expected.
    Conflict,
    /// A limit on what the workspace holds would be exceeded.
    QuotaExceeded,
    /// This backend, or this platform, cannot do it.
    Unsupported,
    /// The operation ran out of time.
    TimedOut,
    /// What the operation needs is gone or does not answer.
    Unavailable,
    /// Something failed that should not have.
    Internal,
}

impl ErrorKind {
    /// Returns the name in snake case, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidPath => "invalid_path",
            Self::InvalidPattern => "invalid_pattern",
            Self::InvalidRequest => "invalid_request",
            Self::NotFound => "not_found",
            Self::NotADirectory => "not_a_directory",
            Self::IsADirectory => "is_a_directory",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::NotText => "not_text",
            Self::TooLarge => "too_large",
            Self::NoMatch => "no_match",
            Self::AmbiguousMatch => "ambiguous_match",
            Self::Conflict => "conflict",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Unsupported => "unsupported",
            Self::TimedOut => "timed_out",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Returns whether the same request can succeed later although nobody changed it.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::TimedOut | Self::Unavailable)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
