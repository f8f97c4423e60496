//! `grep`: lines whose content matches a pattern.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, Skipped, Truncation, VirtualPath};

/// How many matches, or files, a grep returns by default.
pub const DEFAULT_GREP_LIMIT: usize = 1000;

/// How many bytes of a line a grep returns by default.
pub const DEFAULT_GREP_LINE_BYTES: usize = 500;

/// Asks for the lines that match a regular expression, in path order, then by line.
///
/// The syntax is that of Rust's `regex` crate; searching takes linear time, so no pattern can hang. A grep skips what a
/// [`GlobRequest`](crate::GlobRequest) skips, and binary files; links are not followed below `path`. Each matching line is
/// one result, even with several matches. A pattern of more than 64 KiB, or of more than 10 MiB when compiled, is an
/// `invalid_pattern`.
///
/// # What is searched
///
/// The lines that a read shows: they end at `\n`, a `\r` before it belongs to the ending, and no pattern sees that `\r`. So
/// `$` matches before either ending, and in a search across lines `\n` and `\r\n` both match both. A byte order mark is not
/// searched. UTF-16 with one is searched as its text, other encodings as raw bytes.
///
/// A file is binary, and has no matches, if a NUL byte is in the searched part or in its first 8 MiB. A file with a line of
/// more than 16 MiB is not searched past it and has no matches either; nor does one of more than 64 MiB in a search across
/// lines. Both count as [`Skipped::long_lines`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrepRequest {
    /// The pattern.
    pub pattern: String,
    /// The directory or the single file to search; the root by default. A file named here is searched even if it is hidden
    /// or ignored, but its name must match `globs` and `types`.
    pub path: VirtualPath,
    /// Whether the pattern is literal text; false by default.
    pub fixed: bool,
    /// Case sensitivity; case-sensitive by default.
    pub case: Case,
    /// Whether the pattern matches only whole words; false by default.
    pub word: bool,
    /// Whether a match can span lines, and `.` matches `\n`; false by default. Otherwise a pattern with a newline is an
    /// `invalid_pattern`. Of several matches that start on one line, the first is returned.
    pub multi_line: bool,
    /// How many lines to show before a match; 0 by default, at most 1000.
    pub before: usize,
    /// How many lines to show after a match; 0 by default, at most 1000.
    pub after: usize,
    /// Globs that a file must match: at least one of those without a leading `!`, if there are any, and none of those with
    /// one. A glob without a `/` matches the file's name at any depth, any other its path relative to `path`; `/*.rs`
    /// matches the files of this directory. A glob that ends with a `/` matches everything below such a directory, and one
    /// with a leading `!` that matches a directory excludes everything below it: `!vendor`, `!/build/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<String>,
    /// File types of which a file must have one, by their ripgrep names, such as `rust` or `py`. It must match `globs` too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Whether hidden entries are searched; false by default.
    pub hidden: bool,
    /// Whether ignored entries are searched; false by default.
    pub ignored: bool,
    /// What to return; [`GrepOutput::Matches`] by default.
    pub output: GrepOutput,
    /// The maximum number of matches, or files; [`DEFAULT_GREP_LIMIT`] by default. The first ones are returned.
    pub limit: usize,
    /// The maximum number of matches per file; unlimited by default. Matches that it drops do not set
    /// [`Grepped::truncated`]. It does not affect files and counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_limit: Option<usize>,
    /// The maximum number of bytes of a line, around the match; [`DEFAULT_GREP_LINE_BYTES`] by default.
    pub line_bytes: usize,
    /// Subtrees to treat as if they did not exist. They do not count as skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<VirtualPath>,
    /// The path at which `path` appears to the caller; see [`GlobRequest::seen_at`](crate::GlobRequest::seen_at). The root
    /// by default.
    #[serde(default)]
    pub seen_at: VirtualPath,
    /// Time limit; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// Case sensitivity of a grep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Case {
    /// Case-sensitive.
    #[default]
    Sensitive,
    /// Case-insensitive.
    Insensitive,
    /// Case-sensitive if the pattern contains an upper-case letter.
    Smart,
}

/// What a grep returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrepOutput {
    /// Each match, in [`Grepped::matches`].
    #[default]
    Matches,
    /// Each file with a match, in [`Grepped::files`]. A file is not searched past its first match, except for a NUL in its
    /// first 8 MiB.
    Files,
    /// Each file with a match and its number of matches, in [`Grepped::files`].
    Counts,
}

impl GrepRequest {
    /// Makes a request for the matches of `pattern` anywhere below the root.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            path: VirtualPath::root(),
            fixed: false,
            case: Case::Sensitive,
            word: false,
            multi_line: false,
            before: 0,
            after: 0,
            globs: Vec::new(),
            types: Vec::new(),
            hidden: false,
            ignored: false,
            output: GrepOutput::Matches,
            limit: DEFAULT_GREP_LIMIT,
            file_limit: None,
            line_bytes: DEFAULT_GREP_LINE_BYTES,
            exclude: Vec::new(),
            seen_at: VirtualPath::root(),
            timeout: None,
        }
    }

    /// Sets the directory or the one file to search.
    #[must_use]
    pub fn path(mut self, path: impl Into<VirtualPath>) -> Self {
        self.path = path.into();
        self
    }

    /// Takes the pattern as literal text.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }

    /// Sets the case sensitivity.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.case = case;
        self
    }

    /// Matches whole words only.
    #[must_use]
    pub fn word(mut self) -> Self {
        self.word = true;
        self
    }

    /// Lets a match span lines.
    #[must_use]
    pub fn multi_line(mut self) -> Self {
        self.multi_line = true;
        self
    }

    /// Sets how many lines to show before and after a match.
    #[must_use]
    pub fn context(mut self, before: usize, after: usize) -> Self {
        self.before = before;
        self.after = after;
        self
    }

    /// Adds a glob that a file must match, or, with a leading `!`, must not.
    #[must_use]
    pub fn glob(mut self, glob: impl Into<String>) -> Self {
        self.globs.push(glob.into());
        self
    }

    /// Adds a file type that a file may have.
    #[must_use]
    pub fn file_type(mut self, name: impl Into<String>) -> Self {
        self.types.push(name.into());
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

    /// Sets what to return.
    #[must_use]
    pub fn output(mut self, output: GrepOutput) -> Self {
        self.output = output;
        self
    }

    /// Sets the maximum number of matches, or files.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the maximum number of matches per file.
    #[must_use]
    pub fn file_limit(mut self, limit: usize) -> Self {
        self.file_limit = Some(limit);
        self
    }

    /// Sets the maximum number of bytes of a line.
    #[must_use]
    pub fn line_bytes(mut self, bytes: usize) -> Self {
        self.line_bytes = bytes;
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

/// One line of a file, as a grep shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrepLine {
    /// The line, counted from 1, as in a read.
    pub line: u64,
    /// Its text without its ending, cut to the request's `line_bytes`.
    pub text: String,
}

impl GrepLine {
    /// Makes a line.
    pub fn new(line: u64, text: impl Into<String>) -> Self {
        Self {
            line,
            text: text.into(),
        }
    }
}

/// One match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrepMatch {
    /// The file.
    pub path: VirtualPath,
    /// The line on which it starts, counted from 1.
    pub line: u64,
    /// The byte in the line at which the match starts, counted from 1.
    pub column: u64,
    /// The line, or all lines of a match that spans lines, without the final ending; cut around the match to the request's
    /// `line_bytes`.
    pub text: String,
    /// Whether `text` is cut.
    #[serde(default)]
    pub cut: bool,
    /// Whether `text` contains replacement characters, because the file is not UTF-8. It cannot be used as the old text of
    /// an edit.
    #[serde(default)]
    pub lossy: bool,
    /// The lines before it. Lines shown with an earlier match are not repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<GrepLine>,
    /// The lines after it, up to the next match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<GrepLine>,
}

impl GrepMatch {
    /// Makes a match without context.
    pub fn new(path: VirtualPath, line: u64, column: u64, text: impl Into<String>) -> Self {
        Self {
            path,
            line,
            column,
            text: text.into(),
            cut: false,
            lossy: false,
            before: Vec::new(),
            after: Vec::new(),
        }
    }
}

/// A file with at least one match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileHits {
    /// The file.
    pub path: VirtualPath,
    /// How many lines match; in a search across lines, on how many a match starts. 1 for [`GrepOutput::Files`].
    pub count: u64,
}

impl FileHits {
    /// Makes a file with its count.
    pub fn new(path: VirtualPath, count: u64) -> Self {
        Self { path, count }
    }
}

/// What a `grep` found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Grepped {
    /// The matches, in path order, then by line. Empty unless [`GrepOutput::Matches`] was requested.
    pub matches: Vec<GrepMatch>,
    /// The files with a match, in path order. Empty for [`GrepOutput::Matches`].
    pub files: Vec<FileHits>,
    /// How many files were searched, not counting binary ones and others that count as skipped.
    pub searched: u64,
    /// Why there may be more; `None` if the result is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Truncation>,
    /// What was skipped.
    #[serde(skip_serializing_if = "Skipped::is_empty")]
    pub skipped: Skipped,
    /// Failures in addition to the results: a composite lists each backend that could not answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Error>,
}

impl Grepped {
    /// Returns whether the result is complete: nothing was cut and nothing failed.
    pub fn is_whole(&self) -> bool {
        self.truncated.is_none() && self.failures.is_empty()
    }
}
