//! The engine used by the tests, and the cleanup after them.

use std::process::Command;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use backend_core::{Sandbox, SandboxId};
use sandbox_docker::{DockerSandbox, DockerSandboxBuilder, Engine};

/// A plain Debian image.
pub(crate) fn debian() -> String {
    image(
        "AGENT_BACKENDS_TEST_IMAGE",
        "agent-backends-test/debian:latest",
    )
}

/// An empty image.
pub(crate) fn scratch() -> String {
    image(
        "AGENT_BACKENDS_TEST_SCRATCH",
        "agent-backends-test/scratch:latest",
    )
}

fn image(variable: &str, name: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| name.to_owned())
}

/// Connects to the engine. Without one the test is skipped with a message, or fails if an engine is required.
pub(crate) async fn engine() -> Option<Engine> {
    match Engine::connect().await {
        Ok(engine) => Some(engine),
        Err(error) => {
            let required =
                std::env::var_os("AGENT_BACKENDS_REQUIRE_DOCKER").is_some_and(|v| v == "1");
            assert!(!required, "AGENT_BACKENDS_REQUIRE_DOCKER=1, and {error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Returns the engine, or skips the test.
macro_rules! engine_or_skip {
    () => {
        match crate::support::engine().await {
            Some(engine) => engine,
            None => return,
        }
    };
}
pub(crate) use engine_or_skip;

/// The namespace of this run: everything in it is removed after the tests.
pub(crate) fn namespace() -> SandboxId {
    static NAMESPACE: OnceLock<SandboxId> = OnceLock::new();
    // The process number is not enough: a run in another container may have the same.
    let make = || {
        let moment = UNIX_EPOCH.elapsed().unwrap().as_micros();
        SandboxId::parse(format!("test-{}-{moment:x}", std::process::id())).unwrap()
    };
    NAMESPACE.get_or_init(make).clone()
}

pub(crate) fn id(name: &str) -> SandboxId {
    SandboxId::parse(name).unwrap()
}

/// Returns a builder for a sandbox of this run.
pub(crate) fn builder(engine: &Engine, image: impl Into<String>) -> DockerSandboxBuilder {
    DockerSandbox::builder(image)
        .engine(engine.clone())
        .namespace(namespace())
        .label("agent-backends-test", "1")
}

/// Returns the name of the container of a sandbox of this run.
pub(crate) fn container(sandbox: &DockerSandbox) -> String {
    format!("agent-backends.{}.{}", namespace(), sandbox.id())
}

/// Runs the engine's own client, with which these tests act as another user.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Removes a volume, if it exists, when it is dropped. Its containers must be gone by then.
pub(crate) struct RemovedVolume(pub(crate) String);

impl Drop for RemovedVolume {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["volume", "rm", &self.0])
            .output();
    }
}

/// Removes a container when it is dropped, for tests that fail.
pub(crate) struct Cleaner(pub(crate) String);

impl Cleaner {
    pub(crate) fn of(sandbox: &DockerSandbox) -> Self {
        Self(container(sandbox))
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["rm", "-f", "-v", &self.0])
            .output();
    }
}
