//! `delete`: removes a file or directory.

use backend_core::DeleteRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult};
use crate::footer::count;
use crate::settings::Settings;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The file, link or directory: absolute, or relative to the work directory.
    path: String,
    /// Remove a directory with everything in it. Default false, which refuses a directory that is not empty.
    recursive: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The removed path.
    path: String,
    /// Number of entries removed, including itself.
    entries: u64,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Permanently removes a file, link or directory. A link is removed, not its target. A directory that is not empty needs \
     `recursive`. The root cannot be removed."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let path = context.path(&arguments.path)?;
    let _guards = context.lock_files([&path]).await;
    let mut request = DeleteRequest::new(&path);
    if arguments.recursive == Some(true) {
        request = request.recursive();
    }
    let delete = context.files.delete_with(&request);
    let deleted = context.with_timeout_mut("deleting", delete).await?;
    context.ledger().forget(&path);
    let outcome = Outcome {
        path: path.to_string(),
        entries: deleted.entries,
    };
    let text = format!("deleted {path}: {}", count(deleted.entries, "entry"));
    Ok(Reply::ok(text, structured(&outcome)))
}
