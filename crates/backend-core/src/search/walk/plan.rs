//! What a walk is about, and who takes what it meets.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::search::filter::Filter;
use crate::search::hidden::Hidden;
use crate::search::tree::Child;
use crate::{Error, Result, Skipped, VirtualPath};

/// What a walk is about.
#[derive(Debug)]
pub(in crate::search) struct Plan<'a> {
    pub(in crate::search) path: &'a VirtualPath,
    pub(in crate::search) seen_at: &'a VirtualPath,
    pub(in crate::search) exclude: Excluded<'a>,
    pub(in crate::search) hidden: Hidden,
    pub(in crate::search) ignored: bool,
    pub(in crate::search) filter: Filter,
    /// Whether links and directories are passed over, and files alone are met.
    pub(in crate::search) files_only: bool,
}

/// A directory of the walk.
#[derive(Debug)]
pub(in crate::search) struct Dir<D> {
    pub(in crate::search) handle: D,
    pub(in crate::search) path: VirtualPath,
}

/// Takes the entries of a walk, with what was passed over since the last one.
pub(in crate::search) trait Visit<D> {
    /// Takes an entry. One that is closed is a directory that cannot be opened, which is counted already.
    fn visit(
        &mut self,
        dir: &Arc<Dir<D>>,
        child: Child,
        is_closed: bool,
        passed: &mut Skipped,
    ) -> ControlFlow<()>;

    /// Is told that the walk goes into a directory next, which may not answer. What was taken should not wait for it.
    fn before_descent(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What a walk leaves out. A few paths are compared one by one, many are looked up.
#[derive(Debug)]
pub(in crate::search) struct Excluded<'a> {
    paths: &'a [VirtualPath],
    many: HashSet<&'a str>,
}

/// Up to how many paths are compared one by one.
const FEW: usize = 8;

impl<'a> Excluded<'a> {
    pub(in crate::search) fn new(paths: &'a [VirtualPath]) -> Self {
        let many = if paths.len() > FEW {
            paths.iter().map(VirtualPath::as_str).collect()
        } else {
            HashSet::new()
        };
        Self { paths, many }
    }

    fn has(&self, dir: &VirtualPath, name: &str) -> bool {
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
    /// Fails where what is to be searched lies in what is left out.
    pub(in crate::search) fn check(&self) -> Result<()> {
        let mut out = self.exclude.paths.iter();
        if out.any(|out| self.path.starts_with(out)) {
            return Err(Error::not_found(self.path));
        }
        Ok(())
    }

    pub(super) fn is_excluded(&self, dir: &VirtualPath, name: &str) -> bool {
        self.exclude.has(dir, name)
    }
}
