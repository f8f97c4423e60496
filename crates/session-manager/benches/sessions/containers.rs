//! Sessions in containers: a user's waiting time, and the machine's memory per session.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use backend_core::{Error, SandboxExt, SandboxId, SandboxProvider};
use sandbox_docker::{DockerProvider, DockerSandbox, Engine};
use session_manager::SessionManager;

use crate::table::{Table, median};

type Manager = SessionManager<DockerProvider>;

pub(crate) async fn engine() -> Result<Engine, Error> {
    Engine::connect().await
}

pub(crate) async fn measure(table: &mut Table, engine: Engine) {
    let root = tempfile::tempdir().unwrap();
    let namespace = SandboxId::parse(format!("bench-{}", std::process::id())).unwrap();
    let _cleaner = Cleaner(namespace.clone());
    waits(table, &engine, &namespace, root.path()).await;
    takes(table, &engine, &namespace, root.path()).await;
}

async fn manager(engine: &Engine, namespace: &SandboxId, root: &Path, warm: usize) -> Manager {
    let image = std::env::var("AGENT_BACKENDS_TEST_IMAGE")
        .unwrap_or_else(|_| "agent-backends-test/debian:latest".to_owned());
    let template = DockerSandbox::builder(image).engine(engine.clone());
    let provider = DockerProvider::builder(template)
        .namespace(namespace.clone())
        .connect()
        .await
        .unwrap();
    SessionManager::builder(provider)
        .workspace_root(root)
        .warm(None, warm)
        .build()
        .await
        .unwrap()
}

/// Measures how long it takes until a new session answers, cold and from the pool.
async fn waits(table: &mut Table, engine: &Engine, namespace: &SandboxId, root: &Path) {
    let rounds = if table.quick { 1 } else { 20 };
    let mut medians = Vec::new();
    for (name, warm) in [
        ("a new session answers, cold", 0),
        ("a new session answers, from the pool", 1),
    ] {
        let manager = manager(engine, namespace, root, warm).await;
        // The first round is not counted.
        manager.get_or_create("first").await.unwrap();
        let mut times = Vec::new();
        for round in 0..rounds {
            while manager.stats().warm < warm {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let id = format!("user-{round}");
            let began = Instant::now();
            let session = manager.get_or_create(&id).await.unwrap();
            session.execute("true").await.unwrap();
            times.push(began.elapsed().as_secs_f64() * 1e3);
            manager.purge(&id).await.unwrap();
        }
        manager.purge("first").await.unwrap();
        assert!(manager.shutdown().await.failures.is_empty());
        let median = median(times);
        medians.push(median);
        let note = match medians.as_slice() {
            [cold, warm] => format!("{:.1} times as quick", cold / warm),
            _ => String::new(),
        };
        table.add(name, median, "ms", None, note);
    }
}

/// Measures the machine's memory per session: its container with all its processes, and the engine's process for it.
async fn takes(table: &mut Table, engine: &Engine, namespace: &SandboxId, root: &Path) {
    let count = if table.quick { 1 } else { 10 };
    let manager = manager(engine, namespace, root, 0).await;
    let (mut inside, mut shims) = (0, 0);
    for number in 0..count {
        let id = format!("user-{number}");
        let session = manager.get_or_create(&id).await.unwrap();
        session.execute("true").await.unwrap();
        let sandbox = session.sandbox_id().unwrap();
        let sandbox = manager.provider().attach(&sandbox).await.unwrap();
        inside += sandbox.stats().await.unwrap().memory_bytes;
        // The engine's process for a container is only on this machine if the engine is.
        shims += shim(namespace, &session.sandbox_id().unwrap()).unwrap_or(0);
    }
    let mib = |bytes: u64| bytes as f64 / count as f64 / (1 << 20) as f64;
    let note = format!(
        "{:.2} in the container, {:.2} of the engine for it",
        mib(inside),
        mib(shims)
    );
    table.add(
        "machine's memory for an open, idle session",
        mib(inside + shims),
        "MiB",
        None,
        note,
    );
    for number in 0..count {
        manager.hibernate(format!("user-{number}")).await.unwrap();
    }
    let running = docker(&["ps", "--quiet", "--filter", &label(namespace)]);
    assert_eq!(running, "", "nothing runs for hibernated sessions");
    let note = "no process; its container is on disk";
    table.add(
        "machine's memory for a hibernated session",
        0.0,
        "MiB",
        None,
        note,
    );
    for number in 0..count {
        manager.purge(format!("user-{number}")).await.unwrap();
    }
    assert!(manager.shutdown().await.failures.is_empty());
}

/// Returns the memory of the engine's process for a container: the parent of its first process.
fn shim(namespace: &SandboxId, sandbox: &SandboxId) -> Option<u64> {
    let name = format!("agent-backends.{namespace}.{sandbox}");
    let first = docker(&["inspect", "--format", "{{.State.Pid}}", &name]);
    let parent = field(&format!("/proc/{first}/status"), "PPid:")?;
    field(&format!("/proc/{parent}/status"), "VmRSS:").map(|kib| kib * 1024)
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn label(namespace: &SandboxId) -> String {
    format!("label=agent-backends.namespace={namespace}")
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Removes leftovers in the engine if the benchmark is interrupted.
struct Cleaner(SandboxId);

impl Drop for Cleaner {
    fn drop(&mut self) {
        let left = docker(&["ps", "--all", "--quiet", "--filter", &label(&self.0)]);
        for container in left.lines() {
            docker(&["rm", "--force", "--volumes", container]);
        }
    }
}
