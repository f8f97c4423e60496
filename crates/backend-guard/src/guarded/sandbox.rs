//! Commands: checked before anything starts, as far as their words show.

use std::collections::BTreeSet;

use async_trait::async_trait;
use backend_core::{
    ExecOutput, ExecRequest, Liveness, OutputRequest, ProcessId, ProcessInfo, ProcessOutput,
    Result, Sandbox, SandboxId, Signal, StdinRequest, TerminalSize,
};

use super::Guarded;
use super::approval::{command_key, make_ask};
use super::authorization::{Authorization, question};
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
        self.authorize_command(Method::Execute, request).await?;
        self.inner.execute_with(request).await
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        self.authorize_command(Method::Spawn, request).await?;
        self.inner.spawn_with(request).await
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.list_processes().await
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        self.authorize_process(Method::ReadOutput, &request.process)
            .await?;
        self.inner.read_output(request).await
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        self.authorize_process(Method::WriteStdin, &request.process)
            .await?;
        self.inner.write_stdin(request).await
    }

    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        self.authorize_process(Method::Signal, process).await?;
        self.inner.signal(process, signal).await
    }

    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        self.authorize_process(Method::Resize, process).await?;
        self.inner.resize(process, size).await
    }

    async fn stop(&self) -> Result<()> {
        let mut authorization = Authorization::new(self, Method::Stop, self.policy.work_dir());
        for operation in Method::Stop.needs() {
            authorization.sandbox(*operation)?;
        }
        authorization.authorize().await?;
        self.inner.stop().await
    }
}

impl<B: Sandbox> Guarded<B> {
    async fn authorize_command(&self, method: Method, request: &ExecRequest) -> Result<()> {
        let cwd = request.cwd.as_ref().unwrap_or(self.policy.work_dir());
        let mut authorization = Authorization::new(self, method, cwd);
        for operation in method.needs() {
            authorization.command(*operation, &request.command, Some(request))?;
        }
        authorization.authorize().await?;
        Ok(())
    }

    /// Checks a process by its command. An unknown process counts as one that runs anything.
    async fn authorize_process(&self, method: Method, process: &ProcessId) -> Result<()> {
        if !method
            .needs()
            .iter()
            .any(|needed| self.policy.has_rules_for(*needed))
        {
            return Ok(());
        }
        let mut authorization = Authorization::new(self, method, self.policy.work_dir());
        let known = self.inner.processes().await?;
        let command = known.into_iter().find(|known| known.id == *process);
        for operation in method.needs() {
            match &command {
                Some(info) => authorization.command(*operation, &info.command, None)?,
                None => authorization.sandbox(*operation)?,
            }
        }
        authorization.authorize().await?;
        Ok(())
    }

    async fn list_processes(&self) -> Result<Vec<ProcessInfo>> {
        let (method, operation) = (Method::Processes, Operation::Control);
        if !self.policy.has_rules_for(operation) {
            return self.inner.processes().await;
        }
        if !self.offers(operation) {
            let mut authorization = Authorization::new(self, method, self.policy.work_dir());
            authorization.sandbox(operation)?;
            authorization.authorize().await?;
        }
        let is_known = self.is_remembered(operation, "");
        let mut asks = BTreeSet::new();
        let mut processes = Vec::new();
        for info in self.inner.processes().await? {
            let verdict = self
                .policy
                .evaluate_command(operation, &info.command, false);
            let asked = verdict.action == Action::Ask
                && !is_known
                && !self.is_remembered(operation, &command_key(Some(&info.command), None));
            if asked {
                asks.insert(make_ask(self, operation, None, verdict));
            }
            if verdict.action != Action::Deny {
                processes.push((info, asked));
            }
        }
        if !asks.is_empty() {
            let question = question(method, self.policy.work_dir());
            if self.ask_approver(question, asks).await.is_err() {
                processes.retain(|(_, asked)| !asked);
            }
        }
        Ok(processes.into_iter().map(|(info, _)| info).collect())
    }
}
