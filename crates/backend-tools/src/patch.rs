//! Patches in the V4A format: parsed, placed in the content of the files, and applied to all of them or none.

mod apply;
mod parse;
mod place;
mod plan;

pub(crate) use apply::apply;
pub(crate) use parse::parse;

use backend_core::VirtualPath;
use schemars::JsonSchema;
use serde::Serialize;

/// The part of a patch about one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// The file as the patch names it.
    pub(crate) path: String,
    pub(crate) change: Change,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add {
        lines: Vec<String>,
    },
    Delete,
    Update {
        hunks: Vec<Hunk>,
        moved_to: Option<String>,
    },
}

/// A change at one place of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// The line of the patch on which it starts, counted from 1.
    pub(crate) at: usize,
    /// Lines of the file above it, the outermost first.
    pub(crate) anchors: Vec<String>,
    pub(crate) lines: Vec<Line>,
    /// Whether it is at the end of the file.
    pub(crate) at_end: bool,
}

/// A line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Keep(String),
    Remove(String),
    Add(String),
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Added,
    Updated,
    Deleted,
}

impl Action {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// A file that a patch changed.
#[derive(Debug)]
pub(crate) struct Patched {
    pub(crate) path: VirtualPath,
    pub(crate) action: Action,
    pub(crate) moved_to: Option<VirtualPath>,
    pub(crate) diff: String,
}
