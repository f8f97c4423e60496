//! The engine that the tests use, and what they leave behind in it: nothing.

use std::process::Command;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use backend_core::{Sandbox, SandboxId};
use sandbox_docker::{DockerSandbox, DockerSandboxBuilder, Engine};

/// A Debian image with nothing special in it.
pub(crate) fn debian() -> String {
    image(
        "AGENT_BACKENDS_TEST_IMAGE",
        "agent-backends-test/debian:latest",
    )
}

/// An image with nothing in it at all.
pub(crate) fn scratch() -> String {
    image(
        "AGENT_BACKENDS_TEST_SCRATCH",
        "agent-backends-test/scratch:latest",
    )
}

fn image(variable: &str, name: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| name.to_owned())
}

/// Connects to the engine. Where there is none the test is over: it says so, and fails where there has to be one.
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

/// Returns the engine, or ends the test.
macro_rules! engine_or_skip {
    () => {
        match crate::support::engine().await {
            Some(engine) => engine,
            None => return,
        }
    };
}
pub(crate) use engine_or_skip;

/// The namespace of this run: what carries it is removed when the tests are over.
pub(crate) fn namespace() -> SandboxId {
    static NAMESPACE: OnceLock<SandboxId> = OnceLock::new();
    // A number is not enough: other runs may be in another container, where they have the same.
    let make = || {
        let moment = UNIX_EPOCH.elapsed().unwrap().as_micros();
        SandboxId::parse(format!("test-{}-{moment:x}", std::process::id())).unwrap()
    };
    NAMESPACE.get_or_init(make).clone()
}

pub(crate) fn id(name: &str) -> SandboxId {
    SandboxId::parse(name).unwrap()
}

/// Starts to set up a sandbox of this run.
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

/// Runs the engine's own client, which these tests use to do what somebody else would do.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
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
