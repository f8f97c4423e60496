//! The stable names of errors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of an [`Error`](crate::Error). JSON and text use its name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not a path.
    InvalidPath,
    /// The glob or regular expression does not parse, or is too large.
    InvalidPattern,
    /// The request is contradictory, or cannot apply to the current state.
    InvalidRequest,
    /// The path or process does not exist.
    NotFound,
    /// A directory is needed, but the path or one of its ancestors is not one.
    NotADirectory,
    /// A file is needed, but the path is a directory.
    IsADirectory,
    /// Something already exists at the path.
    AlreadyExists,
    /// The operation is refused.
    PermissionDenied,
    /// The file is not text.
    NotText,
    /// The size exceeds the limit of the operation.
    TooLarge,
    /// The text to replace is not in the file.
    NoMatch,
    /// The text to replace occurs in the file more than once.
    AmbiguousMatch,
    /// The current state is not what the caller expected.
    Conflict,
    /// A limit on the content of the workspace would be exceeded.
    QuotaExceeded,
    /// This backend or platform does not support it.
    Unsupported,
    /// The operation timed out.
    TimedOut,
    /// Something that the operation needs is gone or does not answer.
    Unavailable,
    /// An unexpected failure.
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

    /// Returns whether the same request, unchanged, can succeed later.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::TimedOut | Self::Unavailable)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
