//! What a walk is about, and who takes what it meets.

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
    pub(in crate::search) exclude: &'a [VirtualPath],
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
    fn visit(&mut self, dir: &Arc<Dir<D>>, child: Child, passed: &mut Skipped) -> ControlFlow<()>;
}

impl Plan<'_> {
    /// Fails where what is to be searched lies in what is left out.
    pub(in crate::search) fn check(&self) -> Result<()> {
        if self.exclude.iter().any(|out| self.path.starts_with(out)) {
            return Err(Error::not_found(self.path));
        }
        Ok(())
    }

    pub(super) fn is_excluded(&self, dir: &VirtualPath, name: &str) -> bool {
        self.exclude.iter().any(|out| {
            let above = if dir.is_root() { "" } else { dir.as_str() };
            out.as_str()
                .strip_prefix(above)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| rest == name)
        })
    }
}
