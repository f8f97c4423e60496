//! Two managers in two processes, one of which is stopped for longer than every limit, continues, and is killed.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use backend_core::{BackendExt, ErrorKind};
use rustix::process::{Pid, Signal, kill_process};
use sandbox_docker::DockerProvider;
use session_manager::{SessionManager, SessionManagerBuilder};

use super::{Place, engine};

/// The variables for the other process: the root, if any, and the namespace.
const ROOT: &str = "SESSION_MANAGER_PAIR_ROOT";
const NAMESPACE: &str = "SESSION_MANAGER_PAIR_NAMESPACE";

/// The limits of both managers, and how long one of them is stopped.
const LIMIT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_secs(5);

/// With `AGENT_BACKENDS_LONG=1` the pause is longer than the timeout of a silent connection plus the lease.
fn pause() -> Duration {
    let long = std::env::var_os("AGENT_BACKENDS_LONG").is_some_and(|v| v == "1");
    if long {
        PAUSE + Duration::from_secs(100)
    } else {
        PAUSE
    }
}

async fn builder(place: &Place, root: Option<&str>) -> SessionManagerBuilder<DockerProvider> {
    let builder = match root {
        Some(root) => place.stored(root.as_ref()).await,
        None => SessionManager::builder(place.provider().await).name("pair"),
    };
    builder
        .cleanup_interval(LIMIT)
        .probe(Duration::ZERO, LIMIT)
        .stop_timeout(4 * LIMIT)
        .stop_retry(1, LIMIT)
}

/// The other process: it runs the commands that it reads, and prints the outcome. Otherwise it is an empty test.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_manager() {
    let Ok(namespace) = std::env::var(NAMESPACE) else {
        return;
    };
    let root = std::env::var(ROOT).ok();
    let place = Place::named(engine().await.unwrap(), &namespace);
    let manager = builder(&place, root.as_deref())
        .await
        .build()
        .await
        .unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    println!("\nready {}", session.sandbox_id().unwrap());
    std::io::stdout().flush().unwrap();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let outcome = async {
            let before = match session.read("log").await {
                Ok(page) => page.text,
                Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error),
            };
            session.write("log", format!("{before}{line}\n")).await?;
            session.read("log").await
        };
        match outcome.await {
            Ok(page) => println!("\nlog {}", page.text.replace('\n', ",")),
            Err(error) => println!("\nfailed {error}"),
        }
        std::io::stdout().flush().unwrap();
    }
    // It is killed, without a shutdown.
    std::future::pending::<()>().await;
}

struct Other {
    child: Child,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    sandbox: String,
}

impl Other {
    fn start(place: &Place, root: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["docker::pair::the_other_manager", "--exact", "--nocapture"])
            .env(NAMESPACE, place.namespace.as_str());
        if let Some(root) = root {
            command.env(ROOT, root);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let sandbox = said(&mut lines, "ready ").expect("it starts");
        Self {
            commands: child.stdin.take().unwrap(),
            child,
            lines,
            sandbox,
        }
    }

    /// Makes it write a line, and returns all lines that it then reads.
    fn writes(&mut self, line: &str) -> String {
        writeln!(self.commands, "{line}").unwrap();
        said(&mut self.lines, "log ").expect("it writes")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(lines: &mut Lines<BufReader<ChildStdout>>, what: &str) -> Option<String> {
    for line in lines {
        let line = line.unwrap();
        assert!(!line.starts_with("failed "), "{line}");
        if let Some(said) = line.strip_prefix(what) {
            return Some(said.to_owned());
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_was_stopped_keeps_its_root_and_its_sandboxes() {
    let place = super::place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let root = here.path().to_str();
    let mut other = Other::start(&place, root);
    assert_eq!(other.writes("1"), "1,");
    let keys = place.containers(true);
    other.signal(Signal::STOP);
    let begun = std::time::Instant::now();
    while begun.elapsed() < pause() {
        // It does not answer, but is still the only one that may write.
        let error = builder(&place, root).await.build().await.map(drop);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(place.containers(false), keys);
        tokio::time::sleep(LIMIT).await;
    }
    other.signal(Signal::CONT);
    assert_eq!(other.writes("2"), "1,2,");
    assert_eq!(place.containers(false), keys);
    let sandbox = other.sandbox.clone();
    drop(other);

    let manager = builder(&place, root).await.build().await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(session.read("log").await.unwrap().text, "1\n2\n");
    assert_eq!(session.sandbox_id().unwrap().as_str(), sandbox);
    assert_eq!(place.containers(true), keys);
    manager.purge("a").await.unwrap();
    assert!(manager.shutdown().await.failures.is_empty());
    assert_eq!(place.containers(true).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_without_a_root_coexists_with_a_stopped_one_and_cleans_up_after_a_dead_one() {
    let place = super::place_or_skip!();
    let mut other = Other::start(&place, None);
    assert_eq!(other.writes("1"), "1,");
    let keys = place.containers(true);
    other.signal(Signal::STOP);
    let manager = builder(&place, None).await.build().await.unwrap();
    assert!(
        manager.recovered().orphans.is_empty(),
        "{:?}",
        manager.recovered()
    );
    let session = manager.get_or_create("a").await.unwrap();
    session.write("log", "mine").await.unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < pause() {
        manager.cleanup_idle().await;
        assert!(keys.iter().all(|key| place.containers(false).contains(key)));
        tokio::time::sleep(LIMIT).await;
    }
    other.signal(Signal::CONT);
    assert_eq!(other.writes("2"), "1,2,");
    assert_eq!(session.read("log").await.unwrap().text, "mine");
    drop(other);
    manager.purge("a").await.unwrap();
    assert!(manager.shutdown().await.failures.is_empty());
    assert_eq!(
        place.containers(true),
        keys,
        "the remains belong to the dead one"
    );

    // Now it is certainly orphaned.
    let next = builder(&place, None).await.build().await.unwrap();
    assert_eq!(next.recovered().orphans.len(), 1, "{:?}", next.recovered());
    while next.stats().orphans > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(place.containers(true).len(), 0);
    assert!(next.shutdown().await.failures.is_empty());
}
