//! `execute`: a command run to its end.

use std::time::Duration;

use backend_core::{Captured, ExecRequest, ExecStatus, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::Status;
use super::structured;
use crate::context::{Context, Done, within};
use crate::output::{ends, fit};
use crate::settings::Settings;
use crate::{Reply, ReplyKind};

/// How much of each stream is kept for the reply and the file that it names.
const KEPT_BYTES: usize = 2 << 20;

/// How much a command may print to each stream before it is stopped.
const CEILING_BYTES: u64 = 256 << 20;

/// How long an answer may take after the command's own time is over.
const SLACK: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The line for the shell, /bin/sh.
    command: String,
    /// How many seconds it may run.
    #[schemars(range(min = 1))]
    timeout: Option<u64>,
    /// The directory to run in: absolute, or relative to the work directory. The work directory unless given.
    cwd: Option<String>,
    /// What it reads from its standard input; nothing unless given.
    stdin: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// How it ended.
    #[serde(flatten)]
    status: Status,
    /// What it printed to its standard output, cut in the middle if it is long.
    stdout: String,
    /// What it printed to its standard error, cut in the middle if it is long.
    stderr: String,
    /// How many bytes it printed to its standard output.
    stdout_bytes: u64,
    /// How many bytes it printed to its standard error.
    stderr_bytes: u64,
    /// How many milliseconds it took.
    elapsed_ms: u64,
    /// Where the whole output is, if the reply does not have all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_in: Option<String>,
}

pub(super) fn describe(settings: &Settings) -> String {
    format!(
        "Runs a line of shell in the workspace, waits for its end, and returns what it printed and how it ended. Each call \
         is a shell of its own: a `cd` or a variable is gone after it. There is no terminal and no input unless `stdin` is \
         given. It may run {} seconds unless `timeout` says otherwise, {} at most. Up to {} bytes are returned, the start \
         and the end; the whole output is then in a file that the reply names.",
        settings.timeout.as_secs(),
        settings.max_timeout.as_secs(),
        settings.reply_bytes
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> Done {
    let sandbox = context.sandbox()?;
    let cwd = arguments.cwd.as_deref().map(|cwd| context.path(cwd));
    let timeout = arguments
        .timeout
        .map_or(context.settings.timeout, Duration::from_secs);
    let mut request = ExecRequest::shell(arguments.command)
        .timeout(timeout)
        .output_bytes(KEPT_BYTES)
        .output_ceiling(CEILING_BYTES)
        .stdin(arguments.stdin.unwrap_or_default());
    request.cwd = cwd.transpose()?;
    let execute = sandbox.execute_with(&request);
    let output = within(timeout.saturating_add(SLACK), "the command", execute).await?;
    let status = Status::of(Some(output.status));
    let budget = context.settings.reply_bytes;
    let ending = format!(
        "({}, {:.1} s)",
        status.words(),
        output.elapsed.as_secs_f64()
    );
    let printed = output.output();
    let fitted = fit(context, printed, budget.saturating_sub(ending.len() + 1)).await;
    let mut text = fitted.text;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&ending);
    let outcome = Outcome {
        status,
        stdout: stream(&output.stdout, budget),
        stderr: stream(&output.stderr, budget),
        stdout_bytes: output.stdout.total(),
        stderr_bytes: output.stderr.total(),
        elapsed_ms: u64::try_from(output.elapsed.as_millis()).unwrap_or(u64::MAX),
        kept_in: fitted.kept.as_ref().map(VirtualPath::to_string),
    };
    let reply = Reply::ok(text, structured(&outcome));
    // How it ended is the one thing that this tool is for.
    Ok(match output.status {
        ExecStatus::Lost => reply.with_kind(ReplyKind::Failure),
        _ => reply,
    })
}

/// Returns one stream within its half of the budget.
fn stream(captured: &Captured, budget: usize) -> String {
    let text = captured.to_text();
    let share = budget / 2;
    if text.len() <= share {
        return text;
    }
    let (head, tail) = ends(&text, share / 2, share / 2);
    let omitted = text.len() - head.len() - tail.len();
    format!("{head}\n... ({omitted} bytes left out here) ...\n{tail}")
}
