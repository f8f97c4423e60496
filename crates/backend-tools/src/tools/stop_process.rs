//! `stop_process`: stops a process.

use std::time::{Duration, Instant};

use backend_core::{ExecStatus, OutputRequest, ProcessId, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::Status;
use super::structured;
use crate::Reply;
use crate::context::{Context, Failed, ToolResult};
use crate::settings::Settings;

/// How long a process has to end before it is killed.
const TERMINATION_GRACE: Duration = Duration::from_secs(2);

/// How many bytes of output are skipped at a time: the end is reported only after all output.
const PASSED_BYTES: usize = 1 << 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The process id, from start_process or list_processes.
    process: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The process.
    process: String,
    /// How it ended.
    #[serde(flatten)]
    status: Status,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Stops a process and all its descendants: terminates them, then kills them after 2 seconds. Its output can still be \
     read. Stopping an ended process does nothing."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let process = ProcessId::new(arguments.process);
    let mut status = end(context, &process, Signal::Terminate).await?;
    if status.is_none() {
        status = end(context, &process, Signal::Kill).await?;
    }
    let status = Status::of(status);
    let text = format!("process {process}: {}", status.words());
    let outcome = Outcome {
        process: process.to_string(),
        status,
    };
    Ok(Reply::ok(text, structured(&outcome)))
}

/// Sends a signal, and returns the status if the process ends soon.
async fn end(
    context: &Context,
    process: &ProcessId,
    signal: Signal,
) -> Result<Option<ExecStatus>, Failed> {
    let sandbox = context.sandbox()?;
    let send = sandbox.signal(process, signal);
    context
        .with_timeout_mut("stopping the process", send)
        .await?;
    let deadline = Instant::now() + TERMINATION_GRACE;
    let mut cursor = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let request = OutputRequest::new(process.clone())
            .cursor(cursor)
            .limit(PASSED_BYTES)
            .wait(left);
        let read = sandbox.read_output(&request);
        let output = context
            .with_timeout("waiting for the process to end", read)
            .await?;
        if output.status.is_some() || left.is_zero() {
            return Ok(output.status);
        }
        cursor = output.next;
    }
}
