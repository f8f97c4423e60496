//! `hashline_edit`: lines changed, each named by its number and a hash of what it holds.

use backend_core::{Edits, LineAnchor, LineEdit};
use schemars::JsonSchema;
use serde::Deserialize;

use super::edit_file::edit;
use crate::context::{Context, Done, Failed};
use crate::settings::Settings;

pub(super) use super::edit_file::Outcome;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The file: absolute, or relative to the work directory.
    path: String,
    /// The changes: all of them are made, or none. All line numbers are those of the file before; no two changes may
    /// touch the same lines.
    #[schemars(length(min = 1, max = 200))]
    edits: Vec<OneEdit>,
}

/// One change to whole lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OneEdit {
    /// What to do: replace the lines, delete them, or insert new ones before or after a line.
    op: Op,
    /// The line, or the first of several: its number, a colon and its hash, as read_file shows them: `12:4fk2`.
    line: String,
    /// The last line, included, to replace or delete several; the same as `line` unless given. Not for an insert.
    end_line: Option<String>,
    /// The new lines, without the line break after the last one; empty for one empty line. Not for a delete.
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
    "Changes whole lines of a file, each named by its number and a hash of what it holds, as read_file shows them with \
     `hashes`. If a line holds something else now, nothing is changed. Use it to change many lines without repeating them. \
     Line endings, encoding and mode of the file stay. Returns the change as a unified diff; for further changes read the \
     lines again, for numbers and hashes are new."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> Done {
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
            Err("a delete takes no `text`; to put something in its place, replace".to_owned())
        }
        (Op::InsertBefore | Op::InsertAfter, Some(_), _) => {
            Err("an insert takes no `end_line`; it goes before or after one line".to_owned())
        }
        (_, _, None) => Err("`text` is missing".to_owned()),
    }
}

fn anchor(text: &str) -> Result<LineAnchor, String> {
    // Whoever copies the whole line as it is shown means it too.
    let mark = text.split('|').next().unwrap_or_default().trim();
    let parts = mark
        .split_once(':')
        .and_then(|(line, hash)| Some((line.trim().parse().ok()?, hash.trim())));
    match parts {
        Some((line, hash)) if !hash.is_empty() => Ok(LineAnchor::new(line, hash)),
        _ => {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Err(format!(
                "\"{shown}\" is not a line: its number, a colon and its hash, such as 12:4fk2"
            ))
        }
    }
}
