//! The target of a path: its links, resolved by the inner backend.

use backend_core::{Backend, ResolveRequest, Result, VirtualPath};

use super::Guarded;

/// What a method does with a link at the path itself. Links above it are always followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FollowLast {
    Yes,
    No,
}

impl<B: Backend> Guarded<B> {
    /// Returns the path that a path leads to, links resolved.
    pub(super) async fn resolve(
        &self,
        path: &VirtualPath,
        last: FollowLast,
    ) -> Result<VirtualPath> {
        match (last, path.parent(), path.name()) {
            (FollowLast::No, Some(parent), Some(name)) => {
                let parent = self.resolve_whole(&parent).await;
                let parent = parent.map_err(|error| error.map_path(|_| path.clone()))?;
                Ok(parent.child(name)?)
            }
            _ => self.resolve_whole(path).await,
        }
    }

    async fn resolve_whole(&self, path: &VirtualPath) -> Result<VirtualPath> {
        let resolved = self.inner.resolve_with(&ResolveRequest::new(path)).await?;
        Ok(resolved.path)
    }
}
