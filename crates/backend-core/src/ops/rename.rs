//! `rename`: moves an entry to another path.

use serde::{Deserialize, Serialize};

use crate::{Version, VirtualPath};

/// Asks for an entry to be moved, a directory with everything in it. Missing parent directories of the target are created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RenameRequest {
    /// The entry to move. The root cannot be moved, nor a directory into itself. A link is moved, not followed.
    pub from: VirtualPath,
    /// The target. The same path as `from` changes nothing, and succeeds if the entry exists.
    pub to: VirtualPath,
    /// What happens if the target exists; [`RenameMode::CreateNew`] by default.
    pub mode: RenameMode,
}

/// What a rename does when the target exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RenameMode {
    /// It is refused with `already_exists`.
    #[default]
    CreateNew,
    /// A file or link replaces a file or link. Directories are never replaced: moving a file onto a directory is refused
    /// with `is_a_directory`, moving a directory onto anything with `already_exists`.
    Overwrite,
}

impl RenameRequest {
    /// Makes a request that never replaces anything.
    pub fn new(from: impl Into<VirtualPath>, to: impl Into<VirtualPath>) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            mode: RenameMode::CreateNew,
        }
    }

    /// Replaces a file at the target.
    #[must_use]
    pub fn overwrite(mut self) -> Self {
        self.mode = RenameMode::Overwrite;
        self
    }
}

/// What a `rename` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Renamed {
    /// The version of a file at its new path; `None` for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Whether it happened in one step. A move between two backends copies, then deletes, and is not atomic.
    pub atomic: bool,
}

impl Renamed {
    /// Makes the outcome of a move in one step.
    pub fn new(version: Option<Version>) -> Self {
        Self {
            version,
            atomic: true,
        }
    }

    /// Makes the outcome of a move that copied, then deleted.
    pub fn copied(version: Option<Version>) -> Self {
        Self {
            version,
            atomic: false,
        }
    }
}
