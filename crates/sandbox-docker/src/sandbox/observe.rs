//! What a container uses, and what its process 1 has said.

use std::time::Duration;

use backend_core::Result;
use bollard::query_parameters::{LogsOptionsBuilder, StatsOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt};

use super::DockerSandbox;
use crate::engine::{SHORT, failure};
use crate::link::unavailable;

/// What a container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How much memory is used, in bytes, without what is only cached of files.
    pub memory_bytes: u64,
    /// How much it may use, in bytes.
    pub memory_limit: u64,
    /// How much processor time it has used since it was started.
    pub cpu: Duration,
    /// How many processes and threads there are.
    pub pids: u64,
}

impl DockerSandbox {
    /// Returns what the container uses now.
    ///
    /// # Errors
    ///
    /// `unavailable`, where there is no container that runs too.
    pub async fn stats(&self) -> Result<Stats> {
        let what = "asking for what the container uses";
        let container = self.started()?;
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let docker = container.engine.docker();
        let mut stats = docker.stats(&container.key, Some(options));
        let first = async { stats.next().await.transpose() };
        let found = container.engine.call(what, SHORT, first).await?;
        let found = found.ok_or_else(|| unavailable(format!("{what}: there is no answer")))?;
        let memory = found.memory_stats.unwrap_or_default();
        let limit = memory.limit.unwrap_or_default();
        if limit == 0 {
            return Err(unavailable("the container does not run"));
        }
        // What the kernel would give back at once: its name depends on the version of control groups.
        let cached = memory.stats.as_ref().and_then(|stats| {
            let names = ["total_inactive_file", "inactive_file"];
            names.iter().find_map(|name| stats.get(*name).copied())
        });
        let cpu = found.cpu_stats.and_then(|cpu| cpu.cpu_usage?.total_usage);
        let usage = memory.usage.unwrap_or_default();
        Ok(Stats {
            memory_bytes: usage.saturating_sub(cached.unwrap_or_default()),
            memory_limit: limit,
            cpu: Duration::from_nanos(cpu.unwrap_or_default()),
            pids: found
                .pids_stats
                .and_then(|pids| pids.current)
                .unwrap_or_default(),
        })
    }

    /// Returns the last lines that process 1 of the container has printed. That is the guest, which is silent unless it
    /// cannot start. The engine keeps a mebibyte at most.
    ///
    /// # Errors
    ///
    /// `unavailable`.
    pub async fn logs(&self, lines: usize) -> Result<String> {
        let container = self.started()?;
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&lines.to_string())
            .build();
        let logs = container
            .engine
            .docker()
            .logs(&container.key, Some(options));
        let what = "reading what the container printed";
        let all = logs.try_fold(Vec::new(), |mut all, line| async move {
            all.extend_from_slice(&line.into_bytes());
            Ok(all)
        });
        let all = container.engine.try_call(what, SHORT, all).await?;
        let all = all.map_err(|error| failure(what, error))?;
        Ok(String::from_utf8_lossy(&all).into_owned())
    }
}
