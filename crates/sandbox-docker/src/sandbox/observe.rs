//! A container's resource usage, and the output of its process 1.

use std::time::Duration;

use backend_core::{Error, Result};
use bollard::query_parameters::{LogsOptionsBuilder, StatsOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt};

use super::DockerSandbox;
use crate::engine::{SHORT, failure};

/// A container's resource usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Memory in use, in bytes, without the file cache.
    pub memory_bytes: u64,
    /// The memory limit, in bytes.
    pub memory_limit: u64,
    /// Processor time used since it was started.
    pub cpu: Duration,
    /// The number of processes and threads.
    pub pids: u64,
}

impl DockerSandbox {
    /// Returns the container's current resource usage.
    ///
    /// # Errors
    ///
    /// `unavailable`, also if no container is running.
    pub async fn stats(&self) -> Result<Stats> {
        let what = "asking for the container's resource usage";
        let container = self.started()?;
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let docker = container.engine.docker();
        let mut stats = docker.stats(&container.key, Some(options));
        let first = async { stats.next().await.transpose() };
        let found = container.engine.call(what, SHORT, first).await?;
        let found =
            found.ok_or_else(|| Error::unavailable(format!("{what}: there is no answer")))?;
        let memory = found.memory_stats.unwrap_or_default();
        let limit = memory.limit.unwrap_or_default();
        if limit == 0 {
            return Err(Error::unavailable("the container does not run"));
        }
        // Memory that the kernel can reclaim at once: its name depends on the cgroup version.
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

    /// Returns the last lines printed by process 1 of the container. That is the guest, which is silent unless it cannot start.
    /// The engine keeps at most 1 MiB.
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
        let what = "reading the output of the container";
        let all = logs.try_fold(Vec::new(), |mut all, line| async move {
            all.extend_from_slice(&line.into_bytes());
            Ok(all)
        });
        let all = container.engine.try_call(what, SHORT, all).await?;
        let all = all.map_err(|error| failure(what, error))?;
        Ok(String::from_utf8_lossy(&all).into_owned())
    }
}
