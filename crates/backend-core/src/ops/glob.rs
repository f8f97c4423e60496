//! `glob`: entries whose path matches a pattern.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::VirtualPath;

/// How many entries a glob returns by default.
pub const DEFAULT_GLOB_LIMIT: usize = 1000;

/// Asks for the entries below a directory whose path matches a pattern, in path order.
///
/// `*` and `?` stay within a segment, `**` crosses segments, `{a,b}`, `[a-z]` and `[!a]` are alternatives, `\` escapes. `?`
/// and a class match one character, not one byte, and never a `/`. The pattern is relative to [`path`](Self::path), with or
/// without a leading `/`: `*.rs` matches in this directory, `**/*.rs` at any depth. `src/**` is everything below `src`, but
/// not `src` itself. A trailing `/` matches only directories. Braces may contain `/` and other braces; `{src/,}*.rs` is
/// `src/*.rs` or `*.rs`.
///
/// An empty pattern, a `..` segment, a leading `~` segment, a control character, braces that expand to more than 1024
/// patterns and a pattern of more than 4096 bytes are an `invalid_pattern`.
///
/// # What is skipped
///
/// Hidden entries (names that start with `.`), unless [`hidden`](Self::hidden) is set or a segment of the pattern that
/// itself starts with `.` matches the name; and what `.gitignore` and `.ignore` files below the backend's root exclude,
/// unless [`ignored`](Self::ignored) is set or `path` lies in an excluded directory. Files above the root have no effect, and no
/// `.git` is needed. As in ripgrep, `.ignore` overrides `.gitignore`; among rules of the same kind those of the deeper
/// directory win, and within a file the last one. `path` itself is never skipped.
///
/// Links are returned if they match, but not followed. Anything other than a file, directory or link is left out.
///
/// The counts of skipped entries include only those that could have matched, or could have contained a match: `.git` counts
/// for `**/*.rs`, but not for `*.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GlobRequest {
    /// The pattern.
    pub pattern: String,
    /// The directory to search; the root by default.
    pub path: VirtualPath,
    /// Whether hidden entries are searched; false by default.
    pub hidden: bool,
    /// Whether ignored entries are searched; false by default.
    pub ignored: bool,
    /// Whether directories are returned too; false by default.
    pub directories: bool,
    /// The maximum number of entries; [`DEFAULT_GLOB_LIMIT`] by default. The first ones in path order are returned.
    pub limit: usize,
    /// Subtrees to treat as if they did not exist. They do not count as skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<VirtualPath>,
    /// The path at which `path` appears to the caller: the pattern is matched against this path followed by the entry's
    /// path relative to `path`. The root by default. Used by wrappers that move paths.
    #[serde(default)]
    pub seen_at: VirtualPath,
    /// Time limit; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

impl GlobRequest {
    /// Makes a request for files that match `pattern` anywhere below the root.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            path: VirtualPath::root(),
            hidden: false,
            ignored: false,
            directories: false,
            limit: DEFAULT_GLOB_LIMIT,
            exclude: Vec::new(),
            seen_at: VirtualPath::root(),
            timeout: None,
        }
    }

    /// Sets the directory to search.
    #[must_use]
    pub fn path(mut self, path: impl Into<VirtualPath>) -> Self {
        self.path = path.into();
        self
    }

    /// Searches hidden entries too.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Searches ignored entries too.
    #[must_use]
    pub fn ignored(mut self) -> Self {
        self.ignored = true;
        self
    }

    /// Returns directories too.
    #[must_use]
    pub fn directories(mut self) -> Self {
        self.directories = true;
        self
    }

    /// Sets the maximum number of entries.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Leaves out a subtree.
    #[must_use]
    pub fn exclude(mut self, path: impl Into<VirtualPath>) -> Self {
        self.exclude.push(path.into());
        self
    }

    /// Sets the path at which `path` appears to the caller.
    #[must_use]
    pub fn seen_at(mut self, path: impl Into<VirtualPath>) -> Self {
        self.seen_at = path.into();
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
