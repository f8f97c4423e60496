//! Listings of directories that have mounts in them, or lead to some.

use backend_core::{
    Backend, Entry, EntryKind, Error, ErrorKind, LsRequest, Page, Result, StatRequest, Truncation,
    VirtualPath,
};
use futures_util::future::join_all;

use crate::CompositeBackend;
use crate::outward::Outward;
use crate::shadow::inner;

impl<D: Backend + ?Sized> CompositeBackend<D> {
    /// Lists a directory with mounts below it: the entries of its own backend, and the names that lead to mounts.
    pub(crate) async fn list_above(&self, request: &LsRequest) -> Result<Page<Entry>> {
        if request.limit == 0 {
            let message = "the limit must be at least 1";
            return Err(Error::invalid_request_at(&request.path, message));
        }
        let children = self.routes.children(&request.path);
        let own = self.list_own(request);
        let seen = join_all(children.iter().map(|path| self.seen(path)));
        let (own, seen) = futures_util::future::join(own, seen).await;
        let mut page = match own {
            Ok(page) => page,
            Err(error) if is_absence(&error) => Page::default(),
            Err(error) => {
                let mut page = Page::default();
                page.failures.push(error);
                page
            }
        };
        // A directory of the backend that leads to a mount is visible; anything else in its place is not.
        let mut kept = Vec::new();
        page.items.retain(|entry| {
            let is_child = children.binary_search(&entry.path).is_ok();
            if is_child && entry.is_directory() && !self.is_mount_point(&entry.path) {
                kept.push(entry.clone());
            }
            !is_child
        });
        for entry in seen {
            match entry {
                Ok(entry) => match kept.iter().find(|own| own.path == entry.path) {
                    Some(own) => page.items.push(own.clone()),
                    None => page.items.push(entry),
                },
                Err((entry, error)) => {
                    page.items.push(entry);
                    page.failures.push(error);
                }
            }
        }
        page.items.sort_by(Entry::listing_order);
        if page.items.len() > request.limit {
            page.items.truncate(request.limit);
            page.truncated = Some(Truncation::Limit);
        }
        Ok(page)
    }

    /// Lists the entries of the backend of a directory. The limit suffices: each entry that is removed from the listing
    /// is replaced by the directory that leads to a mount.
    async fn list_own(&self, request: &LsRequest) -> Result<Page<Entry>> {
        let mount = self.routes.owner(&request.path);
        let inner = LsRequest::new(inner(mount, &request.path)).limit(request.limit);
        let outcome = self.backend_of(mount).ls_with(&inner).await;
        match (mount, outcome) {
            (None, outcome) => outcome,
            (Some(mount), Ok(page)) => Ok(page.outward(mount)),
            (Some(mount), Err(error)) => Err(error.outward(mount)),
        }
    }

    /// Returns the entry of a mount point, or a bare one of a directory that leads to some. A backend that cannot stat
    /// its root gets an entry anyway.
    pub(crate) async fn seen(&self, path: &VirtualPath) -> Result<Entry, (Entry, Error)> {
        let bare = Entry::new(path.clone(), EntryKind::Directory);
        let Some(mount) = self.routes.owner(path).filter(|mount| mount.at == *path) else {
            return Ok(bare);
        };
        let request = StatRequest::new(VirtualPath::root());
        match mount.backend.stat_with(&request).await {
            Ok(entry) => Ok(entry.outward(mount)),
            Err(error) => Err((bare, error.outward(mount))),
        }
    }

    pub(crate) fn is_mount_point(&self, path: &VirtualPath) -> bool {
        self.routes
            .owner(path)
            .is_some_and(|mount| mount.at == *path)
    }
}

/// Returns whether the error only means that the backend has no directory at a place that leads to mounts.
pub(crate) fn is_absence(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
