//! What a walk covers, and the receiver of its entries.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::search::filter::Filter;
use crate::search::hidden::Hidden;
use crate::search::tree::Child;
use crate::{Error, Result, Skipped, VirtualPath};

/// What a walk covers.
#[derive(Debug)]
pub(in crate::search) struct Plan<'a> {
    pub(in crate::search) path: &'a VirtualPath,
    pub(in crate::search) seen_at: &'a VirtualPath,
    pub(in crate::search) exclude: Excluded<'a>,
    pub(in crate::search) hidden: Hidden,
    pub(in crate::search) ignored: bool,
    pub(in crate::search) filter: Filter,
    /// Whether links and directories are skipped, and only files are visited.
    pub(in crate::search) files_only: bool,
}

/// A directory of the walk.
#[derive(Debug)]
pub(in crate::search) struct Dir<D> {
    pub(in crate::search) handle: D,
    pub(in crate::search) path: VirtualPath,
}

/// Receives the entries of a walk, with what was skipped since the last one.
pub(in crate::search) trait Visit<D> {
    /// Takes an entry. A closed one is a directory that could not be opened, which is already counted.
    fn visit(
        &mut self,
        dir: &Arc<Dir<D>>,
        child: Child,
        is_closed: bool,
        skipped_before: &mut Skipped,
    ) -> ControlFlow<()>;

    /// Called before the walk enters a directory, which may not answer. Entries already received should not wait for it.
    fn before_descent(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The exclusions of a walk. A few paths are compared one by one, many are looked up.
#[derive(Debug)]
pub(in crate::search) struct Excluded<'a> {
    paths: &'a [VirtualPath],
    many: HashSet<&'a str>,
}

/// The number of paths up to which they are compared one by one.
const MAX_LINEAR: usize = 8;

impl<'a> Excluded<'a> {
    pub(in crate::search) fn new(paths: &'a [VirtualPath]) -> Self {
        let many = if paths.len() > MAX_LINEAR {
            paths.iter().map(VirtualPath::as_str).collect()
        } else {
            HashSet::new()
        };
        Self { paths, many }
    }

    fn contains(&self, dir: &VirtualPath, name: &str) -> bool {
        let above = if dir.is_root() { "" } else { dir.as_str() };
        if !self.many.is_empty() {
            return self.many.contains(format!("{above}/{name}").as_str());
        }
        self.paths.iter().any(|out| {
            out.as_str()
                .strip_prefix(above)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| rest == name)
        })
    }
}

impl Plan<'_> {
    /// Fails if the directory to search is excluded.
    pub(in crate::search) fn check(&self) -> Result<()> {
        let mut out = self.exclude.paths.iter();
        if out.any(|out| self.path.starts_with(out)) {
            return Err(Error::not_found(self.path));
        }
        Ok(())
    }

    pub(super) fn is_excluded(&self, dir: &VirtualPath, name: &str) -> bool {
        self.exclude.contains(dir, name)
    }
}
