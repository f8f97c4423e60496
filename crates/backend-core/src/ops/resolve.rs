//! `resolve`: where a path leads.

use serde::{Deserialize, Serialize};

use crate::{Backend, EntryKind, Error, ErrorKind, Result, StatRequest, VirtualPath};

/// Asks for the link-free path that leads to the same place. Links are followed, including a final one.
///
/// It is for wrappers that decide by the name of a path. The answer can be outdated immediately, as with any check before
/// use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResolveRequest {
    /// The path. It need not exist.
    pub path: VirtualPath,
}

impl ResolveRequest {
    /// Makes a request for `path`.
    pub fn new(path: impl Into<VirtualPath>) -> Self {
        Self { path: path.into() }
    }
}

/// What a `resolve` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resolved {
    /// Where it leads. From the first missing part on, it is the path that was asked for.
    pub path: VirtualPath,
}

impl Resolved {
    /// Makes an outcome.
    pub fn new(path: VirtualPath) -> Self {
        Self { path }
    }
}

/// Resolves a path without links, and rejects one with a link: the protocol does not report where it leads.
pub(crate) async fn resolve_by_looking<B: Backend + ?Sized>(
    backend: &B,
    request: &ResolveRequest,
) -> Result<Resolved> {
    let path = &request.path;
    let mut from_the_top: Vec<VirtualPath> = Vec::new();
    if backend.capabilities().symlinks {
        from_the_top.extend(path.ancestors());
        from_the_top.reverse();
    }
    for at in from_the_top {
        match backend.stat_with(&StatRequest::new(at)).await {
            Ok(entry) if entry.kind == EntryKind::Symlink => {
                let reason = "it leads through a link whose target this backend does not report";
                return Err(Error::permission_denied(path, reason));
            }
            Ok(_) => {}
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => break,
                _ => return Err(error.map_path(|_| path.clone())),
            },
        }
    }
    Ok(Resolved::new(path.clone()))
}
