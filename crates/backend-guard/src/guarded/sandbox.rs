//! Commands: checked before anything starts, as far as their words show.

use std::collections::BTreeSet;

use async_trait::async_trait;
use backend_core::{
    ExecOutput, ExecRequest, Liveness, OutputRequest, ProcessId, ProcessInfo, ProcessOutput,
    Result, Sandbox, SandboxId, Signal, StdinRequest, TerminalSize,
};

use super::Guarded;
use super::case::{Case, question};
use super::consult::{ask_of, name_of};
use crate::{Action, Method, Operation};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<B: Sandbox> Sandbox for Guarded<B> {
    fn id(&self) -> &SandboxId {
        self.inner.id()
    }

    async fn liveness(&self) -> Liveness {
        self.inner.liveness().await
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        self.admit_command(Method::Execute, request).await?;
        self.inner.execute_with(request).await
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        self.admit_command(Method::Spawn, request).await?;
        self.inner.spawn_with(request).await
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.list_processes().await
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        self.admit_process(Method::ReadOutput, &request.process)
            .await?;
        self.inner.read_output(request).await
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        self.admit_process(Method::WriteStdin, &request.process)
            .await?;
        self.inner.write_stdin(request).await
    }

    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        self.admit_process(Method::Signal, process).await?;
        self.inner.signal(process, signal).await
    }

    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        self.admit_process(Method::Resize, process).await?;
        self.inner.resize(process, size).await
    }

    async fn stop(&self) -> Result<()> {
        let mut case = Case::new(self, Method::Stop, self.policy.work_dir());
        for operation in Method::Stop.needs() {
            case.sandbox(*operation)?;
        }
        case.settle().await?;
        self.inner.stop().await
    }
}

impl<B: Sandbox> Guarded<B> {
    async fn admit_command(&self, method: Method, request: &ExecRequest) -> Result<()> {
        let cwd = request.cwd.as_ref().unwrap_or(self.policy.work_dir());
        let mut case = Case::new(self, method, cwd);
        for operation in method.needs() {
            case.command(*operation, &request.command, Some(request))?;
        }
        case.settle().await?;
        Ok(())
    }

    /// Checks a process by its command. An unknown process counts as one that runs anything.
    async fn admit_process(&self, method: Method, process: &ProcessId) -> Result<()> {
        if !method
            .needs()
            .iter()
            .any(|needed| self.policy.minds(*needed))
        {
            return Ok(());
        }
        let mut case = Case::new(self, method, self.policy.work_dir());
        let known = self.inner.processes().await?;
        let command = known.into_iter().find(|known| known.id == *process);
        for operation in method.needs() {
            match &command {
                Some(info) => case.command(*operation, &info.command, None)?,
                None => case.sandbox(*operation)?,
            }
        }
        case.settle().await?;
        Ok(())
    }

    async fn list_processes(&self) -> Result<Vec<ProcessInfo>> {
        let (method, operation) = (Method::Processes, Operation::Control);
        if !self.policy.minds(operation) {
            return self.inner.processes().await;
        }
        if !self.offers(operation) {
            let mut case = Case::new(self, method, self.policy.work_dir());
            case.sandbox(operation)?;
            case.settle().await?;
        }
        let is_known = self.is_remembered(operation, "");
        let mut asks = BTreeSet::new();
        let mut processes = Vec::new();
        for info in self.inner.processes().await? {
            let verdict = self.policy.judge_command(operation, &info.command, false);
            let asked = verdict.action == Action::Ask
                && !is_known
                && !self.is_remembered(operation, &name_of(Some(&info.command), None));
            if asked {
                asks.insert(ask_of(self, operation, None, verdict));
            }
            if verdict.action != Action::Deny {
                processes.push((info, asked));
            }
        }
        if !asks.is_empty() {
            let question = question(method, self.policy.work_dir());
            if self.consult(question, asks).await.is_err() {
                processes.retain(|(_, asked)| !asked);
            }
        }
        Ok(processes.into_iter().map(|(info, _)| info).collect())
    }
}
