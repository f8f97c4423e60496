//! `write_process`: writes to the standard input of a process.

use backend_core::{ProcessId, StdinRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::structured;
use crate::Reply;
use crate::context::{Context, Failed, ToolResult};
use crate::footer::count;
use crate::settings::Settings;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The process id, from start_process or list_processes.
    process: String,
    /// The text; a line needs a line break at its end.
    text: Option<String>,
    /// Close the input afterwards. Default false.
    close: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The process.
    process: String,
    /// Number of bytes written.
    bytes: u64,
    /// Whether the input was closed.
    closed: bool,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Writes text to the standard input of a started process, closes that input, or both. Use read_process to get the response."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let process = ProcessId::new(arguments.process);
    let closed = arguments.close == Some(true);
    let text = arguments.text.unwrap_or_default();
    if text.is_empty() && !closed {
        return Err(Failed::mistake(
            "there is nothing to write: pass `text`, or `close`",
        ));
    }
    let bytes = text.len() as u64;
    let mut request = StdinRequest::write(process.clone(), text);
    request.close = closed;
    let write = context.sandbox()?.write_stdin(&request);
    context
        .with_timeout_mut("writing to the process", write)
        .await?;
    let end = if closed { ", and closed its input" } else { "" };
    let text = format!("wrote {} to process {process}{end}", count(bytes, "byte"));
    let outcome = Outcome {
        process: process.to_string(),
        bytes,
        closed,
    };
    Ok(Reply::ok(text, structured(&outcome)))
}
