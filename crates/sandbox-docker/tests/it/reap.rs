//! An application that is killed, and its remains for the next one.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use backend_core::{BackendExt, Sandbox, SandboxExt, SandboxId, SandboxProvider, SandboxSpec};
use sandbox_docker::{DockerProvider, Engine, Lifetime};

use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip, id};

/// The variable with the namespace for `the_application`, which is this binary again.
const ROLE: &str = "AGENT_BACKENDS_TEST_NAMESPACE";

async fn provider(engine: &Engine, namespace: &SandboxId, lifetime: Lifetime) -> DockerProvider {
    DockerProvider::builder(builder(engine, debian()).lifetime(lifetime))
        .namespace(namespace.clone())
        .without_sweep()
        .connect()
        .await
        .unwrap()
}

/// The application that is killed. It is not a test in itself.
#[tokio::test]
async fn the_application() {
    let Ok(namespace) = std::env::var(ROLE) else {
        return;
    };
    let engine = Engine::connect().await.unwrap();
    let namespace = SandboxId::parse(namespace).unwrap();
    for (lifetime, name) in [(Lifetime::Ephemeral, "ephemeral"), (Lifetime::Kept, "kept")] {
        let provider = provider(&engine, &namespace, lifetime).await;
        let sandbox = provider.create(&SandboxSpec::new(id(name))).await.unwrap();
        sandbox.write("made-by", "the application").await.unwrap();
        sandbox.spawn("sleep 600").await.unwrap();
        std::mem::forget(sandbox);
    }
    std::fs::write(std::env::var("AGENT_BACKENDS_TEST_READY").unwrap(), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_container_with_our_labels_from_its_image_is_not_a_sandbox() {
    let engine = engine_or_skip!();
    let space = id(&format!("test-labels-{}", std::process::id()));
    let image = format!("agent-backends-test/labels-{}", std::process::id());
    // As if created by a process that is gone.
    let labels = [
        ("kind", "sandbox"),
        ("namespace", space.as_str()),
        ("id", "victim"),
        ("lifetime", "ephemeral"),
    ];
    let labels = labels.map(|(name, value)| format!("agent-backends.{name}={value}"));
    let made = docker(&["create", &debian()]);
    let changes: Vec<String> = labels
        .iter()
        .map(|label| format!("LABEL {label}"))
        .collect();
    let mut commit = vec!["commit"];
    for change in &changes {
        commit.extend(["--change", change]);
    }
    commit.extend([made.as_str(), image.as_str()]);
    docker(&commit);
    docker(&["rm", "-f", &made]);
    let stranger = docker(&[
        "run",
        "--detach",
        "--rm",
        "--network=none",
        &image,
        "sleep",
        "600",
    ]);
    let cleaner = Cleaner(stranger.clone());
    let provider = provider(&engine, &space, Lifetime::Ephemeral).await;
    assert!(provider.list().await.unwrap().is_empty());
    let everywhere = engine.sandboxes().await.unwrap();
    assert!(everywhere.iter().all(|(namespace, _)| *namespace != space));
    let real = provider
        .create(&SandboxSpec::new(id("real")))
        .await
        .unwrap();
    assert_eq!(provider.list().await.unwrap(), [id("real")]);
    let everywhere = engine.sandboxes().await.unwrap();
    assert!(everywhere.contains(&(space.clone(), id("real"))));
    assert!(provider.reap().await.unwrap().sandboxes.is_empty());
    provider.destroy(&id("victim")).await.unwrap();
    assert_eq!(
        docker(&["inspect", "-f", "{{.State.Running}}", &stranger]),
        "true"
    );
    real.stop().await.unwrap();
    drop(cleaner);
    docker(&["rmi", "--force", &image]);
}

/// Starts the application, and waits until it has its sandboxes.
fn application(namespace: &SandboxId) -> Child {
    let directory = tempfile::tempdir().unwrap();
    let ready = directory.path().join("ready");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reap::the_application", "--nocapture"])
        .env(ROLE, namespace.as_str())
        .env("AGENT_BACKENDS_TEST_READY", &ready)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !ready.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the application failed"
        );
        std::thread::yield_now();
    }
    child
}

fn containers(namespace: &SandboxId) -> String {
    let label = format!("label=agent-backends.namespace={namespace}");
    docker(&["ps", "-a", "--filter", &label, "--format", "{{.Names}}"])
}

#[tokio::test(flavor = "multi_thread")]
async fn remains_of_a_killed_application_are_reaped_or_adopted_and_decoys_stay() {
    let engine = engine_or_skip!();
    let namespace = id(&format!("test-reap-{}", std::process::id()));
    let name = |part: &str| format!("agent-backends.{namespace}.{part}");
    let _cleaners = [
        "ephemeral",
        "kept",
        "decoy",
        "other-host",
        "mine",
        "late",
        "lock",
    ]
    .map(|part| Cleaner(name(part)));
    let mut child = application(&namespace);

    // A foreign container with a name like ours, and one of ours from another host.
    let decoy = ["--label", "agent-backends.kind=other", "--label"];
    let namespace_label = format!("agent-backends.namespace={namespace}");
    let run = |part: &str, labels: &[&str]| {
        let name = name(part);
        let mut arguments = vec!["create", "--name", &name];
        arguments.extend_from_slice(labels);
        let image = debian();
        arguments.extend_from_slice(&[&image, "true"]);
        docker(&arguments)
    };
    run("decoy", &[&decoy[..], &[&namespace_label]].concat());
    let foreign = [
        "--label",
        "agent-backends.kind=sandbox",
        "--label",
        &namespace_label,
        "--label",
        "agent-backends.id=other-host",
        "--label",
        "agent-backends.lifetime=ephemeral",
        "--label",
        "agent-backends.host=elsewhere",
        "--label",
        "agent-backends.boot=x",
        "--label",
        "agent-backends.pid-namespace=x",
        "--label",
        "agent-backends.pid=1",
        "--label",
        "agent-backends.started=1",
    ];
    run("other-host", &foreign);
    let mine = provider(&engine, &namespace, Lifetime::Ephemeral).await;
    let own = mine.create(&SandboxSpec::new(id("mine"))).await.unwrap();

    // While it runs, nothing counts as left behind.
    let reaped = engine.reap(&namespace).await.unwrap();
    assert!(
        reaped.sandboxes.is_empty() && reaped.failed == 0,
        "{reaped:?}"
    );

    let marks = docker(&[
        "inspect",
        "-f",
        "{{json .Config.Labels}}",
        &name("ephemeral"),
    ]);
    let marks: HashMap<String, String> = serde_json::from_str(&marks).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let reaped = engine.reap(&namespace).await.unwrap();
    assert_eq!(reaped.sandboxes, [id("ephemeral")]);
    assert_eq!(reaped.failed, 0);
    let mut left: Vec<String> = containers(&namespace).lines().map(str::to_owned).collect();
    left.sort();
    assert_eq!(left, ["decoy", "kept", "mine", "other-host"].map(name));

    // A kept sandbox is adopted, with its processes. The next provider reaps when it connects, and finds one more of the same
    // process, and a volume that it was about to fill.
    let labels = |kind: &str| {
        let mut labels = marks.clone();
        labels.insert("agent-backends.kind".to_owned(), kind.to_owned());
        labels.insert("agent-backends.id".to_owned(), "late".to_owned());
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("--label={name}={value}"))
            .collect();
        labels
    };
    run(
        "late",
        &labels("sandbox")
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    run(
        "lock",
        &labels("guest")
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let next = DockerProvider::builder(builder(&engine, debian()))
        .namespace(namespace.clone())
        .connect()
        .await
        .unwrap();
    let mut left: Vec<String> = containers(&namespace).lines().map(str::to_owned).collect();
    left.sort();
    assert_eq!(left, ["decoy", "kept", "mine", "other-host"].map(name));
    assert_eq!(
        next.list().await.unwrap(),
        ["kept", "mine", "other-host"].map(id)
    );
    let adopted = next.attach(&id("kept")).await.unwrap();
    assert_eq!(
        adopted.read("made-by").await.unwrap().text,
        "the application"
    );
    assert_eq!(adopted.processes().await.unwrap().len(), 1);
    // A decoy is neither attached to nor destroyed.
    assert!(next.attach(&id("decoy")).await.is_err());
    next.destroy(&id("decoy")).await.unwrap();
    assert!(containers(&namespace).contains("decoy"));

    next.destroy(&id("kept")).await.unwrap();
    assert!(own.liveness().await.is_alive());
    own.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_ends_when_its_lease_passes_without_a_connection() {
    let engine = engine_or_skip!();
    let lease = Duration::from_millis(500);
    let sandbox = builder(&engine, debian())
        .lease(lease)
        .start()
        .await
        .unwrap();
    let filter = format!("name={}", container(&sandbox));
    let _cleaner = Cleaner::of(&sandbox);
    // With a connection it does not end.
    tokio::time::sleep(2 * lease).await;
    assert!(sandbox.liveness().await.is_alive());
    drop(sandbox);
    // Without one it ends, and is removed because it is ephemeral.
    while !docker(&["ps", "-aq", "--filter", &filter]).is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
