//! `move`: moves a file or directory to another path.

use backend_core::RenameRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult};
use crate::settings::Settings;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// What to move: absolute, or relative to the work directory.
    from: String,
    /// The new path, including the name. Parent directories are created.
    to: String,
    /// Replace an existing file at `to`. Default false, which refuses it. A directory is never replaced.
    overwrite: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The old path.
    from: String,
    /// The new path.
    to: String,
    /// Whether it was moved in one step, not by copying.
    atomic: bool,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Moves or renames a file, a link, or a directory with everything in it. A link is moved, not its target. An existing \
     destination is not replaced unless `overwrite` is set."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let from = context.path(&arguments.from)?;
    let to = context.path(&arguments.to)?;
    let _guards = context.lock_files([&from, &to]).await;
    let mut request = RenameRequest::new(&from, &to);
    if arguments.overwrite == Some(true) {
        request = request.overwrite();
    }
    let rename = context.files.rename_with(&request);
    let renamed = context.with_timeout_mut("moving", rename).await?;
    if from != to {
        context.ledger().moved(&from, &to, renamed.version);
    }
    let outcome = Outcome {
        from: from.to_string(),
        to: to.to_string(),
        atomic: renamed.atomic,
    };
    Ok(Reply::ok(
        format!("moved {from} to {to}"),
        structured(&outcome),
    ))
}
