//! Concurrent builds of one image, by tasks and by processes.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backend_core::RuntimeConfig;
use sandbox_docker::{BuildOptions, Engine, ImageProgress, Images};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::{Runtime, Told, gone, images};
use crate::support::{debian, docker, engine_or_skip};

/// The variable with the name of the runtime, for a process started for a build.
const CHILD: &str = "AGENT_BACKENDS_TEST_BUILDS";

/// A runtime whose build takes long enough for another one to start meanwhile.
fn slow(name: &str) -> RuntimeConfig {
    // Its name is in the line, because the builder caches its commands, even those of a killed test run.
    let line = format!("echo begun {name} && sleep 3 && cat /proc/sys/kernel/random/uuid > once");
    RuntimeConfig::builder(name)
        .base_image(debian())
        .setup(line)
        .build()
        .unwrap()
}

/// The names that images get from now on. The engine keeps only a few events, so they have to be read live.
struct Names {
    child: Child,
    names: Lines<ChildStdout>,
}

impl Names {
    async fn listen(base: &str) -> Self {
        let mut child = Command::new("docker")
            .args(["events", "--filter", "type=image", "--filter", "event=tag"])
            .args(["--format", "{{.Actor.Attributes.name}}"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let names = lines(&mut child);
        let mut listening = Self { child, names };
        // Until the first event arrives it may not be listening yet.
        let marker = marker();
        loop {
            docker(&["tag", base, &marker]);
            let next = listening.names.next_line();
            let heard = tokio::time::timeout(Duration::from_millis(500), next).await;
            if heard.is_ok_and(|line| line.unwrap().is_some()) {
                docker(&["rmi", &marker]);
                return listening;
            }
        }
    }

    /// Returns how often an image got this name: once for each build.
    async fn count(mut self, image: &str) -> usize {
        let marker = marker();
        docker(&["tag", image, &marker]);
        let mut count = 0;
        while let Some(name) = self.names.next_line().await.unwrap() {
            if name == marker {
                break;
            }
            count += usize::from(name == image);
        }
        docker(&["rmi", &marker]);
        self.child.kill().await.unwrap();
        count
    }
}

/// Returns an unused name.
fn marker() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("images-marker-{}:{count}", std::process::id())
}

type Lines<R> = tokio::io::Lines<BufReader<R>>;

fn lines(child: &mut Child) -> Lines<ChildStdout> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

#[tokio::test]
async fn concurrent_tasks_share_one_build_of_an_image() {
    let engine = engine_or_skip!();
    let ours = Runtime::new("tasks");
    let runtime = slow(&ours.0);
    let names = Names::listen(&debian()).await;
    let told: Vec<_> = (0..3).map(|_| Arc::new(Told::default())).collect();
    let build = |told: &Arc<Told>| {
        let (images, runtime, told) = (images(&engine), runtime.clone(), Arc::clone(told));
        async move { images.build(&runtime, Some(&|p| told.hear(p))).await }
    };
    let leaves = tokio::spawn(build(&told[0]));
    let stay = [tokio::spawn(build(&told[1])), tokio::spawn(build(&told[2]))];
    // A late caller gets only the remaining progress, and on a busy machine any of them may be late.
    while !told.iter().any(|told| told.output().contains("begun")) {
        assert!(
            !stay.iter().any(|task| task.is_finished()),
            "it ended early"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The others continue without the first one.
    leaves.abort();
    let [second, third] = stay;
    let image = second.await.unwrap().unwrap();
    assert_eq!(third.await.unwrap().unwrap(), image);
    assert_eq!(names.count(&image).await, 1);
    for told in &told[1..] {
        assert!(told.has(&ImageProgress::Built {
            image: image.clone()
        }));
    }
}

#[tokio::test]
async fn an_abandoned_build_ends_in_the_engine() {
    let engine = engine_or_skip!();
    let ours = Runtime::new("nobody");
    let line = format!("echo begun; sleep 2{:08}", std::process::id());
    let runtime = ours_with(&ours, &line);
    let told = Arc::new(Told::default());
    let task = tokio::spawn({
        let (images, told) = (images(&engine), Arc::clone(&told));
        async move { images.build(&runtime, Some(&|p| told.hear(p))).await }
    });
    while !told.output().contains("begun") {
        assert!(!task.is_finished(), "it ended early");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    task.abort();
    gone(&line).await;
    assert!(ours.images().is_empty());
}

fn ours_with(ours: &Runtime, line: &str) -> RuntimeConfig {
    ours.on(&debian()).setup(line).build().unwrap()
}

/// Starts a process that builds the runtime of this name, and returns what it prints, line by line.
fn start_child(name: &str) -> (Child, Lines<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "images::processes::builds_what_it_is_told_to",
            "--nocapture",
        ])
        .env(CHILD, name)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = lines(&mut child);
    (child, lines)
}

async fn until(lines: &mut Lines<ChildStdout>, text: &str) {
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains(text) {
            return;
        }
    }
    panic!("it ended without '{text}'");
}

#[tokio::test]
async fn a_process_waits_for_the_build_of_another_and_takes_over_when_that_is_killed() {
    let engine = engine_or_skip!();
    let ours = Runtime::new("processes");
    let runtime = slow(&ours.0);
    let names = Names::listen(&debian()).await;
    let (_child, mut lines) = start_child(&ours.0);
    until(&mut lines, "begun").await;
    let told = Told::default();
    let image = images(&engine)
        .build(&runtime, Some(&|p| told.hear(p)))
        .await
        .unwrap();
    assert!(told.has(&ImageProgress::Waiting) && told.steps().is_empty());
    until(&mut lines, "built agent-backends/runtime").await;
    assert_eq!(names.count(&image).await, 1);
    docker(&["rmi", &image]);

    // A killed process does not keep the lock.
    let other = Runtime::new("killed");
    let runtime = slow(&other.0);
    let (mut child, mut lines) = start_child(&other.0);
    until(&mut lines, "begun").await;
    let told = Told::default();
    let hear = |p| told.hear(p);
    let images = images(&engine);
    let build = images.build(&runtime, Some(&hear));
    tokio::pin!(build);
    while !told.has(&ImageProgress::Waiting) {
        tokio::select! {
            image = &mut build => panic!("it did not wait for {image:?}"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    child.kill().await.unwrap();
    let image = build.await.unwrap();
    assert!(told.has(&ImageProgress::Built { image }));
}

/// Not a test: the process that the test above starts.
#[tokio::test]
async fn builds_what_it_is_told_to() {
    let Ok(name) = std::env::var(CHILD) else {
        return;
    };
    let images = Images::new(Engine::connect().await.unwrap())
        .with_options(BuildOptions::new().with_network("host"));
    images
        .build(&slow(&name), Some(&|progress| println!("{progress}")))
        .await
        .unwrap();
}
