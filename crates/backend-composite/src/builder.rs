//! How a composite is put together.

use std::sync::Arc;

use backend_core::{Backend, Error, IntoPath, Result};

use crate::CompositeBackend;
use crate::routes::{Mount, Routes};

/// Puts a [`CompositeBackend`] together.
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

    /// Shows the root of a backend at `path`. A text that is no path is told by [`build`](Self::build).
    #[must_use]
    pub fn mount(mut self, path: impl IntoPath, backend: Arc<dyn Backend>) -> Self {
        match path.into_path() {
            Ok(at) => self.mounts.push(Mount { at, backend }),
            Err(error) => self.refused = self.refused.or(Some(error)),
        }
        self
    }

    /// Makes the composite.
    ///
    /// # Errors
    ///
    /// `invalid_path` for the first text that is none; `invalid_request` for a mount at the root, and for two at one
    /// place.
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
