//! The options for opening a directory.

use std::path::PathBuf;
use std::sync::Arc;

use backend_core::Result;

use crate::{Durability, FsBackend, Root};

/// Builds an [`FsBackend`] with options. Created by [`FsBackend::builder`].
///
/// # Examples
///
/// ```
/// use backend_fs::{Durability, FsBackend};
///
/// # let here = tempfile::tempdir().unwrap();
/// # let dir = here.path().join("workspace");
/// let backend = FsBackend::builder(&dir).create_root().durability(Durability::Full).build()?;
/// # drop(backend);
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct FsBackendBuilder {
    dir: PathBuf,
    options: Options,
}

/// The options of a root.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) create_root: bool,
    pub(crate) read_only: bool,
    pub(crate) durability: Durability,
    pub(crate) links_within_root: bool,
}

impl FsBackendBuilder {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            options: Options::default(),
        }
    }

    /// Creates the directory and its ancestors if missing. By default it must exist.
    pub fn create_root(mut self) -> Self {
        self.options.create_root = true;
        self
    }

    /// Refuses every change with `permission_denied`.
    pub fn read_only(mut self) -> Self {
        self.options.read_only = true;
        self
    }

    /// Sets what a power loss can lose. [`Durability::Content`] by default: never existing content.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// Takes an absolute link as a path from the root of this backend, and a `..` above the root as the root,
    /// as in a chroot. By default such a link leads outside, and access through it is refused.
    ///
    /// If the root is `/`, this is always so.
    pub fn links_within_root(mut self) -> Self {
        self.options.links_within_root = true;
        self
    }

    /// Opens the directory. It stays open from now on: renaming it, or putting something else in its place,
    /// does not redirect the backend.
    ///
    /// This is a blocking call of a few microseconds.
    ///
    /// # Errors
    ///
    /// `invalid_request` if it does not exist or is not a directory; `permission_denied` if it cannot be
    /// opened; `unsupported` on a platform other than Unix. No error names the directory.
    pub fn build(self) -> Result<FsBackend> {
        let root = Root::open(&self.dir, self.options)?;
        Ok(FsBackend::from_root(Arc::new(root)))
    }
}

impl std::fmt::Debug for FsBackendBuilder {
    /// Shows the options, but not the directory: logs may reach an agent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FsBackendBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
