//! The limits and the usage of a store.

use backend_core::{Error, Result};

/// The limits of a store. By default nothing is limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many bytes all files may have together.
    pub max_bytes: Option<u64>,
    /// How many files and directories there may be, not counting the root.
    pub max_files: Option<u64>,
    /// How many bytes one file may have.
    pub max_file_bytes: Option<u64>,
}

/// The usage of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How many files.
    pub files: u64,
    /// How many directories, not counting the root.
    pub directories: u64,
    /// How many bytes all files have together.
    pub bytes: u64,
}

impl Usage {
    pub(crate) fn file(bytes: u64) -> Self {
        Self {
            files: 1,
            directories: 0,
            bytes,
        }
    }

    pub(crate) fn directories(directories: u64) -> Self {
        Self {
            directories,
            ..Self::default()
        }
    }

    /// Returns how many files and directories.
    pub(crate) fn entries(self) -> u64 {
        self.files + self.directories
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            directories: self.directories + other.directories,
            bytes: self.bytes + other.bytes,
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            files: self.files - other.files,
            directories: self.directories - other.directories,
            bytes: self.bytes - other.bytes,
        }
    }
}

impl Limits {
    /// Checks the size of one file.
    pub(crate) fn check_file(&self, bytes: u64) -> Result<()> {
        match self.max_file_bytes {
            Some(limit) if bytes > limit => Err(exceeded("bytes in one file", limit)),
            _ => Ok(()),
        }
    }

    /// Checks a change before it is made. One that makes the store smaller is never refused.
    pub(crate) fn check(&self, now: Usage, added: Usage, removed: Usage) -> Result<()> {
        if let Some(limit) = self.max_bytes
            && added.bytes > removed.bytes
            && now.bytes + added.bytes - removed.bytes > limit
        {
            return Err(exceeded("bytes", limit));
        }
        if let Some(limit) = self.max_files
            && added.entries() > removed.entries()
            && now.entries() + added.entries() - removed.entries() > limit
        {
            return Err(exceeded("files and directories", limit));
        }
        Ok(())
    }
}

fn exceeded(what: &str, limit: u64) -> Error {
    Error::QuotaExceeded {
        what: what.to_owned(),
        limit,
    }
}
