//! What a path of the command line leads to.

use backend_core::{Backend, EntryKind, ErrorKind, StatRequest, VirtualPath};

use crate::failure::Result;

/// Returns whether a directory, or a link to one, is at a path.
///
/// # Errors
///
/// Those of a `stat`, except `not_found`.
pub(crate) async fn is_directory(backend: &dyn Backend, path: &VirtualPath) -> Result<bool> {
    match backend.stat_with(&StatRequest::new(path)).await {
        Ok(entry) => Ok(entry.target.unwrap_or(entry.kind) == EntryKind::Directory),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(false),
            _ => Err(error.into()),
        },
    }
}
