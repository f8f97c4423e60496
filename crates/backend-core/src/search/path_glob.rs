//! A glob over whole paths, for rules rather than searches: it covers what it matches and everything below.
//!
//! It parses globs as every search does, and walks nothing.

use super::pattern::{BareGlob, Pattern};
use crate::Result;

/// A glob to match paths against, in the dialect of [`GrepRequest::globs`](crate::GrepRequest::globs): without a `/` it
/// matches a name at any depth, otherwise the path from where the names start.
///
/// A match covers everything below it: `/secrets` covers `/secrets/a/b` too, and so does `/secrets/**`, which does not
/// cover `/secrets` itself.
///
/// # Examples
///
/// ```
/// use backend_core::VirtualPath;
/// use backend_core::search::{PathGlob, Coverage};
///
/// let keys = PathGlob::parse("/keys/{*.pem,old}")?;
/// let covers = |text: &str| {
///     let path = VirtualPath::parse(text).expect("a path");
///     keys.covers(path.segments())
/// };
/// assert!(covers("/keys/a.pem"));
/// assert!(covers("/keys/old/deep/down"));
/// assert!(!covers("/keys"));
/// assert_eq!(keys.coverage(["keys"]), Coverage::Part);
/// assert_eq!(keys.coverage(["src"]), Coverage::Nothing);
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PathGlob {
    pattern: Pattern,
}

/// How much of a directory's contents a [`PathGlob`] covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between them")]
pub enum Coverage {
    /// Nothing of it.
    Nothing,
    /// Some of it, or nothing, depending on the contents.
    Part,
    /// All of it.
    All,
}

impl PathGlob {
    /// Parses a glob.
    ///
    /// # Errors
    ///
    /// `invalid_pattern`, as for a search; a `..` segment, a leading `~` and an empty glob are rejected too.
    pub fn parse(glob: &str) -> Result<Self> {
        let mut pattern = Pattern::new(true);
        pattern.add(glob, BareGlob::AnyDepth)?;
        Ok(Self { pattern })
    }

    /// Returns whether the glob covers the path of these names: whether it matches the path or one of its ancestors.
    pub fn covers<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let mut positions = self.pattern.start();
        for name in names {
            if self.pattern.is_match(&positions, name, true) {
                return true;
            }
            positions = self.pattern.enter(&positions, name);
        }
        false
    }

    /// Returns how much of what is below the path of these names the glob covers.
    pub fn coverage<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Coverage {
        let mut positions = self.pattern.start();
        for name in names {
            if self.pattern.is_match(&positions, name, true) {
                return Coverage::All;
            }
            positions = self.pattern.enter(&positions, name);
        }
        if self.pattern.matches_everything(&positions) {
            Coverage::All
        } else if positions.is_empty() {
            Coverage::Nothing
        } else {
            Coverage::Part
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Coverage, PathGlob};
    use crate::{ErrorKind, VirtualPath};

    #[track_caller]
    fn check(glob: &str, path: &str, covers: bool, coverage: Coverage) {
        let glob_of = PathGlob::parse(glob).unwrap();
        let path_of = VirtualPath::parse(path).unwrap();
        assert_eq!(
            (
                glob_of.covers(path_of.segments()),
                glob_of.coverage(path_of.segments())
            ),
            (covers, coverage),
            "{glob} {path}"
        );
    }

    #[test]
    fn a_glob_without_a_slash_matches_a_name_at_any_depth() {
        check(".env", "/.env", true, Coverage::All);
        check(".env", "/a/b/.env", true, Coverage::All);
        check(".env", "/a/b/.env.local", false, Coverage::Part);
        check("*.pem", "/a/x.pem", true, Coverage::All);
    }

    #[test]
    fn a_glob_with_a_slash_starts_where_the_names_start() {
        check("/a", "/a", true, Coverage::All);
        check("/a", "/b/a", false, Coverage::Nothing);
        check("a/b", "/a/b/c", true, Coverage::All);
        check("a/b", "/a", false, Coverage::Part);
        check("a/b", "/c", false, Coverage::Nothing);
        check("**/a/b", "/x/a/b", true, Coverage::All);
    }

    #[test]
    fn everything_below_a_match_is_covered() {
        check("/s/**", "/s", false, Coverage::All);
        check("/s/**", "/s/x/y", true, Coverage::All);
        check("/s/", "/s", true, Coverage::All);
        check("/s/", "/s/x", true, Coverage::All);
        check("/s/*.k", "/s/a.k/b", true, Coverage::All);
        check("**", "/", false, Coverage::All);
        check("**", "/x", true, Coverage::All);
        check("/**/x", "/a", false, Coverage::Part);
        check("**/*", "/", false, Coverage::Part);
    }

    #[test]
    fn a_glob_that_does_not_parse_is_refused() {
        for glob in ["", "/", "a/../b", "[a", "{a", "~/x", "a\nb"] {
            let error = PathGlob::parse(glob).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPattern, "{glob}");
        }
    }
}
