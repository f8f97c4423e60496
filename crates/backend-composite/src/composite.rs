//! The composite itself, and how it asks the backend of a path.

use std::any::TypeId;
use std::sync::Arc;

use backend_core::{Backend, Capabilities, VirtualPath};

use crate::builder::CompositeBuilder;
use crate::routes::{Mount, Routes};

/// Several backends as one workspace: a default, and others mounted at paths below its root.
///
/// A path belongs to the longest mount that is a prefix of it, segment by segment. That backend sees the path without the
/// mount's own; every path that it returns gets it back, also in errors.
///
/// # Mount points
///
/// A mount point and the directories that lead to it always exist. They can be listed, but not deleted, moved or written
/// to. Entries of the default at or below a mount point are hidden from every operation, and never changed.
///
/// # Searches
///
/// A glob or a grep at a directory with mounts below it asks all of them at once and merges their results in path order. A
/// backend that fails is named in `failures` along with the results of the others; the search itself fails if the request
/// is wrong, or no backend answered. Ignore files of one backend do not apply to another. A mount below a hidden name is
/// skipped like a hidden directory.
///
/// # Moves
///
/// A rename from one backend to another copies, then deletes: first everything is copied, and the copies are removed again
/// if that fails; then the source is deleted file by file, each only if it is still the version that was copied. Links
/// cannot be copied. Dropping the future in between leaves a partial copy.
///
/// # Commands
///
/// Where the default is a [`Sandbox`](backend_core::Sandbox), so is the composite. Commands run in the default and see
/// only its files. A mount that the default also has under the same path, such as a bind-mounted directory, is the same to
/// both.
#[derive(Debug)]
pub struct CompositeBackend<D: Backend + ?Sized = dyn Backend> {
    pub(crate) default: Arc<D>,
    pub(crate) routes: Routes,
}

impl<D: Backend + ?Sized> CompositeBackend<D> {
    /// Starts with the default: the backend of every path outside the mounts.
    pub fn builder(default: Arc<D>) -> CompositeBuilder<D> {
        CompositeBuilder::new(default)
    }

    /// Returns the default: the backend of every path outside the mounts.
    pub fn default_backend(&self) -> &Arc<D> {
        &self.default
    }

    /// Returns where backends are mounted, in path order.
    pub fn mount_points(&self) -> impl Iterator<Item = &VirtualPath> {
        self.routes.mounts().iter().map(|mount| &mount.at)
    }

    pub(crate) fn all_capabilities(&self) -> Capabilities {
        let own = self.default.capabilities();
        let mut all = Capabilities::none();
        all.read_only = own.read_only;
        all.durable = own.durable;
        all.symlinks = own.symlinks;
        for mount in self.routes.mounts() {
            let capabilities = mount.backend.capabilities();
            all.read_only &= capabilities.read_only;
            all.durable &= capabilities.durable;
            all.symlinks |= capabilities.symlinks;
        }
        // A default passed as a plain backend makes a plain backend, even if it is in fact a sandbox.
        if TypeId::of::<D>() != TypeId::of::<dyn Backend>() {
            all.executes = own.executes;
            all.processes = own.processes;
            all.pty = own.pty;
        }
        all
    }

    /// Returns the backend of a mount, or the default.
    pub(crate) fn backend_of<'a>(&'a self, mount: Option<&'a Mount>) -> &'a dyn Backend {
        match mount {
            None => &self.default,
            Some(mount) => &*mount.backend,
        }
    }
}

impl<D: Backend + ?Sized> Clone for CompositeBackend<D> {
    fn clone(&self) -> Self {
        Self {
            default: Arc::clone(&self.default),
            routes: self.routes.clone(),
        }
    }
}
