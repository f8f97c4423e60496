//! `mkdir`: a directory and its parents.

use serde::{Deserialize, Serialize};

use crate::VirtualPath;

/// Asks for a directory to exist, with all its parents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MkdirRequest {
    /// Where.
    pub path: VirtualPath,
}

impl MkdirRequest {
    /// Makes a request for `path`.
    pub fn new(path: impl Into<VirtualPath>) -> Self {
        Self { path: path.into() }
    }
}

/// What a `mkdir` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MadeDirectory {
    /// Whether the directory is new; false if it already existed.
    pub created: bool,
}

impl MadeDirectory {
    /// Makes an outcome.
    pub fn new(created: bool) -> Self {
        Self { created }
    }
}
