//! The simulated commands of a [`FakeSandbox`].

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use backend_core::{
    Backend, Captured, Command, Error, ExecOutput, ExecRequest, ExecStatus, Liveness,
    OutputRequest, ProcessId, ProcessInfo, ProcessOutput, Result, Sandbox, SandboxId, Signal,
    StdinRequest, TerminalSize,
};
use tokio::time::{Instant, sleep};

use super::sandbox::Pretended;
use super::{FakeSandbox, gone, lock};

/// The outcome of a command: how long it takes, how it ends, and what it prints.
struct Play {
    takes: Duration,
    code: i32,
    prints: String,
}

impl<B: Backend> FakeSandbox<B> {
    fn play(&self, request: &ExecRequest) -> Result<Play> {
        let words: Vec<&str> = match &request.command {
            Command::Shell(line) => line.split_whitespace().collect(),
            Command::Argv(argv) => argv.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let ends = |code, prints: &str| Play {
            takes: Duration::ZERO,
            code,
            prints: prints.to_owned(),
        };
        Ok(match *words.as_slice() {
            [] => return Err(Error::invalid_request("there is no command")),
            ["true"] => ends(0, ""),
            ["false"] => ends(1, ""),
            ["echo", ref text @ ..] => ends(0, &format!("{}\n", text.join(" "))),
            ["printenv", name] => match request.env.get(name).or_else(|| self.env.get(name)) {
                Some(value) => ends(0, &format!("{value}\n")),
                None => ends(1, ""),
            },
            ["exit", code] => ends(code.parse().unwrap_or(2), ""),
            ["sleep", seconds] => Play {
                takes: Duration::from_secs_f64(seconds.parse().unwrap_or(0.0)),
                code: 0,
                prints: String::new(),
            },
            _ => ends(127, ""),
        })
    }
}

#[async_trait]
impl<B: Backend> Sandbox for FakeSandbox<B> {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    async fn liveness(&self) -> Liveness {
        let fault = self.fault();
        if let Err(error) = fault.before().await {
            return Liveness::unknown(error.to_string());
        }
        let liveness = self.provider.state().liveness(&self.id, self);
        match fault.afterwards().await {
            Ok(()) => liveness,
            Err(error) => Liveness::unknown(error.to_string()),
        }
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        self.check()?;
        let play = self.play(request)?;
        let _command = self.command();
        let limit = request.timeout.unwrap_or(Duration::MAX);
        let takes = play.takes.min(limit);
        tokio::select! {
            biased;
            () = self.ended() => return Err(gone("the sandbox is gone")),
            () = self.cut() => return Err(gone("the connection to the engine broke")),
            () = sleep(takes), if !takes.is_zero() => {}
            () = std::future::ready(()), if takes.is_zero() => {}
        }
        let status = if play.takes > limit {
            ExecStatus::TimedOut
        } else {
            ExecStatus::Exited(play.code)
        };
        let (stdout, stderr) = (Captured::new(play.prints, 0, ""), Captured::default());
        Ok(ExecOutput::new(status, stdout, stderr, takes))
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        self.check()?;
        let play = self.play(request)?;
        let mut processes = lock(&self.processes);
        let id = ProcessId::new(format!("p{}", processes.len() + 1));
        let info = ProcessInfo::new(id, request.command.clone(), SystemTime::now());
        processes.push(Pretended {
            info: info.clone(),
            ends: Instant::now().checked_add(play.takes),
        });
        Ok(info)
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.check()?;
        let processes = lock(&self.processes);
        Ok(processes.iter().map(Pretended::now).collect())
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        self.check()?;
        let processes = lock(&self.processes);
        let found = processes.iter().find(|p| p.info.id == request.process);
        let process = found.ok_or_else(|| Error::unknown_process(&request.process))?;
        Ok(ProcessOutput::new(Vec::new(), 0, 0, process.now().status))
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        self.check()?;
        let processes = lock(&self.processes);
        let known = processes.iter().any(|p| p.info.id == request.process);
        if known {
            Ok(())
        } else {
            Err(Error::unknown_process(&request.process))
        }
    }

    async fn signal(&self, process: &ProcessId, _: Signal) -> Result<()> {
        self.check()?;
        let mut processes = lock(&self.processes);
        let found = processes.iter_mut().find(|p| p.info.id == *process);
        let found = found.ok_or_else(|| Error::unknown_process(process))?;
        if found.now().status.is_none() {
            found.info.status = Some(ExecStatus::Signaled(15));
        }
        Ok(())
    }

    async fn resize(&self, _: &ProcessId, _: TerminalSize) -> Result<()> {
        self.check()?;
        Err(Error::invalid_request("the process has no terminal"))
    }

    async fn stop(&self) -> Result<()> {
        self.end();
        Ok(())
    }
}

impl Pretended {
    /// Returns the process as it is now.
    fn now(&self) -> ProcessInfo {
        let mut info = self.info.clone();
        if info.status.is_none() && self.ends.is_some_and(|ends| ends <= Instant::now()) {
            info.status = Some(ExecStatus::Exited(0));
        }
        info
    }
}
