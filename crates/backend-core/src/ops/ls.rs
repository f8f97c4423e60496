//! `ls`: what is in a directory.

use serde::{Deserialize, Serialize};

use crate::VirtualPath;

/// How many entries a listing returns unless asked otherwise.
pub const DEFAULT_LS_LIMIT: usize = 10_000;

/// Asks for the entries of a directory: directories first, then everything else, each in byte order of names.
///
/// Hidden and ignored entries are listed: it is searches that skip them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LsRequest {
    /// The directory. A link to a directory inside the workspace is followed.
    pub path: VirtualPath,
    /// How many entries to return at most; [`DEFAULT_LS_LIMIT`] by default.
    pub limit: usize,
}

impl LsRequest {
    /// Makes a request for `path`.
    pub fn new(path: impl Into<VirtualPath>) -> Self {
        Self {
            path: path.into(),
            limit: DEFAULT_LS_LIMIT,
        }
    }

    /// Sets how many entries to return at most.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}
