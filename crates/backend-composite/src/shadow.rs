//! What is behind a mount, and how it is kept from being seen.
//!
//! A backend can have a file where a directory has to be that leads to a mount. The directory is what is seen then, and
//! nothing can be put into the backend below it.

use backend_core::{Backend, Entry, Error, ErrorKind, Result, StatRequest, VirtualPath};

use crate::CompositeBackend;
use crate::routes::Mount;

/// What an operation that failed wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    ToLook,
    ToPut,
}

impl<D: Backend + ?Sized> CompositeBackend<D> {
    /// Returns what the backend of a path has there, seen or not. The path of the entry is not moved.
    pub(crate) async fn behind(&self, path: &VirtualPath) -> Result<Entry> {
        let mount = self.routes.owner(path);
        let request = StatRequest::new(inner(mount, path));
        self.backend_of(mount).stat_with(&request).await
    }

    /// Makes sense of `not_a_directory` where what is in the way cannot be seen.
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

/// Returns the path that the backend of a mount, or the default, knows.
pub(crate) fn inner(mount: Option<&Mount>, path: &VirtualPath) -> VirtualPath {
    match mount {
        None => path.clone(),
        Some(mount) => mount.inner(path),
    }
}
