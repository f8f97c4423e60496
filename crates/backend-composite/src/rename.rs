//! Renames: within one backend by that backend, between two by copying.

use std::sync::Arc;

use backend_core::{
    Backend, Error, RenameMode, RenameRequest, Renamed, Result, StatRequest, VirtualPath,
};

use crate::CompositeBackend;
use crate::outward::Outward;
use crate::routes::Mount;
use crate::shadow::{Wants, inner};

impl<D: Backend + ?Sized> CompositeBackend<D> {
    pub(crate) async fn rename(&self, request: &RenameRequest) -> Result<Renamed> {
        let (from, to) = (&request.from, &request.to);
        if from.is_root() || to.is_root() {
            let message = "the root cannot be moved or replaced";
            return Err(Error::invalid_request_at(&VirtualPath::root(), message));
        }
        if from == to && self.routes.pinned_by(from).is_some() {
            return Ok(Renamed::new(None));
        }
        self.check_not_pinned(from)?;
        if self.routes.pinned_by(to).is_some() {
            return Err(self.refuse_target(request).await);
        }
        let (source, target) = (self.routes.owner(from), self.routes.owner(to));
        if self.is_same(source, target) {
            self.rename_within(request, source, target).await
        } else {
            self.rename_across(request).await
        }
    }

    /// Returns why nothing can be moved to a mount point, or to a directory that leads to one.
    async fn refuse_target(&self, request: &RenameRequest) -> Error {
        let stat = StatRequest::new(&request.from);
        match self.stat_with(&stat).await {
            Err(error) => error,
            Ok(entry) if request.mode == RenameMode::CreateNew || entry.is_directory() => {
                Error::already_exists(&request.to)
            }
            Ok(_) => Error::is_a_directory(&request.to),
        }
    }

    /// Returns whether both are the same backend: it can be mounted twice, and a copy onto itself would lose the
    /// file.
    fn is_same(&self, left: Option<&Mount>, right: Option<&Mount>) -> bool {
        let address = |mount: Option<&Mount>| match mount {
            None => Arc::as_ptr(&self.default).cast::<()>(),
            Some(mount) => Arc::as_ptr(&mount.backend).cast::<()>(),
        };
        address(left) == address(right)
    }

    async fn rename_within(
        &self,
        request: &RenameRequest,
        source: Option<&Mount>,
        target: Option<&Mount>,
    ) -> Result<Renamed> {
        let mut moved = request.clone();
        moved.from = inner(source, &request.from);
        moved.to = inner(target, &request.to);
        let error = match self.backend_of(source).rename_with(&moved).await {
            Ok(renamed) => return Ok(renamed),
            Err(error) => error,
        };
        // The error is about one of the two paths, which may be below different mounts.
        if error.path() == Some(&moved.to) {
            let error = outward(error, target);
            Err(self.explain(&request.to, error, Wants::ToPut).await)
        } else {
            let error = outward(error, source);
            Err(self.explain(&request.from, error, Wants::ToLook).await)
        }
    }
}

fn outward(error: Error, mount: Option<&Mount>) -> Error {
    match mount {
        None => error,
        Some(mount) => error.outward(mount),
    }
}
