//! `start_process`: starts a command in the background.

use backend_core::ExecRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult};
use crate::settings::Settings;

/// How many bytes of a process's newest output are kept for `read_process`.
const RING_BYTES: usize = 1 << 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The command line for /bin/sh.
    command: String,
    /// The directory to run in: absolute, or relative to the work directory. Default: the work directory.
    cwd: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The process id for later calls.
    process: String,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Starts a long-running shell command, such as a server, and immediately returns its process id. The newest 1048576 bytes \
     of its output are kept for read_process. It runs until it exits or is stopped; stop it when it is no longer needed."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let sandbox = context.sandbox()?;
    let cwd = arguments.cwd.as_deref().map(|cwd| context.path(cwd));
    let mut request = ExecRequest::shell(arguments.command)
        .timeout(None)
        .output_bytes(RING_BYTES);
    request.cwd = cwd.transpose()?;
    let spawn = sandbox.spawn_with(&request);
    let started = context
        .with_timeout_mut("starting the process", spawn)
        .await?;
    let outcome = Outcome {
        process: started.id.to_string(),
    };
    Ok(Reply::ok(
        format!("started process {}", started.id),
        structured(&outcome),
    ))
}
