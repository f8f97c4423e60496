//! `hashline_edit`: changes lines, each named by its number and a hash of its content.

use backend_core::{Edits, LineAnchor, LineEdit};
use schemars::JsonSchema;
use serde::Deserialize;

use super::edit_file::edit;
use crate::context::{Context, Failed, ToolResult};
use crate::settings::Settings;

pub(super) use super::edit_file::Outcome;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The file: absolute, or relative to the work directory.
    path: String,
    /// The changes: all or none are made. Line numbers refer to the file before the changes; no two changes may touch
    /// the same lines.
    #[schemars(length(min = 1, max = 200))]
    edits: Vec<OneEdit>,
}

/// One change to whole lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OneEdit {
    /// What to do: replace the lines, delete them, or insert new ones before or after a line.
    op: Op,
    /// The line, or the first of several: its number, a colon and its hash, as shown by read_file: `12:4fk2`.
    line: String,
    /// The last line (inclusive) to replace or delete. Default: `line`. Not for an insert.
    end_line: Option<String>,
    /// The new lines, without the final line break; empty for one empty line. Not for a delete.
    text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Op {
    Replace,
    Delete,
    InsertBefore,
    InsertAfter,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Changes whole lines of a file, each named by its number and a hash of its content, as read_file shows them with \
     `hashes`. If the content of a named line differs now, nothing is changed. Use it to change many lines without repeating \
     them. The file keeps its line endings, encoding and mode. Returns a unified diff; before further changes, read the \
     lines again to get the new numbers and hashes."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let path = context.path(&arguments.path)?;
    let mut edits = Vec::with_capacity(arguments.edits.len());
    for (index, one) in arguments.edits.into_iter().enumerate() {
        let edit = line_edit(one)
            .map_err(|reason| Failed::mistake(format!("edits[{index}]: {reason}")))?;
        edits.push(edit);
    }
    edit(context, &path, Edits::Lines(edits)).await
}

fn line_edit(edit: OneEdit) -> Result<LineEdit, String> {
    let first = anchor(&edit.line)?;
    let last = edit.end_line.as_deref().map(anchor).transpose()?;
    match (edit.op, last, edit.text) {
        (Op::Replace, last, Some(text)) => Ok(LineEdit::Replace {
            last: last.unwrap_or_else(|| first.clone()),
            first,
            text,
        }),
        (Op::Delete, last, None) => Ok(LineEdit::Delete {
            last: last.unwrap_or_else(|| first.clone()),
            first,
        }),
        (Op::InsertBefore, None, Some(text)) => Ok(LineEdit::InsertBefore { line: first, text }),
        (Op::InsertAfter, None, Some(text)) => Ok(LineEdit::InsertAfter { line: first, text }),
        (Op::Delete, _, Some(_)) => {
            Err("a delete takes no `text`; to put something in its place, use replace".to_owned())
        }
        (Op::InsertBefore | Op::InsertAfter, Some(_), _) => {
            Err("an insert takes no `end_line`; it goes before or after one line".to_owned())
        }
        (_, _, None) => Err("`text` is missing".to_owned()),
    }
}

fn anchor(text: &str) -> Result<LineAnchor, String> {
    // A copy of the whole line as shown is accepted too.
    let mark = text.split('|').next().unwrap_or_default().trim();
    let parts = mark
        .split_once(':')
        .and_then(|(line, hash)| Some((line.trim().parse().ok()?, hash.trim())));
    match parts {
        Some((line, hash)) if !hash.is_empty() => Ok(LineAnchor::new(line, hash)),
        _ => {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Err(format!(
                "\"{shown}\" is not a line reference: a number, a colon and a hash, such as 12:4fk2"
            ))
        }
    }
}
