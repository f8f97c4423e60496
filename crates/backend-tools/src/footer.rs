//! The footer of a result: what it left out.

use backend_core::{Error, Skipped, Truncation};
use schemars::JsonSchema;
use serde::Serialize;

/// The skipped entries, by reason.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct SkippedCounts {
    /// Entries whose name starts with a dot.
    #[serde(skip_serializing_if = "is_zero")]
    hidden: u64,
    /// Entries that a .gitignore or .ignore file excludes.
    #[serde(skip_serializing_if = "is_zero")]
    ignored: u64,
    /// Files that are not text.
    #[serde(skip_serializing_if = "is_zero")]
    binary: u64,
    /// Links, which a search does not follow.
    #[serde(skip_serializing_if = "is_zero")]
    symlinks: u64,
    /// Files with a line too long to search.
    #[serde(skip_serializing_if = "is_zero")]
    long_lines: u64,
    /// Entries that could not be read.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// Entries whose name cannot be written as a path.
    #[serde(skip_serializing_if = "is_zero")]
    unnameable: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl SkippedCounts {
    pub(crate) fn of(skipped: &Skipped) -> Option<Self> {
        let counts = Self {
            hidden: skipped.hidden,
            ignored: skipped.ignored,
            binary: skipped.binary,
            symlinks: skipped.symlinks,
            long_lines: skipped.long_lines,
            unreadable: skipped.unreadable,
            unnameable: skipped.unnameable,
        };
        (counts != Self::default()).then_some(counts)
    }
}

/// Why a list may be incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    Limit,
    Time,
    Unreadable,
}

impl Cut {
    pub(crate) fn of(truncation: Option<Truncation>) -> Option<Self> {
        truncation.map(|truncation| match truncation {
            Truncation::Limit => Self::Limit,
            Truncation::Time => Self::Time,
            _ => Self::Unreadable,
        })
    }
}

/// Returns the footer of a list: why there may be more, what was skipped, and what failed.
pub(crate) fn footer(cut: Option<Cut>, skipped: &Skipped, failures: &[Error]) -> String {
    let mut text = String::new();
    match cut {
        Some(Cut::Limit) => {
            text.push_str(
                "\nThere are more: the limit was reached. Narrow the request, or raise `limit`.",
            );
        }
        Some(Cut::Time) => text
            .push_str("\nThere may be more: the search timed out. Search in a smaller directory."),
        Some(Cut::Unreadable) => {
            text.push_str("\nThere may be more: not everything could be read.")
        }
        None => {}
    }
    let passed: Vec<String> = [
        (skipped.hidden, "hidden"),
        (skipped.ignored, "ignored"),
        (skipped.binary, "binary"),
        (skipped.symlinks, "links"),
        (skipped.long_lines, "with lines too long to search"),
        (skipped.unreadable, "unreadable"),
        (skipped.unnameable, "with an unrepresentable name"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, why)| format!("{count} {why}"))
    .collect();
    if !passed.is_empty() {
        text.push_str(&format!("\nNot searched: {}.", passed.join(", ")));
    }
    for failure in failures.iter().take(5) {
        text.push_str(&format!("\nAlso failed: {failure}"));
    }
    text
}

/// Returns a count with its noun: `1 file`, `2 files`.
pub(crate) fn count(count: u64, noun: &str) -> String {
    let plural = if count == 1 {
        ""
    } else if noun.ends_with("ch") || noun.ends_with("ss") {
        "es"
    } else {
        "s"
    };
    // The plural of `entry`, the only such noun here.
    match noun.strip_suffix('y') {
        Some(stem) if count != 1 => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}{plural}"),
    }
}

/// Returns how many lines a text has: as many as a read of it shows.
pub(crate) fn line_count(text: &str) -> u64 {
    let newlines = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
    newlines + u64::from(!text.is_empty() && !text.ends_with('\n'))
}
