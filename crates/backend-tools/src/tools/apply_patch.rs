//! `apply_patch`: changes several files, all or none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::edit_file::shown;
use super::listed::is_false;
use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult};
use crate::patch::{self, Action};
use crate::settings::Settings;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The patch, from the line `*** Begin Patch` to the line `*** End Patch`.
    patch: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// What was done to each file, in patch order.
    files: Vec<FileOutcome>,
    /// The changes as one unified diff.
    diff: String,
    /// Whether the diff is cut.
    #[serde(skip_serializing_if = "is_false")]
    diff_cut: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FileOutcome {
    /// The path of the file before the patch.
    path: String,
    /// What was done.
    action: Action,
    /// Its new path, if it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_to: Option<String>,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Applies a patch to one or more files, all or nothing. Format:\n\
     *** Begin Patch\n\
     *** Update File: src/app.py\n\
     @@ def greet():\n\
     \x20a line to keep\n\
     -a line to remove\n\
     +a line to add\n\
     *** Add File: src/new.py\n\
     +every line of the new file\n\
     *** Delete File: src/old.py\n\
     *** End Patch\n\
     In an update, each line starts with a space, - or +. Include about three lines to keep before and after each change, to \
     make its place unique; if they are not enough, put a line from above it after @@. Each further change in the file \
     starts with another @@ line, from top to bottom. `*** Move to: path` below an update moves the file. Name each file \
     once. Line endings, encoding and mode are kept."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let changes = patch::parse(&arguments.patch).map_err(Reply::mistake)?;
    let done = patch::apply(context, changes).await?;
    let mut text = String::new();
    let mut diff = String::new();
    let mut files = Vec::new();
    for file in done {
        match &file.moved_to {
            Some(to) => text.push_str(&format!(
                "{} {}, moved to {to}\n",
                file.action.word(),
                file.path
            )),
            None => text.push_str(&format!("{} {}\n", file.action.word(), file.path)),
        }
        diff.push_str(&file.diff);
        files.push(FileOutcome {
            path: file.path.to_string(),
            action: file.action,
            moved_to: file.moved_to.map(|to| to.to_string()),
        });
    }
    let (diff, diff_cut) = shown(&diff);
    if diff_cut {
        text.push_str("(the diff is cut)\n");
    }
    text.push_str(&diff);
    text.truncate(text.trim_end().len());
    let outcome = Outcome {
        files,
        diff,
        diff_cut,
    };
    Ok(Reply::ok(text, structured(&outcome)))
}
