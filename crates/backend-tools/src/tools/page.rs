//! A page of a text file within a budget, and its description for a program.

use backend_core::text::line_hash;
use backend_core::{Encoding, LineEnding, PageEnd, TextPage};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::ledger::SeenFile;

/// Room for the line that says how to continue.
const NOTE_BYTES: usize = 128;

/// The prefix of each line of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinePrefix {
    Numbers,
    Hashes,
}

/// A page, as a program sees it.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct PageOutcome {
    /// The lines, with their original line endings.
    content: String,
    /// The number of the first line, counted from 1.
    first_line: u64,
    /// Number of lines in `content`.
    lines: u64,
    /// Number of lines in the file; absent if it was not read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_lines: Option<u64>,
    /// The offset to continue from; absent at the end of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
    /// The numbers of the lines that are cut after their start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut_lines: Vec<u64>,
    /// The encoding of the file: utf8, utf8_bom, utf16_le or utf16_be.
    encoding: String,
    /// Its line endings: none, lf, crlf or mixed.
    line_ending: String,
}

impl PageOutcome {
    pub(super) fn of(page: &TextPage) -> Self {
        Self {
            content: page.text.clone(),
            first_line: page.first_line,
            lines: page.lines,
            total_lines: page.total_lines,
            next_offset: page.next_offset,
            cut_lines: page.cut_lines.iter().map(|cut| cut.line).collect(),
            encoding: match page.encoding {
                Encoding::Utf8Bom => "utf8_bom",
                Encoding::Utf16Le => "utf16_le",
                Encoding::Utf16Be => "utf16_be",
                _ => "utf8",
            }
            .to_owned(),
            line_ending: match page.line_ending {
                LineEnding::Lf => "lf",
                LineEnding::Crlf => "crlf",
                LineEnding::Mixed => "mixed",
                _ => "none",
            }
            .to_owned(),
        }
    }
}

/// Returns the page as text for a model.
pub(super) fn render(page: &TextPage, prefix: LinePrefix) -> String {
    match prefix {
        LinePrefix::Numbers => page.to_string(),
        LinePrefix::Hashes => page.render_hashed(),
    }
}

/// Removes lines from the end of a page until its text fits into a budget of bytes. The first line stays.
pub(super) fn shorten(page: &mut TextPage, prefix: LinePrefix, budget: usize) {
    if render(page, prefix).len() <= budget {
        return;
    }
    let room = budget.saturating_sub(NOTE_BYTES);
    let mut shown = 0usize;
    let mut bytes = 0usize;
    let mut lines = 0u64;
    let mut cuts = page.cut_lines.iter().peekable();
    let pieces = page.text.split_inclusive('\n');
    for ((number, line), piece) in page.numbered_lines().zip(pieces) {
        let mut width = line.len() + 1 + prefix_width(number, line, prefix);
        if cuts.next_if(|cut| cut.line == number).is_some() {
            width += 48;
        }
        if lines > 0 && shown + width > room {
            break;
        }
        shown += width;
        bytes += piece.len();
        lines += 1;
    }
    if lines == page.lines {
        return;
    }
    let next = page.first_line.saturating_sub(1).saturating_add(lines);
    page.text.truncate(bytes);
    page.lines = lines;
    page.next_offset = Some(next);
    page.ended_by = Some(PageEnd::Bytes);
    page.cut_lines.retain(|cut| cut.line <= next);
}

fn prefix_width(number: u64, line: &str, prefix: LinePrefix) -> usize {
    let digits = number.to_string().len();
    match prefix {
        LinePrefix::Numbers => digits.max(6) + 1,
        LinePrefix::Hashes => digits + 2 + line_hash(line).len(),
    }
}

/// Remembers what is about to be shown to the model.
pub(super) fn remember(context: &Context, page: &TextPage) {
    let is_whole = page.first_line == 1 && page.next_offset.is_none() && page.cut_lines.is_empty();
    if is_whole {
        let seen = SeenFile::whole(page.version, &page.text);
        context.ledger().record(&page.path, seen);
    } else {
        context.ledger().record_partial(&page.path, page.version);
    }
}
