//! Path patterns: the globs of a search, parsed once and matched against the position of a path.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use backend_core::search::{Coverage, PathGlob};
use backend_core::{Error, Result, VirtualPath};
use serde::{Deserialize, Serialize};

/// A path pattern, such as `*.pem`, `/secrets/**` or `src/generated`.
///
/// It is a glob as in every search: `*` and `?` match within a segment, `**` crosses segments, `{a,b}`, `[a-z]` and
/// `[!a]` are alternatives, `\` escapes. A match includes everything below it.
///
/// - Without a `/`, it matches a name at any depth: `.env`, `*.pem`, `node_modules`.
/// - With a leading `/`, it matches a path from the root: `/secrets`, `/etc/**`.
/// - With a leading `**`, it matches a path at any depth: `**/.kube/config`.
/// - Any other pattern starts at the work directory: `src/*.rs` is `/workspace/src/*.rs` where commands run in
///   `/workspace`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    text: Arc<str>,
    exact: PathGlob,
    folded: Option<PathGlob>,
    from_work_dir: bool,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// `invalid_pattern` for an invalid glob, and for a leading `!`, which would seem to negate the pattern.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with('!') {
            let message =
                "a pattern cannot start with '!'; list exceptions separately, or write '\\!'";
            return Err(Error::invalid_pattern(text, message));
        }
        let exact = PathGlob::parse(text)?;
        let lower = text.to_lowercase();
        Ok(Self {
            text: text.into(),
            exact,
            // Lower case can reverse a range of characters. Then there is no such form, and a rule that needs it is
            // rejected.
            folded: PathGlob::parse(&lower).ok(),
            from_work_dir: text.trim_end_matches('/').contains('/')
                && !text.starts_with('/')
                && !text.starts_with("**"),
        })
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Fails if the pattern has no case-insensitive form.
    pub(crate) fn check_folded(&self) -> Result<()> {
        if self.folded.is_some() {
            return Ok(());
        }
        let message = "the pattern cannot be matched case-insensitively";
        Err(Error::invalid_pattern(&*self.text, message))
    }

    /// Returns whether the pattern matches a path.
    pub(crate) fn covers(&self, path: &VirtualPath, options: MatchOptions<'_>) -> bool {
        let Some(path) = self.relative(path, options) else {
            return false;
        };
        match (options.ignore_case, &self.folded) {
            (false, _) => self.exact.covers(path.segments()),
            (true, Some(folded)) => {
                let names: Vec<String> = path.segments().map(str::to_lowercase).collect();
                folded.covers(names.iter().map(String::as_str))
            }
            (true, None) => true,
        }
    }

    /// Returns how much of a subtree the pattern matches.
    pub(crate) fn coverage(&self, path: &VirtualPath, options: MatchOptions<'_>) -> Coverage {
        let Some(relative) = self.relative(path, options) else {
            // A directory above the work directory contains it.
            return if options.work_dir.starts_with(path) {
                Coverage::Part
            } else {
                Coverage::Nothing
            };
        };
        match (options.ignore_case, &self.folded) {
            (false, _) => self.exact.coverage(relative.segments()),
            (true, Some(folded)) => {
                let names: Vec<String> = relative.segments().map(str::to_lowercase).collect();
                folded.coverage(names.iter().map(String::as_str))
            }
            (true, None) => Coverage::Part,
        }
    }

    fn relative(&self, path: &VirtualPath, options: MatchOptions<'_>) -> Option<VirtualPath> {
        if self.from_work_dir {
            path.strip_prefix(options.work_dir)
        } else {
            Some(path.clone())
        }
    }
}

/// How patterns are matched against paths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatchOptions<'a> {
    pub(crate) work_dir: &'a VirtualPath,
    pub(crate) ignore_case: bool,
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PathPattern {}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PathPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PathPattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text).map_err(with_pattern)
    }
}

/// Puts the pattern into the message, to identify it among many in a file.
pub(crate) fn with_pattern(error: Error) -> Error {
    match error {
        Error::InvalidPattern { pattern, message } => {
            let message = format!("'{}': {message}", pattern.escape_debug());
            Error::InvalidPattern { pattern, message }
        }
        error => error,
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.text.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use backend_core::search::Coverage;
    use backend_core::{ErrorKind, VirtualPath};

    use super::{MatchOptions, PathPattern};

    #[track_caller]
    fn check(pattern: &str, path: &str, covers: bool, coverage: Coverage) {
        let work_dir = VirtualPath::parse("/w").unwrap();
        let options = MatchOptions {
            work_dir: &work_dir,
            ignore_case: false,
        };
        let (pattern, path) = (
            PathPattern::parse(pattern).unwrap(),
            VirtualPath::parse(path).unwrap(),
        );
        assert_eq!(
            (
                pattern.covers(&path, options),
                pattern.coverage(&path, options)
            ),
            (covers, coverage),
            "{pattern} {path}"
        );
    }

    #[test]
    fn a_pattern_says_where_it_starts() {
        check("private/x", "/w/private/x", true, Coverage::All);
        check("private/x", "/private/x", false, Coverage::Nothing);
        check("private/x", "/", false, Coverage::Part);
        check("/private/x", "/private/x/y", true, Coverage::All);
        check("/private/x", "/w/private/x", false, Coverage::Nothing);
        check("x", "/a/x", true, Coverage::All);
        check("x/", "/a/x/y", true, Coverage::All);
        check("**/a/b", "/q/a/b", true, Coverage::All);
    }

    #[test]
    fn a_malformed_pattern_is_an_error_when_it_is_made() {
        for text in ["", "[a", "{a", "a/../b", "!a", "/", "a\u{7}b", "~/x"] {
            let error = PathPattern::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPattern, "{text:?}");
        }
    }

    #[test]
    fn a_class_can_be_negated() {
        check("[!a].txt", "/b.txt", true, Coverage::All);
        check("[!a].txt", "/a.txt", false, Coverage::Part);
        check("[!a].txt", "/!.txt", true, Coverage::All);
    }

    #[test]
    fn case_counts_unless_the_rule_says_otherwise() {
        let work_dir = VirtualPath::root();
        let covers = |pattern: &str, path: &str, ignore_case| {
            let options = MatchOptions {
                work_dir: &work_dir,
                ignore_case,
            };
            let path = VirtualPath::parse(path).unwrap();
            PathPattern::parse(pattern).unwrap().covers(&path, options)
        };
        assert!(!covers(".env", "/.ENV", false));
        assert!(covers(".env", "/.ENV", true));
        assert!(covers("/Straße/**", "/STRAßE/a", true));
        // A look-alike is another name: this is a Cyrillic е.
        assert!(!covers(".env", "/.\u{435}nv", true));
    }
}
