//! The manager on a real engine: isolation of users, long commands, crashes, the warm pool.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use backend_core::SandboxId;
use backend_fs::FsBackend;
use sandbox_docker::{DockerProvider, DockerSandbox, Engine};
use session_manager::{SessionManager, SessionManagerBuilder};

mod by_hand;
mod crash;
#[path = "../../../sandbox-docker/tests/it/dockerd.rs"]
#[allow(dead_code, reason = "the tests of sandbox-docker use all of it")]
mod dockerd;
mod full;
mod life;
mod many;
mod outage;
mod owners;
mod pair;
#[path = "../../../sandbox-docker/tests/it/relay.rs"]
#[allow(dead_code, reason = "the tests of sandbox-docker use all of it")]
mod relay;
mod restart;
mod soak;

/// A plain Debian image.
fn debian() -> String {
    std::env::var("AGENT_BACKENDS_TEST_IMAGE")
        .unwrap_or_else(|_| "agent-backends-test/debian:latest".to_owned())
}

/// Connects to the engine. Without one the test is skipped with a message, or fails if an engine is required.
async fn engine() -> Option<Engine> {
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

/// Returns a separate place in the engine, or skips the test.
macro_rules! place_or_skip {
    () => {
        match $crate::docker::engine().await {
            Some(engine) => $crate::docker::Place::of(engine),
            None => return,
        }
    };
}
use place_or_skip;

/// A namespace of the engine. Everything a test left in it is removed on drop.
struct Place {
    engine: Engine,
    namespace: SandboxId,
    image: String,
    /// The engine's address for its own client, bypassing a relay of the test.
    host: Option<String>,
}

impl Place {
    fn of(engine: Engine) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        Self::named(engine, &format!("sessions-{}-{number}", std::process::id()))
    }

    fn named(engine: Engine, namespace: &str) -> Self {
        Self {
            engine,
            namespace: SandboxId::parse(namespace).unwrap(),
            image: debian(),
            host: None,
        }
    }

    /// Returns a place in the test's own engine, which has an empty image.
    fn alone(engine: Engine, dockerd: &dockerd::Dockerd) -> Self {
        let mut place = Self::of(engine);
        dockerd::EMPTY.clone_into(&mut place.image);
        place.host = Some(dockerd.address().to_owned());
        place
    }

    /// Runs the engine's own client, bypassing a relay of the test.
    fn docker(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("docker");
        if let Some(host) = &self.host {
            command.args(["-H", host]);
        }
        let output = command.args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Returns the engine's unique id for the container of a session's sandbox.
    fn key(&self, sandbox: &SandboxId) -> String {
        self.docker(&["inspect", "-f", "{{.Id}}", &self.container(sandbox)])
    }

    fn container(&self, sandbox: &SandboxId) -> String {
        format!("agent-backends.{}.{sandbox}", self.namespace)
    }

    async fn provider(&self) -> DockerProvider {
        let template = DockerSandbox::builder(&self.image)
            .engine(self.engine.clone())
            .label("agent-backends-test", "1")
            // Their files can then be removed by the user that runs the tests.
            .user(rustix::process::getuid().as_raw().to_string());
        DockerProvider::builder(template)
            .namespace(self.namespace.clone())
            .connect()
            .await
            .unwrap()
    }

    /// Returns a builder for a manager without background tasks.
    async fn builder(&self) -> SessionManagerBuilder<DockerProvider> {
        SessionManager::builder(self.provider().await).cleanup_interval(None)
    }

    async fn stored(&self, root: &Path) -> SessionManagerBuilder<DockerProvider> {
        let builder = self.builder().await.workspace_root(root).without_fsync();
        builder.files(|dir| Ok(Arc::new(FsBackend::open(dir)?)))
    }

    /// Returns the containers of the place, running ones or all.
    fn containers(&self, all: bool) -> Vec<String> {
        let filter = format!("label=agent-backends.namespace={}", self.namespace);
        let mut words = vec!["ps", "-q", "--no-trunc", "--filter", &filter];
        if all {
            words.push("--all");
        }
        self.docker(&words).lines().map(str::to_owned).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The test's own engine removes everything.
        if self.host.is_some() {
            return;
        }
        let left = self.containers(true);
        if !left.is_empty() {
            let _ = Command::new("docker")
                .args(["rm", "--force", "--volumes"])
                .args(left)
                .output();
        }
    }
}

fn docker(arguments: &[&str]) {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "docker {arguments:?}: {error}");
}
