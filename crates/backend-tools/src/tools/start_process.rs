//! `start_process`: a command that runs on.

use backend_core::ExecRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::structured;
use crate::Reply;
use crate::context::{Context, Done};
use crate::settings::Settings;

/// How much of the newest output of a process is kept for `read_process`.
const RING_BYTES: usize = 1 << 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The line for the shell, /bin/sh.
    command: String,
    /// The directory to run in: absolute, or relative to the work directory. The work directory unless given.
    cwd: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The name of the process in later calls.
    process: String,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Starts a line of shell that runs on, such as a server, and returns at once with the name of the process. Its output is \
     kept, the newest 1048576 bytes of it, for read_process. It runs until it ends or is stopped; stop what is no longer \
     needed."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> Done {
    let sandbox = context.sandbox()?;
    let cwd = arguments.cwd.as_deref().map(|cwd| context.path(cwd));
    let mut request = ExecRequest::shell(arguments.command)
        .timeout(None)
        .output_bytes(RING_BYTES);
    request.cwd = cwd.transpose()?;
    let spawn = sandbox.spawn_with(&request);
    let started = context.change("starting the process", spawn).await?;
    let outcome = Outcome {
        process: started.id.to_string(),
    };
    Ok(Reply::ok(
        format!("started process {}", started.id),
        structured(&outcome),
    ))
}
