//! The composite itself, and how it asks the backend that a path belongs to.

use std::any::TypeId;
use std::sync::Arc;

use backend_core::{Backend, Capabilities, VirtualPath};

use crate::builder::CompositeBuilder;
use crate::routes::{Mount, Routes};

/// Several backends as one workspace: a default, and others mounted at paths below its root.
///
/// The longest mount that a path starts with, segment by segment, answers for it, and sees the path without the mount's
/// own. Every path that comes back has it again, in errors too.
///
/// # Mount points
///
/// A mount point and the directories that lead to it are always there. They can be listed, and cannot be deleted, moved or
/// written to. What the default has at or below a mount point is hidden from every operation, and stays as it is.
///
/// # Searches
///
/// A glob or a grep at a directory with mounts below it asks all of them at once and merges what they find in path order.
/// A backend that fails is named in `failures` beside what the others found; the search itself fails if the request is
/// wrong, or nobody answered. Ignore files of one backend say nothing about another. A mount below a hidden name is
/// skipped as a hidden directory is.
///
/// # Moves
///
/// A rename from one backend to another copies, then deletes: first everything is copied, and whatever was copied is
/// removed again if that fails; then the source is deleted file by file, each only if it is still the one that was
/// copied. Links cannot be copied. Dropping the future in between leaves a part of the copy.
///
/// # Commands
///
/// Where the default is a [`Sandbox`](backend_core::Sandbox), so is the composite. Commands run in the default and see its
/// files alone. A mount that is also there in the default under the same path, such as a bind-mounted directory, is the
/// same to both.
#[derive(Debug)]
pub struct CompositeBackend<D: Backend + ?Sized = dyn Backend> {
    pub(crate) default: Arc<D>,
    pub(crate) routes: Routes,
}

impl<D: Backend + ?Sized> CompositeBackend<D> {
    /// Starts with the backend that answers for everything that is not mounted.
    pub fn builder(default: Arc<D>) -> CompositeBuilder<D> {
        CompositeBuilder::new(default)
    }

    /// Returns the backend that answers for everything that is not mounted.
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
        // A default that is known as a mere backend makes a mere backend, whatever it is behind that.
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
