//! `list_processes`: the started processes.

use backend_core::{Command, ProcessInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listed::{is_zero, shorten};
use super::status::Status;
use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult};
use crate::ends::ends;
use crate::output::fit;
use crate::settings::Settings;

/// How many bytes of a command are shown.
const COMMAND_BYTES: usize = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The processes, in start order.
    processes: Vec<Process>,
    /// Number of further processes.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Process {
    /// Its id in other calls.
    process: String,
    /// Whether it is running, or how it ended.
    #[serde(flatten)]
    status: Status,
    /// Its command, cut if it is long.
    command: String,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Lists the processes started in this workspace, including recently ended ones: process id, state and command, one per line."
        .to_owned()
}

pub(super) async fn run(context: &Context, _arguments: Arguments) -> ToolResult {
    let list = context.sandbox()?.processes();
    let all = context.with_timeout("listing the processes", list).await?;
    if all.is_empty() {
        let outcome = Outcome {
            processes: Vec::new(),
            omitted: 0,
        };
        return Ok(Reply::ok("no processes were started", structured(&outcome)));
    }
    let processes: Vec<Process> = all.iter().map(process).collect();
    let lines: Vec<String> = processes
        .iter()
        .map(|one| format!("{} ({}): {}", one.process, one.status.words(), one.command))
        .collect();
    let budget = context.settings.reply_bytes;
    let fitted = fit(context, lines.join("\n"), budget).await;
    let (processes, omitted) = shorten(processes, budget);
    Ok(Reply::ok(
        fitted.text,
        structured(&Outcome { processes, omitted }),
    ))
}

fn process(info: &ProcessInfo) -> Process {
    let command = match &info.command {
        Command::Shell(line) => line.clone(),
        Command::Argv(argv) => argv.join(" "),
        _ => String::new(),
    };
    let line = command.replace('\n', " ");
    let shown = ends(&line, COMMAND_BYTES, 0).0;
    let cut = if shown.len() < line.len() { " ..." } else { "" };
    Process {
        process: info.id.to_string(),
        status: Status::of(info.status),
        command: format!("{shown}{cut}"),
    }
}
