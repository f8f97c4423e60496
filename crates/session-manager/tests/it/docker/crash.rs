//! An application that is killed, and the next one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use backend_core::{BackendExt, Sandbox, SandboxExt};
use session_manager::{SessionOptions, SessionState};
use tokio::time::{Duration, sleep};

use super::{Place, engine};

/// The variables for the child: the root, and the namespace.
const ROOT: &str = "SESSION_MANAGER_DOCKER_ROOT";
const NAMESPACE: &str = "SESSION_MANAGER_DOCKER_NAMESPACE";

/// The child: it does a bit of everything until it is killed. Otherwise it is an empty test.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_killed() {
    let (Some(root), Ok(namespace)) = (std::env::var_os(ROOT), std::env::var(NAMESPACE)) else {
        return;
    };
    let place = Place::named(engine().await.unwrap(), &namespace);
    let builder = place.stored(root.as_ref()).await.warm(None, 1);
    let manager = builder.build().await.unwrap();
    let sleeps = manager.get_or_create("sleeps").await.unwrap();
    let line = "echo slept > f; echo installed > /tmp/tool";
    sleeps.execute(line).await.unwrap();
    manager.hibernate("sleeps").await.unwrap();
    // It has its own variables, so it is not from the pool.
    let options = SessionOptions::new().tenant("acme").env("A", "1");
    let works = manager.get_or_create_with("works", &options).await.unwrap();
    works.write("f", "worked").await.unwrap();
    works.spawn("sleep 600").await.unwrap();
    while manager.stats().warm == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let sandbox = works.sandbox_id().unwrap();
    let long = tokio::spawn(async move { works.execute("sleep 300").await.map(|_| ()) });
    println!("\nready {sandbox}");
    std::io::stdout().flush().unwrap();
    let _ = long.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_application_takes_over_what_a_killed_one_left() {
    let place = super::place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "docker::crash::a_child_that_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(ROOT, here.path())
        .env(NAMESPACE, place.namespace.as_str())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.find_map(|line| line.unwrap().strip_prefix("ready ").map(str::to_owned));
    child.kill().unwrap();
    child.wait().unwrap();
    let sandbox = ready.expect("the child got so far");
    // The busy one, the warm one, and that of the hibernated session unless it was evicted.
    assert!(place.containers(false).len() >= 2);
    let manager = place.stored(here.path()).await.build().await.unwrap();
    let recovered = manager.recovered();
    assert_eq!(
        (recovered.stored, recovered.adopted.len()),
        (2, 1),
        "{recovered:?}"
    );
    assert!(recovered.ended.is_empty() && recovered.unreadable.is_empty());
    assert_eq!(recovered.orphans.len(), 1, "the warm one is orphaned");
    let works = manager.get("works").expect("it is open");
    assert_eq!(works.sandbox_id().unwrap().as_str(), sandbox);
    assert_eq!(works.read("f").await.unwrap().text, "worked");
    let runs = works.processes().await.unwrap();
    assert!(runs.iter().any(|process| process.status.is_none()));
    let output = works.execute("printenv A").await.unwrap();
    assert_eq!(output.stdout.to_text(), "1\n");
    assert_eq!(works.info().unwrap().tenant.as_deref(), Some("acme"));
    let info = manager.info("sleeps").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Stored);
    let sleeps = manager.get_or_create("sleeps").await.unwrap();
    assert_eq!(sleeps.read("f").await.unwrap().text, "slept\n");
    while manager.stats().orphans > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(place.containers(false).len(), 2);
    for id in ["works", "sleeps"] {
        manager.purge(id).await.unwrap();
    }
    assert_eq!(place.containers(true).len(), 0);
    assert!(manager.shutdown().await.failures.is_empty());
}
