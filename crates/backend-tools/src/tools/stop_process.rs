//! `stop_process`: an end to a process, and what it printed last.

use std::time::{Duration, Instant};

use backend_core::{ExecStatus, OutputRequest, ProcessId, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::Status;
use super::structured;
use crate::Reply;
use crate::context::{Context, Done, Failed};
use crate::settings::Settings;

/// How long a process has to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// How much output is passed over at a time: the end is told after all of it.
const PASSED_BYTES: usize = 1 << 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The name of the process, from start_process or list_processes.
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
    "Ends a process and all that it started: it is asked to, and killed if it has not ended after 2 seconds. What it printed \
     can still be read. Nothing happens to one that has ended."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> Done {
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

/// Sends a signal, and returns how the process ended if it does so soon.
async fn end(
    context: &Context,
    process: &ProcessId,
    signal: Signal,
) -> Result<Option<ExecStatus>, Failed> {
    let sandbox = context.sandbox()?;
    let send = sandbox.signal(process, signal);
    context.change("stopping the process", send).await?;
    let deadline = Instant::now() + GRACE;
    let mut cursor = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let request = OutputRequest::new(process.clone())
            .cursor(cursor)
            .limit(PASSED_BYTES)
            .wait(left);
        let read = sandbox.read_output(&request);
        let output = context.look("waiting for the process to end", read).await?;
        if output.status.is_some() || left.is_zero() {
            return Ok(output.status);
        }
        cursor = output.next;
    }
}
