//! The builder of a store: its limits, its clock, its initial content.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::StateBackend;
use crate::directory::Directory;
use crate::document::{Document, DocumentError};
use crate::limits::Limits;
use crate::store::{Clock, Store};
use crate::versions::Versions;

/// Builds a [`StateBackend`] with limits, or with the content of a document.
///
/// # Examples
///
/// ```
/// use backend_state::StateBackend;
///
/// let backend = StateBackend::builder().max_bytes(64 << 20).max_files(10_000).build();
/// assert_eq!(backend.limits().max_bytes, Some(64 << 20));
/// ```
#[derive(Clone)]
pub struct StateBackendBuilder {
    limits: Limits,
    clock: Clock,
    versions: Versions,
}

impl StateBackendBuilder {
    pub(crate) fn new() -> Self {
        Self {
            limits: Limits::default(),
            clock: Arc::new(SystemTime::now),
            versions: Versions::default(),
        }
    }

    /// Sets how many bytes all files may have together. Unlimited by default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.limits.max_bytes = Some(bytes);
        self
    }

    /// Sets how many files and directories there may be, not counting the root. Unlimited by default.
    #[must_use]
    pub fn max_files(mut self, files: u64) -> Self {
        self.limits.max_files = Some(files);
        self
    }

    /// Sets how many bytes one file may have. Unlimited by default.
    #[must_use]
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.limits.max_file_bytes = Some(bytes);
        self
    }

    /// Sets the clock for modified times; [`SystemTime::now`] by default.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Derives the versions of files from their content and time, so that a store that is loaded from a document knows the
    /// versions that an earlier one gave. Each write then costs a pass over the content. Off by default.
    #[must_use]
    pub fn derived_versions(mut self, derived: bool) -> Self {
        self.versions = if derived {
            Versions::Derived
        } else {
            Versions::Unique
        };
        self
    }

    /// Creates an empty store.
    pub fn build(self) -> StateBackend {
        let root = Arc::new(Directory::new((self.clock)()));
        StateBackend::from_store(Store::new(root, self.limits, self.clock, self.versions))
    }

    /// Creates a store with the content of a document. Entries without a time in the document are modified now.
    ///
    /// # Errors
    ///
    /// Returns [`DocumentError::Limit`] if the content is more than the limits allow, and other variants for a document
    /// that contradicts itself.
    pub fn load(self, document: &Document) -> Result<StateBackend, DocumentError> {
        let root = document.to_root(&self.limits, (self.clock)(), self.versions)?;
        Ok(StateBackend::from_store(Store::new(
            Arc::new(root),
            self.limits,
            self.clock,
            self.versions,
        )))
    }
}

impl fmt::Debug for StateBackendBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateBackendBuilder")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
