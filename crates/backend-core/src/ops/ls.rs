//! `ls`: the entries of a directory.

use serde::{Deserialize, Serialize};

use crate::VirtualPath;

/// How many entries a listing returns by default.
pub const DEFAULT_LS_LIMIT: usize = 10_000;

/// Asks for the entries of a directory: directories first, then everything else, each in byte order of names.
///
/// Hidden and ignored entries are listed: only searches skip them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LsRequest {
    /// The directory. A link to a directory inside the workspace is followed.
    pub path: VirtualPath,
    /// The maximum number of entries; [`DEFAULT_LS_LIMIT`] by default.
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

    /// Sets the maximum number of entries.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}
