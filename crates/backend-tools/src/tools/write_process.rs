//! `write_process`: text for the standard input of a process.

use backend_core::{ProcessId, StdinRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::structured;
use crate::Reply;
use crate::context::{Context, Done, Failed};
use crate::notes::count;
use crate::settings::Settings;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The name of the process, from start_process or list_processes.
    process: String,
    /// The text, with a line break at its end if a line is meant.
    text: Option<String>,
    /// Whether the input ends after it; false unless given.
    close: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The process.
    process: String,
    /// How many bytes were written.
    bytes: u64,
    /// Whether the input was ended.
    closed: bool,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Writes text to the standard input of a process that was started, ends that input, or both. What the process answers is \
     for read_process."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> Done {
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
    context.change("writing to the process", write).await?;
    let end = if closed { ", and ended its input" } else { "" };
    let text = format!("wrote {} to process {process}{end}", count(bytes, "byte"));
    let outcome = Outcome {
        process: process.to_string(),
        bytes,
        closed,
    };
    Ok(Reply::ok(text, structured(&outcome)))
}
