//! `execute`: runs a command to its end.

use std::time::Duration;

use backend_core::{Captured, ExecRequest, ExecStatus, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::Status;
use super::structured;
use crate::context::{Context, ToolResult, with_timeout};
use crate::ends::ends;
use crate::output::fit;
use crate::settings::Settings;
use crate::{Reply, ReplyKind};

/// How many bytes of each stream are kept for the reply and the file that it names.
const KEPT_BYTES: usize = 2 << 20;

/// How many bytes a command may print to each stream before it is stopped.
const CEILING_BYTES: u64 = 256 << 20;

/// How long the workspace may take to answer after the command has timed out.
const SLACK: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The command line for /bin/sh.
    command: String,
    /// Time limit in seconds.
    #[schemars(range(min = 1))]
    timeout: Option<u64>,
    /// The directory to run in: absolute, or relative to the work directory. Default: the work directory.
    cwd: Option<String>,
    /// Text for its standard input. Default: none.
    stdin: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// How it ended.
    #[serde(flatten)]
    status: Status,
    /// Its standard output, cut in the middle if it is long.
    stdout: String,
    /// Its standard error, cut in the middle if it is long.
    stderr: String,
    /// Size of its standard output in bytes.
    stdout_bytes: u64,
    /// Size of its standard error in bytes.
    stderr_bytes: u64,
    /// Duration in milliseconds.
    elapsed_ms: u64,
    /// The file with the whole output, if the reply does not have all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_in: Option<String>,
}

pub(super) fn describe(settings: &Settings) -> String {
    format!(
        "Runs a shell command, waits for it to finish, and returns its output and exit status. Each call is a new shell: a \
         `cd` or a variable does not persist. There is no terminal, and no input unless `stdin` is given. It may run for {} \
         seconds unless `timeout` says otherwise, {} at most. Up to {} bytes are returned, the start and the end; longer \
         output is kept in a file that the reply names.",
        settings.timeout.as_secs(),
        settings.max_timeout.as_secs(),
        settings.reply_bytes
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
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
    let output = with_timeout(timeout.saturating_add(SLACK), "the command", execute).await?;
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
    // The status is the one thing that this tool must report.
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
    format!("{head}\n... ({omitted} bytes omitted) ...\n{tail}")
}
