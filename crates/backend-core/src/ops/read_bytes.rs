//! `read_bytes`: a file, or a range of it, byte for byte.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Version, VirtualPath};

/// How many bytes one read returns at most by default: 256 MiB.
pub const DEFAULT_READ_BYTES: u64 = 256 << 20;

/// Asks for the bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReadBytesRequest {
    /// The file. A link is followed inside the workspace.
    pub path: VirtualPath,
    /// The part to read, in bytes; the whole file by default. An end past the file's end is clamped; a start past it is an
    /// `invalid_request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range<u64>>,
    /// The maximum number of bytes; more is refused with `too_large`. [`DEFAULT_READ_BYTES`] by default.
    pub limit: u64,
}

impl ReadBytesRequest {
    /// Makes a request for the whole file.
    pub fn new(path: impl Into<VirtualPath>) -> Self {
        Self {
            path: path.into(),
            range: None,
            limit: DEFAULT_READ_BYTES,
        }
    }

    /// Sets the part to read.
    #[must_use]
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    /// Sets the maximum number of bytes.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the part to read of a file of `size` bytes. Every backend uses it.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` for a range that ends before it starts or starts past the end of the file, and
    /// `too_large` for more than the limit.
    pub fn resolve(&self, size: u64) -> Result<Range<u64>> {
        let range = self.range.clone().unwrap_or(0..size);
        if range.start > range.end {
            return Err(Error::invalid_request_at(
                &self.path,
                format!(
                    "the range ends at {} before it starts at {}",
                    range.end, range.start
                ),
            ));
        }
        if range.start > size {
            return Err(Error::invalid_request_at(
                &self.path,
                format!(
                    "the range starts at byte {}, past the end of the file at {size}",
                    range.start
                ),
            ));
        }
        let end = range.end.min(size);
        let length = end - range.start;
        if length > self.limit {
            return Err(Error::TooLarge {
                path: self.path.clone(),
                size: length,
                limit: self.limit,
            });
        }
        Ok(range.start..end)
    }
}

/// What a `read_bytes` returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Content {
    /// The requested bytes.
    pub bytes: Bytes,
    /// The size of the whole file.
    pub size: u64,
    /// The version of the file that the bytes belong to.
    pub version: Version,
}

impl Content {
    /// Makes an outcome.
    pub fn new(bytes: Bytes, size: u64, version: Version) -> Self {
        Self {
            bytes,
            size,
            version,
        }
    }
}
