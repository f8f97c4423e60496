//! `write`: the whole content of a file.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Version, VirtualPath};

/// Asks for a file to have this content. Missing parent directories are created.
///
/// The write is atomic: a concurrent reader, or one after a failure or a crash, sees the old content or the new one. An
/// existing file keeps its mode. A link is followed inside the workspace, and stays a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WriteRequest {
    /// The file.
    pub path: VirtualPath,
    /// The new content, byte for byte.
    pub content: Bytes,
    /// What happens if something exists; [`WriteMode::Overwrite`] by default.
    pub mode: WriteMode,
}

/// What a write does depending on whether the file exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WriteMode {
    /// The file is replaced, or created.
    #[default]
    Overwrite,
    /// The file is created. If anything exists there, the write is refused with `already_exists`.
    CreateNew,
    /// The file is replaced if it has this version. A different version, or a missing file, is a `conflict`.
    IfVersion(Version),
}

impl WriteRequest {
    /// Makes a request that replaces or creates.
    pub fn new(path: impl Into<VirtualPath>, content: impl Into<Bytes>) -> Self {
        Self {
            path: path.into(),
            content: content.into(),
            mode: WriteMode::Overwrite,
        }
    }

    /// Sets what happens depending on whether the file exists.
    #[must_use]
    pub fn mode(mut self, mode: WriteMode) -> Self {
        self.mode = mode;
        self
    }
}

/// What a `write` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Written {
    /// The version of what was written.
    pub version: Version,
    /// Whether the file is new.
    pub created: bool,
    /// Its size in bytes.
    pub size: u64,
}

impl Written {
    /// Makes an outcome.
    pub fn new(version: Version, created: bool, size: u64) -> Self {
        Self {
            version,
            created,
            size,
        }
    }
}
