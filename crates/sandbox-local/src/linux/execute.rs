//! Commands that the caller waits for.

use std::io;
use std::time::Instant;

use backend_core::{Captured, ExecOutput, ExecRequest, ExecStatus, OutputStream, Result};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::time::timeout_at;

use super::Engine;
use super::capture::Capture;
use super::launch::{Launched, Running};
use super::plan::Plan;
use super::run::{RunLimits, run_to_end};
use super::source::Sink;
use super::terminal::END_OF_INPUT;

impl Engine {
    pub(crate) async fn execute(&self, request: &ExecRequest) -> Result<ExecOutput> {
        let called = Instant::now();
        self.check()?;
        let plan = Plan::new(request, &self.defaults, called)?;
        let (deadline, ceiling, in_terminal) =
            (plan.deadline, plan.ceiling, plan.terminal.is_some());
        let launched = match deadline {
            // A command that has not started by then never runs, or is killed at once.
            Some(deadline) => match timeout_at(deadline.into(), self.launch(plan)).await {
                Ok(launched) => launched?,
                Err(_) => {
                    return Ok(outcome(
                        ExecStatus::TimedOut,
                        CapturedStreams::new(0),
                        called,
                    ));
                }
            },
            None => self.launch(plan).await?,
        };
        let mut kept = CapturedStreams::new(request.output_bytes);
        let Running {
            tree: guard,
            input,
            mut sources,
            terminal: _,
        } = match launched {
            Launched::Running(running) => running,
            Launched::Refused { code, line } => {
                let stream = if in_terminal {
                    OutputStream::Stdout
                } else {
                    OutputStream::Stderr
                };
                kept.push(stream, line.as_bytes());
                return Ok(outcome(ExecStatus::Exited(code), kept, called));
            }
        };
        let feed = feed(input, request.stdin.clone(), in_terminal);
        let limits = RunLimits { deadline, ceiling };
        let status = run_to_end(guard.tree(), &mut sources, feed, limits, &mut kept).await;
        // A command killed by a stop must not be reported as killed by a signal.
        self.check()?;
        if !guard.tree().is_gone() && !sources.ended() {
            // Background processes may keep printing: the output is discarded, but must not block
            // them.
            tokio::spawn(sources.discard());
        }
        guard.release();
        Ok(outcome(status, kept, called))
    }
}

/// Writes the whole input and closes it. A program that does not read it to the end is not an
/// error.
async fn feed(mut input: pipe::Sender, bytes: Bytes, in_terminal: bool) {
    let written: io::Result<()> = async {
        input.write_all(&bytes).await?;
        if in_terminal {
            // In the middle of a line, Ctrl-D only ends the line.
            if bytes.last().is_some_and(|&last| last != b'\n') {
                input.write_all(END_OF_INPUT).await?;
            }
            input.write_all(END_OF_INPUT).await?;
        }
        Ok(())
    }
    .await;
    drop(written);
}

fn outcome(status: ExecStatus, kept: CapturedStreams, called: Instant) -> ExecOutput {
    let (stdout, stderr) = kept.finish();
    ExecOutput::new(status, stdout, stderr, called.elapsed())
}

/// What is kept of both streams.
struct CapturedStreams {
    stdout: Capture,
    stderr: Capture,
}

impl CapturedStreams {
    fn new(limit: usize) -> Self {
        Self {
            stdout: Capture::new(limit),
            stderr: Capture::new(limit),
        }
    }

    fn finish(self) -> (Captured, Captured) {
        (self.stdout.finish(), self.stderr.finish())
    }
}

impl Sink for CapturedStreams {
    fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        match stream {
            OutputStream::Stderr => self.stderr.push(bytes),
            _ => self.stdout.push(bytes),
        }
    }
}
