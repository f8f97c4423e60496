//! `rename`: an entry gets another path.

use serde::{Deserialize, Serialize};

use crate::{Version, VirtualPath};

/// Asks for an entry to be moved, a directory with all that is in it. Directories above the target are created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RenameRequest {
    /// What to move. The root cannot be moved, nor a directory into itself. A link is moved, not followed.
    pub from: VirtualPath,
    /// Where it goes. The same path as `from` changes nothing, and succeeds where something is there.
    pub to: VirtualPath,
    /// What happens if something is there; [`RenameMode::CreateNew`] by default.
    pub mode: RenameMode,
}

/// What a rename does when the target is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RenameMode {
    /// It is refused with `already_exists`.
    #[default]
    CreateNew,
    /// A file or link replaces a file or link. A directory never takes part: moving a file onto one is refused with
    /// `is_a_directory`, moving one onto anything with `already_exists`.
    Overwrite,
}

impl RenameRequest {
    /// Makes a request that refuses to replace anything.
    pub fn new(from: impl Into<VirtualPath>, to: impl Into<VirtualPath>) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            mode: RenameMode::CreateNew,
        }
    }

    /// Replaces a file that is at the target.
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
    /// Whether it happened in one step. A move between two backends copies, then deletes, and says false.
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
