//! Hidden entries: names that start with a `.`, and which of them a request includes anyway.

use super::filter::Filter;
use super::segment::Segment;
use crate::{GlobRequest, GrepRequest, Result};

/// Which hidden names a request skips.
///
/// A name that starts with a `.` is skipped, unless the request includes hidden entries or a segment of one of its globs
/// that itself starts with a `.` matches it: `.github/**` and `**/.env*` name hidden entries explicitly. A wrapper that
/// merges several trees consults it before it enters one of them under a hidden name.
///
/// # Examples
///
/// ```
/// use backend_core::GlobRequest;
/// use backend_core::search::Hidden;
///
/// let hidden = Hidden::of_glob(&GlobRequest::new("**/.env*"))?;
/// assert!(hidden.skips(".git"));
/// assert!(!hidden.skips(".env.local"));
/// assert!(!hidden.skips("src"));
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hidden {
    wanted: bool,
    named: Vec<Segment>,
}

impl Hidden {
    /// Returns what a glob skips.
    ///
    /// # Errors
    ///
    /// `invalid_pattern`.
    pub fn of_glob(request: &GlobRequest) -> Result<Self> {
        Ok(Self::new(request.hidden, &Filter::of_glob(request)?))
    }

    /// Returns what a grep skips.
    ///
    /// # Errors
    ///
    /// `invalid_pattern` for one of its globs; `invalid_request` for an unknown file type.
    pub fn of_grep(request: &GrepRequest) -> Result<Self> {
        Ok(Self::new(request.hidden, &Filter::of_grep(request)?))
    }

    pub(super) fn new(wanted: bool, filter: &Filter) -> Self {
        Self {
            wanted,
            named: filter.hidden_names(),
        }
    }

    /// Returns whether an entry of this name is skipped, and not entered.
    pub fn skips(&self, name: &str) -> bool {
        name.starts_with('.')
            && !self.wanted
            && !self.named.iter().any(|segment| segment.is_match(name))
    }
}
