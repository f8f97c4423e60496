//! `exec`: a command in the workspace.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{
    Command, ExecRequest, ExecStatus, OutputRequest, OutputStream, ProcessId, Sandbox, StdinRequest,
};
use bytes::Bytes;
use clap::Args;
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::out::Out;
use crate::workspace::{Need, Workspace};
use crate::{exit, host, json, parse};

/// Default maximum of buffered output in bytes.
const WAITING_BYTES: &str = "64M";

/// How many bytes of output are read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// How long to wait for output before asking again.
const WAIT: Duration = Duration::from_secs(30);

/// Run a command in the workspace and exit with its status
///
/// The command inherits no variables, and no input unless --stdin is given. Its output is passed on while it runs, the
/// two streams separately. When it ends or times out, or when this program is interrupted, everything that it started
/// is ended too.
///
/// A directory alone runs no commands: --docker or --runtime runs them in a container, which sees the directory of
/// --root; --no-isolation lets them run on this machine, where they can do whatever you can.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends exec --docker python:3.12-slim --root . -- python -m unittest
  agent-backends exec --no-isolation -- cargo test
  agent-backends exec --no-isolation --timeout 30s -c 'make 2>&1 | tail'
  generate | agent-backends exec --no-isolation -i -- sort

Exit codes:
  that of the command, or
  124  timed out (--json distinguishes it from a command that exits with 124)
  125  it was not run, or its outcome is unknown
  126  the program was found but cannot be run
  127  the program was not found
  128 plus the number of the signal that killed it; 137 also for one that ran out of memory")]
pub(crate) struct Exec {
    /// The program and its arguments, run without a shell
    #[arg(trailing_var_arg = true, required_unless_present = "command")]
    program: Vec<String>,

    /// A command line for the shell, instead of a program
    #[arg(long, short, value_name = "LINE", conflicts_with = "program")]
    command: Option<String>,

    /// The directory to run in [default: the work directory]
    #[arg(long, value_name = "PATH")]
    cwd: Option<String>,

    /// Set an environment variable (repeatable)
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = parse::variable)]
    env: Vec<(String, String)>,

    /// Time limit [default: none]
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    timeout: Option<Duration>,

    /// Pass standard input through
    #[arg(long, short = 'i')]
    stdin: bool,

    /// The user to run as, if the sandbox supports it
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// How much output to buffer for a slow reader; with --json, how much of each stream to keep
    #[arg(long, value_name = "BYTES", default_value = WAITING_BYTES, value_parser = parse::memory)]
    output_bytes: usize,
}

impl Exec {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = match context.open(Need::Run).await {
            Ok(opened) => opened,
            Err(failure) => return Err(failure.not_run()),
        };
        let outcome = if out.is_json() {
            self.collect(workspace, out).await
        } else {
            self.follow(workspace, out).await
        };
        outcome.map_err(Failure::not_run)
    }

    /// Runs it to its end, and prints its output as JSON.
    async fn collect(&self, workspace: &Workspace, out: &mut Out) -> Result<u8> {
        let mut request = self.request(workspace)?;
        if self.stdin {
            request.stdin = host::read_stdin().await?.into();
        }
        let output = workspace.sandbox()?.execute_with(&request).await?;
        let code = exit::of_status(output.status);
        let (status, number) = describe(output.status);
        out.json(&json!({
            "status": status,
            "code": number.filter(|_| status == "exited"),
            "signal": number.filter(|_| status == "signaled"),
            "stdout": json::captured(&output.stdout),
            "stderr": json::captured(&output.stderr),
            "elapsed_ms": u64::try_from(output.elapsed.as_millis()).unwrap_or(u64::MAX),
            "exit_code": code,
        }))?;
        Ok(code)
    }

    /// Runs it, and passes on its output meanwhile.
    async fn follow(&self, workspace: &Workspace, out: &mut Out) -> Result<u8> {
        let request = self.request(workspace)?;
        let sandbox = workspace.sandbox()?;
        let process = sandbox.spawn_with(&request).await?.id;
        workspace.note_started(&process);
        let input = Input::start(sandbox, &process, self.stdin).await;
        let mut wanted = OutputRequest::new(process).limit(PIECE_BYTES).wait(WAIT);
        let mut missed = 0;
        let status = loop {
            let output = sandbox.read_output(&wanted).await?;
            missed += output.missed;
            for chunk in &output.chunks {
                match chunk.stream {
                    OutputStream::Stderr => out.error_bytes(&chunk.bytes)?,
                    _ => out.bytes(&chunk.bytes)?,
                }
            }
            out.flush()?;
            wanted.cursor = output.next;
            if let Some(status) = output.status {
                break status;
            }
        };
        drop(input);
        let mut code = exit::of_status(status);
        if let Some(why) = explain(status, self.timeout) {
            out.warning(why);
        }
        if missed > 0 {
            out.warning(format_args!(
                "{missed} bytes of output were lost: they were not read in time (--output-bytes keeps more)"
            ));
            if code == exit::OK {
                code = exit::NOT_RUN;
            }
        }
        Ok(code)
    }

    fn request(&self, workspace: &Workspace) -> Result<ExecRequest> {
        let command = match &self.command {
            Some(line) => Command::Shell(line.clone()),
            None => Command::Argv(self.program.clone()),
        };
        let mut request = ExecRequest::new(command)
            .timeout(self.timeout)
            .output_bytes(self.output_bytes);
        if let Some(cwd) = &self.cwd {
            request = request.cwd(workspace.path(cwd)?);
        }
        request.env = self.env.iter().cloned().collect();
        request.user.clone_from(&self.user);
        Ok(request)
    }
}

/// The task that passes on the standard input. Dropping it stops the task.
struct Input(tokio::task::JoinHandle<()>);

impl Drop for Input {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Input {
    async fn start(sandbox: &Arc<dyn Sandbox>, process: &ProcessId, has_input: bool) -> Self {
        let (sandbox, process) = (Arc::clone(sandbox), process.clone());
        if !has_input {
            // It may have ended already.
            let _ = sandbox.write_stdin(&StdinRequest::close(process)).await;
            return Self(tokio::spawn(async {}));
        }
        Self(tokio::spawn(async move {
            let mut stdin = tokio::io::stdin();
            let mut piece = vec![0; 64 << 10];
            loop {
                // An input that fails has ended.
                let read = stdin.read(&mut piece).await.unwrap_or_default();
                let request = match piece.get(..read) {
                    Some(bytes) if read > 0 => {
                        StdinRequest::write(process.clone(), Bytes::copy_from_slice(bytes))
                    }
                    _ => StdinRequest::close(process.clone()),
                };
                if sandbox.write_stdin(&request).await.is_err() || read == 0 {
                    return;
                }
            }
        }))
    }
}

/// Returns the name of a status, and the number that it has.
fn describe(status: ExecStatus) -> (&'static str, Option<i32>) {
    match status {
        ExecStatus::Exited(code) => ("exited", Some(code)),
        ExecStatus::Signaled(signal) => ("signaled", Some(signal)),
        ExecStatus::TimedOut => ("timed_out", None),
        ExecStatus::OutOfMemory => ("out_of_memory", None),
        ExecStatus::OutputCeiling => ("output_ceiling", None),
        _ => ("lost", None),
    }
}

/// Returns a note on what the output does not show.
fn explain(status: ExecStatus, timeout: Option<Duration>) -> Option<String> {
    match status {
        ExecStatus::Exited(_) => None,
        ExecStatus::Signaled(signal) => Some(format!("the command was killed by signal {signal}")),
        ExecStatus::TimedOut => {
            let after = timeout.unwrap_or_default();
            Some(format!(
                "the command timed out after {after:?} and was killed"
            ))
        }
        ExecStatus::OutOfMemory => Some("the command was killed for using too much memory".into()),
        ExecStatus::OutputCeiling => Some("the command was killed for printing too much".into()),
        _ => Some("the outcome of the command is unknown".into()),
    }
}
