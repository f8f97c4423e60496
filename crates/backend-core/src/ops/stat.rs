//! `stat`: the entry at a path.

use serde::{Deserialize, Serialize};

use crate::VirtualPath;

/// Asks for the [`Entry`](crate::Entry) at a path. A link is shown, not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatRequest {
    /// Where.
    pub path: VirtualPath,
}

impl StatRequest {
    /// Makes a request for `path`.
    pub fn new(path: impl Into<VirtualPath>) -> Self {
        Self { path: path.into() }
    }
}
