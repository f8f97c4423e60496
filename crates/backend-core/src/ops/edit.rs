//! `edit`: a change to a part of a text file.

use serde::{Deserialize, Serialize};

use crate::{Version, VirtualPath};

/// Asks for parts of a text file to be replaced: all of them, or none.
///
/// The edit keeps the file's encoding, byte order mark, line endings and mode. It is applied under the file's lock, so no
/// other edit through the same backend is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EditRequest {
    /// The file. A link is followed inside the workspace, and stays a link.
    pub path: VirtualPath,
    /// What to replace.
    pub edits: Edits,
    /// The version that the file must have; anything else is a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Version>,
    /// Whether to skip the write: the outcome then shows what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// The two forms of an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Edits {
    /// Exact texts, each replaced in the result of the previous one.
    Exact(Vec<Replacement>),
    /// Lines, each named by its number and a hash of its content. All numbers are those of the file before the edit,
    /// and the edits must not overlap.
    Lines(Vec<LineEdit>),
}

/// One text to replace with another.
///
/// A `\n` in `old` also matches `\r\n`, unless `old` contains a `\r`. A `\n` in `new` becomes the line ending of that
/// place, unless `new` contains a `\r`, or differs from an `old` with a `\r` only in line endings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Replacement {
    /// The text to find. Empty, or the same as `new`, is an `invalid_request`.
    pub old: String,
    /// The text to put in its place. A NUL character in it is an `invalid_request`.
    pub new: String,
    /// Whether every match is replaced. Otherwise more than one is an `ambiguous_match`.
    #[serde(default)]
    pub replace_all: bool,
}

impl Replacement {
    /// Makes a replacement of the only match of `old`.
    pub fn new(old: impl Into<String>, new: impl Into<String>) -> Self {
        Self {
            old: old.into(),
            new: new.into(),
            replace_all: false,
        }
    }

    /// Makes a replacement of every match of `old`.
    pub fn all(old: impl Into<String>, new: impl Into<String>) -> Self {
        Self {
            old: old.into(),
            new: new.into(),
            replace_all: true,
        }
    }
}

/// A line of the file, named by its number and its content.
///
/// [`TextPage::render_hashed`](crate::TextPage::render_hashed) shows both; [`line_hash`](crate::text::line_hash) makes
/// the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LineAnchor {
    /// The line, counted from 1.
    pub line: u64,
    /// The hash of its content. If the line has a different hash, the edit is a conflict.
    pub hash: String,
}

impl LineAnchor {
    /// Makes an anchor.
    pub fn new(line: u64, hash: impl Into<String>) -> Self {
        Self {
            line,
            hash: hash.into(),
        }
    }
}

/// One change to whole lines.
///
/// `text` is lines without the ending of the last one; a final ending there adds no further line. Their `\n` become the
/// line ending of that place. An empty `text` is one empty line. The file keeps its final line ending, or the lack of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineEdit {
    /// Replaces the lines from `first` to `last`, both included.
    Replace {
        /// The first line.
        first: LineAnchor,
        /// The last line; the same as `first` for one line.
        last: LineAnchor,
        /// The new lines.
        text: String,
    },
    /// Removes the lines from `first` to `last`, both included, with their endings.
    Delete {
        /// The first line.
        first: LineAnchor,
        /// The last line; the same as `first` for one line.
        last: LineAnchor,
    },
    /// Inserts lines before a line.
    InsertBefore {
        /// The line.
        line: LineAnchor,
        /// The new lines.
        text: String,
    },
    /// Inserts lines after a line.
    InsertAfter {
        /// The line.
        line: LineAnchor,
        /// The new lines.
        text: String,
    },
}

impl EditRequest {
    /// Makes a request that replaces the only match of `old` with `new`.
    pub fn new(
        path: impl Into<VirtualPath>,
        old: impl Into<String>,
        new: impl Into<String>,
    ) -> Self {
        Self::exact(path, vec![Replacement::new(old, new)])
    }

    /// Makes a request for several exact replacements.
    pub fn exact(path: impl Into<VirtualPath>, replacements: Vec<Replacement>) -> Self {
        Self::from_edits(path, Edits::Exact(replacements))
    }

    /// Makes a request for changes to whole lines.
    pub fn lines(path: impl Into<VirtualPath>, edits: Vec<LineEdit>) -> Self {
        Self::from_edits(path, Edits::Lines(edits))
    }

    /// Makes a request for edits of either form.
    pub fn from_edits(path: impl Into<VirtualPath>, edits: Edits) -> Self {
        Self {
            path: path.into(),
            edits,
            expected: None,
            dry_run: false,
        }
    }

    /// Refuses with a conflict unless the file has this version.
    #[must_use]
    pub fn expect(mut self, version: Version) -> Self {
        self.expected = Some(version);
        self
    }

    /// Skips the write.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

/// What an `edit` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Edited {
    /// How many matches were replaced, or how many line edits were applied.
    pub replacements: u64,
    /// The version after the edit; for a dry run, the current one.
    pub version: Version,
    /// The change as a unified diff, with three lines of context, of at most 64 KiB.
    pub diff: String,
    /// Whether the diff was too long and was cut.
    #[serde(default)]
    pub diff_cut: bool,
}

impl Edited {
    /// Makes an outcome.
    pub fn new(replacements: u64, version: Version, diff: String, diff_cut: bool) -> Self {
        Self {
            replacements,
            version,
            diff,
            diff_cut,
        }
    }

    /// Changes the path in the header of the diff. Used by wrappers that move paths.
    #[must_use]
    pub fn at_path(mut self, path: &VirtualPath) -> Self {
        let rest = self
            .diff
            .strip_prefix("--- a/")
            .and_then(|head| head.split_once("\n+++ b/"))
            .and_then(|(_, head)| head.split_once('\n'))
            .map(|(_, rest)| rest);
        if let Some(rest) = rest {
            self.diff = format!("--- a{path}\n+++ b{path}\n{rest}");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Edited;
    use crate::{Version, VirtualPath};

    #[test]
    fn a_diff_can_name_another_path() {
        let path = VirtualPath::parse("/mnt/a").unwrap();
        let edited = |diff: &str| Edited::new(1, Version::from_parts(&[1]), diff.to_owned(), false);
        let body = "@@ -1 +1 @@\n---- a/x\n+++++ b/x\n";
        let moved = edited(&format!("--- a/a\n+++ b/a\n{body}")).at_path(&path);
        assert_eq!(moved.diff, format!("--- a/mnt/a\n+++ b/mnt/a\n{body}"));
        assert_eq!(edited("").at_path(&path).diff, "");
        assert_eq!(edited(body).at_path(&path).diff, body);
    }
}
