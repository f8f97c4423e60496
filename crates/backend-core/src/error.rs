//! The one error type. Its variants reflect what a caller can do about them.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{PathError, PathReason, ProcessId, Version, VirtualPath};

mod advice;
mod kind;
mod near;

pub use kind::ErrorKind;
pub use near::{Difference, NearMatch};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error, kept for operators. It is never part of a message, and never leaves the process.
pub type Source = Arc<dyn StdError + Send + Sync>;

/// Why an operation failed.
///
/// - [`kind`](Self::kind) is stable; programs should match on it.
/// - `Display` is one line for a log; it names only virtual paths, never host paths.
/// - [`for_model`](Self::for_model) adds advice on what to do next.
///
/// In JSON an error is an object whose `kind` is the kind in snake case.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Error {
    /// The text is not a path.
    #[error("{path}: {reason}")]
    InvalidPath {
        /// The text, escaped and truncated.
        path: String,
        /// What is wrong with it.
        reason: PathReason,
    },
    /// The glob or regular expression does not parse, or is too large.
    #[error("invalid pattern: {message}")]
    InvalidPattern {
        /// The pattern, as given.
        pattern: String,
        /// What is wrong with it, and where.
        message: String,
    },
    /// The request is contradictory, or cannot apply to the current state.
    #[error("{}{message}", near::prefix(.path.as_ref()))]
    InvalidRequest {
        /// The path, if the error is about one. The message then does not repeat it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<VirtualPath>,
        /// What is wrong with it.
        message: String,
    },
    /// The path, or the process, does not exist.
    #[error("{}: not found", near::missing(.path.as_ref(), .process.as_ref()))]
    NotFound {
        /// The path, if the error is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<VirtualPath>,
        /// The process, if the error is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<ProcessId>,
    },
    /// A directory is needed, but the path or one of its ancestors is not one.
    #[error("{path}: not a directory")]
    NotADirectory {
        /// The path.
        path: VirtualPath,
    },
    /// A file is needed, but the path is a directory.
    #[error("{path}: is a directory")]
    IsADirectory {
        /// The path.
        path: VirtualPath,
    },
    /// Something already exists at the path.
    #[error("{path}: already exists")]
    AlreadyExists {
        /// The path.
        path: VirtualPath,
    },
    /// The operation is refused.
    #[error("{path}: permission denied: {reason}")]
    PermissionDenied {
        /// The path.
        path: VirtualPath,
        /// The reason, and the source of the refusal.
        reason: String,
    },
    /// The file is not text in an encoding that can be shown and written back without loss.
    #[error("{path}: not text ({media_type}, {size} bytes)")]
    NotText {
        /// The path.
        path: VirtualPath,
        /// The size of the file in bytes.
        size: u64,
        /// A guess at its actual type, from its first bytes and its name.
        media_type: String,
    },
    /// The size exceeds the limit of the operation.
    #[error("{path}: too large: {size} bytes, at most {limit}")]
    TooLarge {
        /// The path.
        path: VirtualPath,
        /// The size, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The text to replace is not in the file.
    #[error("{path}: no match for the text to replace{}", near::describe(.near.as_deref()))]
    NoMatch {
        /// The path.
        path: VirtualPath,
        /// The index of the replacement in the request, counted from 0.
        index: usize,
        /// The nearest text in the file, if any is near.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        near: Option<Box<NearMatch>>,
    },
    /// The text to replace occurs in the file more than once.
    #[error("{path}: {count} matches for the text to replace, on lines {}", near::lines(.lines, *.count))]
    AmbiguousMatch {
        /// The path.
        path: VirtualPath,
        /// The index of the replacement in the request, counted from 0.
        index: usize,
        /// The number of matches.
        count: u64,
        /// The lines, counted from 1, on which the first matches start; at most 20.
        lines: Vec<u64>,
    },
    /// The current state is not what the caller expected.
    #[error("{path}: conflict: {reason}")]
    Conflict {
        /// The path.
        path: VirtualPath,
        /// What changed.
        reason: String,
        /// The current version, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        current: Option<Version>,
    },
    /// A limit on the content of the workspace would be exceeded.
    #[error("quota exceeded: {what}: at most {limit}")]
    QuotaExceeded {
        /// What is limited, such as `bytes` or `files`.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// This backend or platform does not support it.
    #[error("unsupported: {what}")]
    Unsupported {
        /// The unsupported operation.
        what: String,
    },
    /// The operation timed out. It changed nothing.
    #[error("{what}: timed out after {after:?}")]
    TimedOut {
        /// What took too long.
        what: String,
        /// The time limit.
        after: Duration,
    },
    /// Something that the operation needs is gone or does not answer.
    #[error("unavailable: {message}")]
    Unavailable {
        /// What is gone or does not answer.
        message: String,
        /// The cause, for operators.
        #[serde(skip)]
        #[source]
        source: Option<Source>,
    },
    /// An unexpected failure.
    #[error("{}internal error: {message}", near::prefix(.path.as_ref()))]
    Internal {
        /// The path, if the error is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<VirtualPath>,
        /// What was attempted.
        message: String,
        /// The cause, for operators.
        #[serde(skip)]
        #[source]
        source: Option<Source>,
    },
}

impl Error {
    /// Returns the kind, which is stable.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidPath { .. } => ErrorKind::InvalidPath,
            Self::InvalidPattern { .. } => ErrorKind::InvalidPattern,
            Self::InvalidRequest { .. } => ErrorKind::InvalidRequest,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::NotADirectory { .. } => ErrorKind::NotADirectory,
            Self::IsADirectory { .. } => ErrorKind::IsADirectory,
            Self::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            Self::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Self::NotText { .. } => ErrorKind::NotText,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::NoMatch { .. } => ErrorKind::NoMatch,
            Self::AmbiguousMatch { .. } => ErrorKind::AmbiguousMatch,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::QuotaExceeded { .. } => ErrorKind::QuotaExceeded,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::TimedOut { .. } => ErrorKind::TimedOut,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// Returns the path that the error is about, if it is about one.
    pub fn path(&self) -> Option<&VirtualPath> {
        match self {
            Self::NotADirectory { path }
            | Self::IsADirectory { path }
            | Self::AlreadyExists { path }
            | Self::PermissionDenied { path, .. }
            | Self::NotText { path, .. }
            | Self::TooLarge { path, .. }
            | Self::NoMatch { path, .. }
            | Self::AmbiguousMatch { path, .. }
            | Self::Conflict { path, .. } => Some(path),
            Self::Internal { path, .. }
            | Self::InvalidRequest { path, .. }
            | Self::NotFound { path, .. } => path.as_ref(),
            Self::InvalidPath { .. }
            | Self::InvalidPattern { .. }
            | Self::QuotaExceeded { .. }
            | Self::Unsupported { .. }
            | Self::TimedOut { .. }
            | Self::Unavailable { .. } => None,
        }
    }

    /// Replaces the error's path, if any, with the result of `map`. Used by wrappers that move paths.
    #[must_use]
    pub fn map_path(mut self, map: impl FnOnce(&VirtualPath) -> VirtualPath) -> Self {
        match &mut self {
            Self::NotADirectory { path }
            | Self::IsADirectory { path }
            | Self::AlreadyExists { path }
            | Self::PermissionDenied { path, .. }
            | Self::NotText { path, .. }
            | Self::TooLarge { path, .. }
            | Self::NoMatch { path, .. }
            | Self::AmbiguousMatch { path, .. }
            | Self::Conflict { path, .. }
            | Self::InvalidRequest {
                path: Some(path), ..
            }
            | Self::NotFound {
                path: Some(path), ..
            }
            | Self::Internal {
                path: Some(path), ..
            } => *path = map(path),
            _ => {}
        }
        self
    }

    /// Makes a [`NotFound`](Self::NotFound) for a path.
    pub fn not_found(path: &VirtualPath) -> Self {
        Self::NotFound {
            path: Some(path.clone()),
            process: None,
        }
    }

    /// Makes a [`NotFound`](Self::NotFound) for a process.
    pub fn unknown_process(process: &ProcessId) -> Self {
        Self::NotFound {
            path: None,
            process: Some(process.clone()),
        }
    }

    /// Makes a [`NotADirectory`](Self::NotADirectory).
    pub fn not_a_directory(path: &VirtualPath) -> Self {
        Self::NotADirectory { path: path.clone() }
    }

    /// Makes an [`IsADirectory`](Self::IsADirectory).
    pub fn is_a_directory(path: &VirtualPath) -> Self {
        Self::IsADirectory { path: path.clone() }
    }

    /// Makes an [`AlreadyExists`](Self::AlreadyExists).
    pub fn already_exists(path: &VirtualPath) -> Self {
        Self::AlreadyExists { path: path.clone() }
    }

    /// Makes a [`PermissionDenied`](Self::PermissionDenied).
    pub fn permission_denied(path: &VirtualPath, reason: impl Into<String>) -> Self {
        Self::PermissionDenied {
            path: path.clone(),
            reason: reason.into(),
        }
    }

    /// Makes a [`Conflict`](Self::Conflict).
    pub fn conflict(
        path: &VirtualPath,
        reason: impl Into<String>,
        current: Option<Version>,
    ) -> Self {
        Self::Conflict {
            path: path.clone(),
            reason: reason.into(),
            current,
        }
    }

    /// Makes an [`InvalidRequest`](Self::InvalidRequest) without a path.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::InvalidRequest {
            path: None,
            message: message.into(),
        }
    }

    /// Makes an [`InvalidRequest`](Self::InvalidRequest) about a path. `message` does not name the path: `Display` puts it
    /// in front, so a wrapper that moves paths can change it.
    pub fn invalid_request_at(path: &VirtualPath, message: impl Into<String>) -> Self {
        Self::InvalidRequest {
            path: Some(path.clone()),
            message: message.into(),
        }
    }

    /// Makes an [`InvalidPattern`](Self::InvalidPattern).
    pub fn invalid_pattern(pattern: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidPattern {
            pattern: pattern.into(),
            message: message.into(),
        }
    }

    /// Makes an [`Unsupported`](Self::Unsupported).
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    /// Makes an [`Unavailable`](Self::Unavailable) that has no other cause.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            source: None,
        }
    }

    /// Makes an [`Unavailable`](Self::Unavailable) with its cause.
    pub fn unavailable_from(
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::Unavailable {
            message: message.into(),
            source: Some(Arc::new(source)),
        }
    }

    /// Makes an [`Internal`](Self::Internal) that has no other cause. `message` says what was attempted, without host paths.
    pub fn internal(path: Option<&VirtualPath>, message: impl Into<String>) -> Self {
        Self::Internal {
            path: path.cloned(),
            message: message.into(),
            source: None,
        }
    }

    /// Makes an [`Internal`](Self::Internal) with its cause. `message` says what was attempted, without host paths.
    pub fn internal_from(
        path: Option<&VirtualPath>,
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::Internal {
            path: path.cloned(),
            message: message.into(),
            source: Some(Arc::new(source)),
        }
    }
}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        Self::InvalidPath {
            path: error.path().to_owned(),
            reason: error.reason(),
        }
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests;
