//! Keeps entries behind a mount hidden.
//!
//! A backend can have a file where the composite needs a directory that leads to a mount. Then the directory is
//! visible, and nothing can be put into the backend below it.

use backend_core::{Backend, Entry, Error, ErrorKind, Result, StatRequest, VirtualPath};

use crate::CompositeBackend;
use crate::routes::Mount;

/// The intent of a failed operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    ToLook,
    ToPut,
}

impl<D: Backend + ?Sized> CompositeBackend<D> {
    /// Returns the entry that the backend of a path has there, visible or not. The path of the entry is not
    /// mapped.
    pub(crate) async fn behind(&self, path: &VirtualPath) -> Result<Entry> {
        let mount = self.routes.owner(path);
        let request = StatRequest::new(inner(mount, path));
        self.backend_of(mount).stat_with(&request).await
    }

    /// Explains `not_a_directory` where the file in the way is hidden.
    pub(crate) async fn explain(&self, path: &VirtualPath, error: Error, wants: Wants) -> Error {
        if error.kind() != ErrorKind::NotADirectory {
            return error;
        }
        for directory in self.routes.leading_above(path) {
            if matches!(self.behind(&directory).await, Ok(entry) if !entry.is_directory()) {
                return match wants {
                    Wants::ToLook => Error::not_found(path),
                    Wants::ToPut => Error::permission_denied(
                        path,
                        "a file that a mount hides is where its directory would be",
                    ),
                };
            }
        }
        error
    }
}

/// Returns the path as the backend of a mount, or the default, knows it.
pub(crate) fn inner(mount: Option<&Mount>, path: &VirtualPath) -> VirtualPath {
    match mount {
        None => path.clone(),
        Some(mount) => mount.inner(path),
    }
}
