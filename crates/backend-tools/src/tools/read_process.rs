//! `read_process`: the output of a process since the last read.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use backend_core::{OutputRequest, ProcessId, ProcessOutput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listed::is_zero;
use super::status::Status;
use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult, with_timeout};
use crate::settings::Settings;

/// The longest wait for output.
const MAX_WAIT_SECONDS: u64 = 60;

/// Maximum number of remembered cursors.
const MAX_CURSORS: usize = 1024;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The process id, from start_process or list_processes.
    process: String,
    /// Number of seconds to wait for output if there is none yet. Default 0.
    #[schemars(range(min = 0, max = 60))]
    wait: Option<f64>,
    /// Where to read from: 0 for the oldest output kept. Default: after the last read.
    #[schemars(range(min = 0))]
    cursor: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The process.
    process: String,
    /// How it ended, once all of its output has been read.
    #[serde(flatten)]
    status: Status,
    /// Its output, both streams in order of arrival.
    output: String,
    /// Number of earlier bytes that were discarded, because only the newest are kept.
    #[serde(skip_serializing_if = "is_zero")]
    missed: u64,
    /// The cursor to continue from.
    cursor: u64,
}

pub(super) fn describe(settings: &Settings) -> String {
    format!(
        "Returns the output of a process since the last read, standard output and standard error in order of arrival, and \
         whether it is running or how it ended. Returns up to {} bytes; call it again for more. With `wait`, waits up to \
         {MAX_WAIT_SECONDS} seconds for the first output or the end.",
        limit(settings)
    )
}

fn limit(settings: &Settings) -> usize {
    settings.reply_bytes.saturating_sub(512)
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let process = ProcessId::new(arguments.process);
    let cursor = arguments
        .cursor
        .or_else(|| cursors(context).get(&process).copied())
        .unwrap_or_default();
    let wait = arguments.wait.unwrap_or_default();
    let wait = Duration::try_from_secs_f64(wait).unwrap_or_default();
    let request = OutputRequest::new(process.clone())
        .cursor(cursor)
        // A byte that is not UTF-8 is replaced by three.
        .limit(limit(&context.settings) / 3)
        .wait(wait);
    let read = context.sandbox()?.read_output(&request);
    let timeout_in_runtime = wait.saturating_add(context.settings.file_timeout);
    let output = with_timeout(timeout_in_runtime, "reading the output", read).await?;
    remember(context, &process, output.next);
    let status = Status::of(output.status);
    let printed = printed(&output);
    let mut text = String::new();
    if output.missed > 0 {
        text.push_str(&format!(
            "... ({} earlier bytes were discarded)\n",
            output.missed
        ));
    }
    text.push_str(&printed);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let nothing = if printed.is_empty() {
        ", nothing new"
    } else {
        ""
    };
    text.push_str(&format!("(process {process}: {}{nothing})", status.words()));
    let outcome = Outcome {
        process: process.to_string(),
        status,
        output: printed,
        missed: output.missed,
        cursor: output.next,
    };
    Ok(Reply::ok(text, structured(&outcome)))
}

/// Joins the pieces before they are decoded: a character may be cut by the end of one.
fn printed(output: &ProcessOutput) -> String {
    let mut text = String::new();
    let mut bytes: Vec<u8> = Vec::new();
    let mut stream = None;
    for chunk in &output.chunks {
        if stream != Some(chunk.stream) {
            text.push_str(&String::from_utf8_lossy(&bytes));
            bytes.clear();
            stream = Some(chunk.stream);
        }
        bytes.extend_from_slice(&chunk.bytes);
    }
    text.push_str(&String::from_utf8_lossy(&bytes));
    text
}

fn cursors(context: &Context) -> MutexGuard<'_, HashMap<ProcessId, u64>> {
    let cursors = context.memory.cursors.lock();
    cursors.unwrap_or_else(PoisonError::into_inner)
}

fn remember(context: &Context, process: &ProcessId, cursor: u64) {
    let mut cursors = cursors(context);
    if cursors.len() >= MAX_CURSORS && !cursors.contains_key(process) {
        // A forgotten process is read from its start again.
        cursors.clear();
    }
    cursors.insert(process.clone(), cursor);
}
