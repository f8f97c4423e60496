//! The nearest candidate for an edit that matched nothing, and the wording of edit errors.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ProcessId, VirtualPath};

/// The text in a file that is nearest to the one that an edit looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NearMatch {
    /// The line on which it starts, counted from 1.
    pub line: u64,
    /// How it differs from the text that was looked for.
    pub difference: Difference,
    /// The text in the file, cut to a few lines.
    pub text: String,
}

impl NearMatch {
    /// Makes one from its parts.
    pub fn new(line: u64, difference: Difference, text: impl Into<String>) -> Self {
        Self {
            line,
            difference,
            text: text.into(),
        }
    }
}

/// How a [`NearMatch`] differs from the text that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// Only in the spaces and tabs at the start of lines.
    Indentation,
    /// In spaces, tabs and blank lines elsewhere.
    Whitespace,
    /// In upper and lower case.
    Case,
    /// In the line endings.
    LineEndings,
    /// In quotes, dashes or other punctuation that looks alike.
    Punctuation,
    /// The text that was looked for contains the line numbers of a listing.
    LineNumbers,
    /// In some of its words.
    Words,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Indentation => "it differs in indentation",
            Self::Whitespace => "it differs in whitespace",
            Self::Case => "it differs in upper and lower case",
            Self::LineEndings => "it differs in line endings",
            Self::Punctuation => "it differs in quotes, dashes or similar characters",
            Self::LineNumbers => "the text to replace has line numbers in it",
            Self::Words => "it differs in some words",
        })
    }
}

pub(super) fn describe(near: Option<&NearMatch>) -> String {
    near.map(|near| {
        format!(
            "; the nearest is on line {}: {}",
            near.line, near.difference
        )
    })
    .unwrap_or_default()
}

pub(super) fn lines(lines: &[u64], count: u64) -> String {
    let shown: Vec<_> = lines.iter().map(u64::to_string).collect();
    let more = if count > lines.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
}

pub(super) fn prefix(path: Option<&VirtualPath>) -> String {
    path.map(|path| format!("{path}: ")).unwrap_or_default()
}

/// Names the missing thing. The id of a process can be any text that a caller made up.
pub(super) fn missing(path: Option<&VirtualPath>, process: Option<&ProcessId>) -> String {
    match (path, process) {
        (Some(path), _) => path.to_string(),
        (None, Some(process)) => {
            let shown = process.as_str().chars().take(64);
            let shown: String = shown.flat_map(char::escape_debug).collect();
            format!("process {shown}")
        }
        (None, None) => "it".to_owned(),
    }
}
