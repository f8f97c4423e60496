//! Processes that outlive the call that started them.

use std::sync::Arc;
use std::time::Instant;

use backend_core::{
    Error, ExecRequest, ExecStatus, OutputRequest, OutputStream, ProcessId, ProcessInfo,
    ProcessOutput, Result, Signal, StdinRequest, TerminalSize,
};
use tokio::io::AsyncWriteExt;

use super::Engine;
use super::launch::{Launched, Running};
use super::plan::Plan;
use super::process::Process;
use super::run::{RunLimits, run_to_end};
use super::source::Sink;

impl Engine {
    pub(crate) async fn spawn(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        let called = Instant::now();
        self.check()?;
        let plan = Plan::new(request, &self.defaults, called)?;
        let limits = RunLimits {
            deadline: plan.deadline,
            ceiling: plan.ceiling,
        };
        let in_terminal = plan.terminal.is_some();
        let launched = self.launch(plan).await?;
        // No awaits from here on: either the process is listed, or it is dead.
        let make = |id| Process::new(id, request.command.clone(), request.output_bytes);
        let Running {
            tree: guard,
            input,
            mut sources,
            terminal,
        } = match launched {
            Launched::Running(running) => running,
            Launched::Refused { code, line } => {
                let stream = if in_terminal {
                    OutputStream::Stdout
                } else {
                    OutputStream::Stderr
                };
                let process = self.registry.add_process(make)?;
                (&*process).push(stream, line.as_bytes());
                process.end(ExecStatus::Exited(code));
                return Ok(process.info());
            }
        };
        let tree = Arc::clone(guard.tree());
        let process = self
            .registry
            .add_process(|id| make(id).running(&tree, input, terminal))?;
        guard.release();
        let info = process.info();
        let (first, bytes) = (process.take_input(), request.stdin.clone());
        let feed = async move {
            if let Some(mut guard) = first
                && let Some(input) = guard.as_mut()
            {
                // A program that does not read it is not an error; the next write reports it.
                let _ = input.write_all(&bytes).await;
            }
        };
        tokio::spawn(async move {
            let status = run_to_end(&tree, &mut sources, feed, limits, &mut &*process).await;
            process.end(status);
            // Its background processes must not block because their output is not read, nor keep this
            // process listed as running.
            drop((process, tree));
            sources.discard().await;
        });
        Ok(info)
    }

    pub(crate) fn processes(&self) -> Result<Vec<ProcessInfo>> {
        let all = self.registry.processes()?;
        Ok(all.iter().map(|process| process.info()).collect())
    }

    pub(crate) async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        let output = self.registry.process(&request.process)?.read(request).await;
        // A process killed by a stop did not exit on its own.
        self.check()?;
        output
    }

    pub(crate) async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        let written = self
            .registry
            .process(&request.process)?
            .write(request)
            .await;
        self.check()?;
        written
    }

    pub(crate) async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        let process = self.registry.process(process)?;
        let Some(tree) = process.tree() else {
            return Ok(());
        };
        if tree.signal(signal).await {
            return Ok(());
        }
        Err(Error::unavailable(
            "the process was killed but is not known to have ended",
        ))
    }

    pub(crate) fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        self.registry.process(process)?.resize(size)
    }
}
