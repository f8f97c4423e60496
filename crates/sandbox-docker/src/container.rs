//! One container, and the engine calls on it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{Error, Result};
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum};
use bollard::query_parameters::{
    RemoveContainerOptionsBuilder, RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
};

use crate::Engine;
use crate::engine::{LONG, SHORT, conflict, failure, gone, no_container};
use crate::stream::Attached;

/// How long the guest may take to end everything before the engine kills it.
const GRACE_SECONDS: i32 = 3;

/// Interval and number of checks whether a container that another process is removing is gone.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const MAX_POLLS: u32 = 500;

/// A container of ours.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) engine: Engine,
    /// The engine's unique id for it.
    pub(crate) key: Arc<str>,
}

/// A command that was started in a container.
pub(crate) struct Running {
    /// The engine's id for it.
    pub(crate) exec: String,
    pub(crate) stream: Attached,
}

/// The condition of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Running,
    Paused,
    /// It was created, and has never run: a start that was broken off leaves it without all that a start does.
    NeverStarted,
    /// It has ended, as the text says.
    Ended(&'static str),
    /// It does not exist, or is being removed.
    Gone,
    /// The engine does not say.
    Unclear,
}

impl Container {
    pub(crate) fn new(engine: Engine, key: impl Into<Arc<str>>) -> Self {
        Self {
            engine,
            key: key.into(),
        }
    }

    /// Asks the engine for the container's condition.
    pub(crate) async fn condition(&self) -> Result<Condition> {
        Ok(self
            .inspect()
            .await?
            .map_or(Condition::Gone, |found| condition(&found)))
    }

    /// Returns the engine's description of the container, if it exists.
    pub(crate) async fn inspect(&self) -> Result<Option<ContainerInspectResponse>> {
        let what = "looking at the container";
        let call = self.engine.docker().inspect_container(&self.key, None);
        match self.engine.try_call(what, SHORT, call).await? {
            Ok(found) => Ok(Some(found)),
            Err(error) if no_container(&error) => Ok(None),
            Err(error) => Err(failure(what, error)),
        }
    }

    /// Starts a command in it, as its user. `None` if the container is not running.
    pub(crate) async fn try_run(&self, command: Vec<String>) -> Result<Option<Running>> {
        let what = "running a command in the container";
        let docker = self.engine.docker();
        let options = CreateExecOptions {
            cmd: Some(command),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let call = docker.create_exec(&self.key, options);
        let made = match self.engine.try_call(what, SHORT, call).await? {
            Ok(made) => made,
            Err(error) if gone(&error) || conflict(&error) => return Ok(None),
            Err(error) => return Err(failure(what, error)),
        };
        let options = StartExecOptions {
            output_capacity: Some(64 << 10),
            ..StartExecOptions::default()
        };
        let call = docker.start_exec(&made.id, Some(options));
        match self.engine.try_call(what, LONG, call).await? {
            Ok(StartExecResults::Attached { output, input }) => Ok(Some(Running {
                exec: made.id,
                stream: Attached::new(output, input),
            })),
            Ok(StartExecResults::Detached) => Ok(None),
            Err(error) if gone(&error) || conflict(&error) => Ok(None),
            Err(error) => Err(failure(what, error)),
        }
    }

    /// Starts a command in it, as its user.
    pub(crate) async fn run(&self, command: Vec<String>) -> Result<Running> {
        self.try_run(command)
            .await?
            .ok_or_else(|| Error::unavailable("the container does not run"))
    }

    /// Returns the code with which a command ended, once it has.
    pub(crate) async fn exit_code(&self, exec: &str) -> Result<Option<i64>> {
        let what = "asking how a command ended";
        for _ in 0..MAX_POLLS {
            let call = self.engine.docker().inspect_exec(exec);
            let found = self.engine.call(what, SHORT, call).await?;
            if found.running != Some(true) {
                return Ok(found.exit_code);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(None)
    }

    /// Asks process 1 to end, and kills it if it does not soon.
    pub(crate) async fn stop(&self) -> Result<()> {
        let options = StopContainerOptionsBuilder::default()
            .t(GRACE_SECONDS)
            .build();
        let call = self
            .engine
            .docker()
            .stop_container(&self.key, Some(options));
        let what = "stopping the container";
        let refusal = match self.engine.try_call(what, LONG, call).await? {
            Ok(()) => return Ok(()),
            Err(error) if no_container(&error) => return Ok(()),
            Err(error) => error,
        };
        // It may be paused or being removed: a refusal does not prove that it has stopped.
        match self.condition().await? {
            Condition::Ended(_) | Condition::NeverStarted | Condition::Gone => Ok(()),
            Condition::Running | Condition::Paused | Condition::Unclear => {
                Err(failure(what, refusal))
            }
        }
    }

    /// Ends the container and starts it again. Its files stay, except those in memory.
    pub(crate) async fn restart(&self) -> Result<()> {
        let options = RestartContainerOptionsBuilder::default()
            .t(GRACE_SECONDS)
            .build();
        let call = self
            .engine
            .docker()
            .restart_container(&self.key, Some(options));
        self.engine
            .call("restarting the container", LONG, call)
            .await
    }

    pub(crate) async fn start(&self) -> Result<Result<(), bollard::errors::Error>> {
        let call = self.engine.docker().start_container(&self.key, None);
        self.engine
            .try_call("starting the container", LONG, call)
            .await
    }

    pub(crate) async fn pause(&self) -> Result<()> {
        let call = self.engine.docker().pause_container(&self.key);
        self.engine.call("pausing the container", LONG, call).await
    }

    pub(crate) async fn unpause(&self) -> Result<()> {
        let call = self.engine.docker().unpause_container(&self.key);
        self.engine.call("resuming the container", LONG, call).await
    }

    /// Removes the container with everything in it, and returns when it is gone.
    pub(crate) async fn remove(&self) -> Result<()> {
        let what = "removing the container";
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let call = self
            .engine
            .docker()
            .remove_container(&self.key, Some(options));
        match self.engine.try_call(what, LONG, call).await? {
            Ok(()) => return Ok(()),
            Err(error) if no_container(&error) => return Ok(()),
            // Another process is removing it.
            Err(error) if conflict(&error) => {}
            Err(error) => return Err(failure(what, error)),
        }
        for _ in 0..MAX_POLLS {
            if self.inspect().await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Err(Error::unavailable(format!(
            "{what}: the engine has not removed it yet"
        )))
    }
}

/// Returns a container's condition from the engine's description.
pub(crate) fn condition(found: &ContainerInspectResponse) -> Condition {
    let Some(state) = &found.state else {
        return Condition::Unclear;
    };
    let out_of_memory = state.oom_killed == Some(true);
    match state.status {
        Some(ContainerStateStatusEnum::RUNNING) => Condition::Running,
        Some(ContainerStateStatusEnum::PAUSED) => Condition::Paused,
        Some(ContainerStateStatusEnum::RESTARTING | ContainerStateStatusEnum::STOPPING) => {
            Condition::Running
        }
        Some(ContainerStateStatusEnum::CREATED) if has_never_run(state) => Condition::NeverStarted,
        Some(ContainerStateStatusEnum::CREATED) => Condition::Ended("it was not started"),
        Some(ContainerStateStatusEnum::EXITED) if out_of_memory => {
            Condition::Ended("it ran out of memory")
        }
        Some(ContainerStateStatusEnum::EXITED) => Condition::Ended("it has ended"),
        Some(ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD) => {
            Condition::Gone
        }
        Some(ContainerStateStatusEnum::EMPTY) | None => Condition::Unclear,
    }
}

/// Returns whether the engine has no date of a start. Podman also calls a container created that ran before the last reboot.
fn has_never_run(state: &ContainerState) -> bool {
    let date = state.started_at.as_deref();
    date.is_some_and(|date| date.is_empty() || date.starts_with("0001-01-01T"))
}

/// Returns the labels of a container.
pub(crate) fn labels_of(found: &ContainerInspectResponse) -> HashMap<String, String> {
    let config = found.config.as_ref();
    config
        .and_then(|config| config.labels.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum};

    use super::{Condition, condition};

    #[test]
    fn only_a_container_that_has_never_run_was_never_started() {
        let created = |started_at: Option<&str>| {
            condition(&ContainerInspectResponse {
                state: Some(ContainerState {
                    status: Some(ContainerStateStatusEnum::CREATED),
                    started_at: started_at.map(str::to_owned),
                    ..ContainerState::default()
                }),
                ..ContainerInspectResponse::default()
            })
        };
        for never in ["0001-01-01T00:00:00Z", ""] {
            assert_eq!(created(Some(never)), Condition::NeverStarted);
        }
        for other in [Some("2026-11-30T23:43:11Z"), None] {
            assert!(matches!(created(other), Condition::Ended(_)), "{other:?}");
        }
    }
}
