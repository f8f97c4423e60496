//! The directories implied by mounts, as a tree that the search engine walks.
//!
//! It has no files. The engine's results for it are about mount points: which of them match a glob, which are hidden,
//! and whether the request is valid at all.

use std::collections::BTreeSet;
use std::io;

use backend_core::search::{Base, Child, Children, Opened, Tree};
use backend_core::{Entry, EntryKind, Error, Result, VirtualPath};

use crate::routes::Routes;

#[derive(Debug)]
pub(crate) struct Skeleton {
    directories: BTreeSet<VirtualPath>,
}

impl Skeleton {
    /// Builds the tree of everything that leads to a mount below `base`.
    pub(crate) fn new(routes: &Routes, base: &VirtualPath) -> Self {
        let directories = routes
            .below(base)
            .flat_map(|mount| mount.at.ancestors())
            .filter(|path| path.starts_with(base))
            .collect();
        Self { directories }
    }

    fn child(&self, dir: &VirtualPath, name: &str) -> Result<VirtualPath> {
        let path = dir.child(name)?;
        if self.directories.contains(&path) {
            Ok(path)
        } else {
            Err(Error::not_found(&path))
        }
    }
}

impl Tree for Skeleton {
    type Dir = VirtualPath;
    type Reader = io::Empty;

    fn base(&self, path: &VirtualPath) -> Result<Base<VirtualPath, io::Empty>> {
        Ok(Base::Directory(path.clone()))
    }

    fn children(&self, dir: &VirtualPath) -> Result<Children> {
        let named = self
            .directories
            .iter()
            .filter(|path| path.parent().as_ref() == Some(dir))
            .filter_map(VirtualPath::name)
            .map(|name| Child {
                name: name.into(),
                kind: EntryKind::Directory,
            })
            .collect();
        Ok(Children {
            named,
            ..Children::default()
        })
    }

    fn open_dir(&self, dir: &VirtualPath, name: &str) -> Result<VirtualPath> {
        self.child(dir, name)
    }

    fn open_file(&self, dir: &VirtualPath, name: &str) -> Result<Opened<io::Empty>> {
        Err(Error::not_found(&dir.child(name)?))
    }

    fn entry(&self, dir: &VirtualPath, name: &str, path: VirtualPath) -> Result<Entry> {
        self.child(dir, name)?;
        Ok(Entry::new(path, EntryKind::Directory))
    }
}
