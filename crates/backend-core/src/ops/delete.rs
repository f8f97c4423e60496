//! `delete`: a file, a link, or a directory.

use serde::{Deserialize, Serialize};

use crate::{Version, VirtualPath};

/// Asks for an entry to be removed. A link is removed, not what it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeleteRequest {
    /// What to remove. The root cannot be removed.
    pub path: VirtualPath,
    /// Whether a directory is removed with everything in it. Otherwise a non-empty one is refused.
    pub recursive: bool,
    /// The version that a file must have; anything else is a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Version>,
}

impl DeleteRequest {
    /// Makes a request that removes a file, a link or an empty directory.
    pub fn new(path: impl Into<VirtualPath>) -> Self {
        Self {
            path: path.into(),
            recursive: false,
            expected: None,
        }
    }

    /// Removes a directory with everything in it.
    #[must_use]
    pub fn recursive(mut self) -> Self {
        self.recursive = true;
        self
    }

    /// Refuses with a conflict unless the file has this version.
    #[must_use]
    pub fn expect(mut self, version: Version) -> Self {
        self.expected = Some(version);
        self
    }
}

/// What a `delete` removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deleted {
    /// The number of removed entries, including the named one.
    pub entries: u64,
}

impl Deleted {
    /// Makes an outcome.
    pub fn new(entries: u64) -> Self {
        Self { entries }
    }
}
