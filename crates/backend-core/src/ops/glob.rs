//! `glob`: entries by the shape of their path.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::VirtualPath;

/// How many entries a glob returns unless asked otherwise.
pub const DEFAULT_GLOB_LIMIT: usize = 1000;

/// Asks for the entries below a directory whose path matches a pattern, in path order.
///
/// `*` and `?` stay within a segment, `**` crosses segments, `{a,b}`, `[a-z]` and `[!a]` choose, `\` escapes. `?` and a
/// class stand for one character, not one byte, and never for a `/`. The pattern is relative to [`path`](Self::path), and
/// a leading `/` means the same: `*.rs` is beside you, `**/*.rs` at any depth. `src/**` is everything below `src`, and not
/// `src` itself. A trailing `/` matches directories alone. Braces may hold `/` and other braces; `{src/,}*.rs` is
/// `src/*.rs` or `*.rs`.
///
/// An empty pattern, a `..` segment, a leading `~` segment, a control character, braces that stand for more than 1024
/// patterns and a pattern of more than 4096 bytes are an `invalid_pattern`.
///
/// # What is skipped
///
/// Hidden entries (a name that starts with `.`), unless [`hidden`](Self::hidden) is set or a segment of the pattern that
/// itself starts with `.` matches the name; what `.gitignore` and `.ignore` files below the backend's root exclude, unless
/// [`ignored`](Self::ignored) is set or `path` lies inside of it. Nothing above the root counts, and no `.git` is needed.
/// As in ripgrep, a rule of an `.ignore` file wins over one of a `.gitignore`, among rules of one kind that of the deeper
/// directory, and in one file the last. `path` itself is never skipped.
///
/// Links are shown where they match, and not followed. What is neither file, directory nor link is left out.
///
/// Counted as skipped is what could have matched, or could have had something below it that does: `.git` counts for
/// `**/*.rs`, and not for `*.rs`.
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
    /// How many entries to return at most; [`DEFAULT_GLOB_LIMIT`] by default. They are the first ones in path order.
    pub limit: usize,
    /// Subtrees that are left out as if they were not there. They are not counted as skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<VirtualPath>,
    /// Where `path` stands for a reader who sees it from further up: the pattern is matched against this path followed by
    /// the entry's, relative to `path`. The root by default. Wrappers that move paths use it.
    #[serde(default)]
    pub seen_at: VirtualPath,
    /// How long to search at most; without a bound by default.
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

    /// Sets how many entries to return at most.
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

    /// Sets where `path` stands for a reader who sees it from further up.
    #[must_use]
    pub fn seen_at(mut self, path: impl Into<VirtualPath>) -> Self {
        self.seen_at = path.into();
        self
    }

    /// Sets how long to search at most.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
