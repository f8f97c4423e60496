//! The builder of a composite.

use std::sync::Arc;

use backend_core::{Backend, Error, IntoPath, Result};

use crate::CompositeBackend;
use crate::routes::{Mount, Routes};

/// Builds a [`CompositeBackend`].
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use backend_composite::CompositeBackend;
/// use backend_state::StateBackend;
///
/// let workspace = CompositeBackend::builder(Arc::new(StateBackend::new()))
///     .mount("/memories", Arc::new(StateBackend::new()))
///     .mount("/skills/shared", Arc::new(StateBackend::new()))
///     .build()?;
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Debug)]
pub struct CompositeBuilder<D: Backend + ?Sized = dyn Backend> {
    default: Arc<D>,
    mounts: Vec<Mount>,
    refused: Option<Error>,
}

impl<D: Backend + ?Sized> CompositeBuilder<D> {
    pub(crate) fn new(default: Arc<D>) -> Self {
        Self {
            default,
            mounts: Vec::new(),
            refused: None,
        }
    }

    /// Mounts the root of a backend at `path`. An invalid path is reported by [`build`](Self::build).
    #[must_use]
    pub fn mount(mut self, path: impl IntoPath, backend: Arc<dyn Backend>) -> Self {
        match path.into_path() {
            Ok(at) => self.mounts.push(Mount { at, backend }),
            Err(error) => self.refused = self.refused.or(Some(error)),
        }
        self
    }

    /// Creates the composite.
    ///
    /// # Errors
    ///
    /// `invalid_path` for the first invalid path; `invalid_request` for a mount at the root, or two at the same
    /// path.
    pub fn build(self) -> Result<CompositeBackend<D>> {
        match self.refused {
            Some(error) => Err(error),
            None => Ok(CompositeBackend {
                default: self.default,
                routes: Routes::new(self.mounts)?,
            }),
        }
    }
}
