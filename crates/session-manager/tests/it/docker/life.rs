//! The life cycle of a session: spared while busy, hibernated, resumed, dead and replaced.

use std::time::Duration;

use backend_core::{Backend, BackendExt, ErrorKind, RuntimeConfig, Sandbox, SandboxExt};
use session_manager::{EventKind, SessionOptions, SessionState};
use tokio::time::sleep;

use super::{debian, docker, place_or_skip};
use crate::support::{MINUTE, Turned, told};

const MOMENT: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_long_command_is_spared_and_an_idle_session_is_hibernated_and_resumed() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let clock = Turned::default();
    let builder = place.stored(here.path()).await.clock(clock.clone());
    let manager = builder.idle_timeout(MINUTE).build().await.unwrap();
    let busy = manager.get_or_create("busy").await.unwrap();
    let idle = manager.get_or_create("idle").await.unwrap();
    idle.execute("echo kept > f; echo installed > /tmp/tool")
        .await
        .unwrap();
    let spawned = manager.get_or_create("spawned").await.unwrap();
    spawned.spawn("sleep 600").await.unwrap();
    let (runs, sandbox) = (busy.clone(), busy.sandbox_id());
    let line = "while [ ! -e go ]; do sleep 0.1; done; echo done";
    let command = tokio::spawn(async move { runs.execute(line).await });
    while busy.info().unwrap().busy == 0 {
        sleep(MOMENT).await;
    }
    clock.turn(10 * MINUTE);
    let cleaned = manager.cleanup_idle().await;
    assert_eq!(names(&cleaned.hibernated), ["idle"], "{cleaned:?}");
    assert_eq!(names(&cleaned.busy), ["spawned"]);
    assert_eq!(idle.info().unwrap().state, SessionState::Hibernated);
    assert_eq!(place.containers(false).len(), 2);
    busy.write("go", "").await.unwrap();
    let output = command.await.unwrap().unwrap();
    assert_eq!(output.stdout.to_text(), "done\n");
    assert_eq!(busy.sandbox_id(), sandbox);
    // The container was only stopped: files outside the workspace are there too.
    let output = idle.execute("cat f /tmp/tool").await.unwrap();
    assert_eq!(output.stdout.to_text(), "kept\ninstalled\n");
    assert!(manager.shutdown().await.failures.is_empty());
}

fn names(ids: &[backend_core::SandboxId]) -> Vec<&str> {
    ids.iter().map(|id| id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_removed_is_replaced_and_the_files_are_there() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let manager = place.stored(here.path()).await.build().await.unwrap();
    let mut events = manager.subscribe();
    // The runtime determines where the files are mounted.
    let runtime = RuntimeConfig::builder("app")
        .image(debian())
        .work_dir("/app")
        .build()
        .unwrap();
    let options = SessionOptions::new().runtime(runtime);
    let session = manager.get_or_create_with("a", &options).await.unwrap();
    assert_eq!(session.work_dir().as_str(), "/app");
    let output = session.execute("pwd; echo kept > f").await.unwrap();
    assert_eq!(output.stdout.to_text(), "/app\n");
    let stored = here.path().join("a/workspace/f");
    assert_eq!(std::fs::read(&stored).unwrap(), b"kept\n");
    let first = session.sandbox_id();
    let container = place.containers(false).pop().unwrap();
    docker(&["rm", "--force", &container]);
    let error = session.execute("true").await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let output = session.execute("cat f").await.unwrap();
    assert_eq!(output.stdout.to_text(), "kept\n");
    assert_ne!(session.sandbox_id(), first);
    let died = told(&mut events, |kind| {
        matches!(kind, EventKind::Died { files_kept: true })
    });
    assert_eq!(died.len(), 1);
    assert!(manager.shutdown().await.failures.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_removed_with_its_files_is_not_replaced() {
    let place = place_or_skip!();
    let manager = place.builder().await.build().await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("f", "lost").await.unwrap();
    let container = place.containers(false).pop().unwrap();
    docker(&["rm", "--force", &container]);
    for _ in 0..2 {
        let error = session.read("f").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert!(manager.get_or_create("a").await.is_err());
    assert_eq!(manager.stats().dead, 1);
    assert!(!session.liveness().await.is_alive());
    manager.release("a").await.unwrap();
    let anew = manager.get_or_create("a").await.unwrap();
    let error = anew.read("f").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(manager.shutdown().await.failures.is_empty());
    // Without stored files a shutdown leaves nothing behind.
    assert_eq!(place.containers(true).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_gets_a_warm_container_with_its_files_below_the_root() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let builder = place.stored(here.path()).await.warm(None, 1);
    let manager = builder.build().await.unwrap();
    while manager.stats().warm == 0 {
        sleep(MOMENT).await;
    }
    let ready = place.containers(false);
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(manager.stats().warm_starts, 1);
    session.execute("echo kept > f").await.unwrap();
    let stored = here.path().join("a/workspace/f");
    assert_eq!(std::fs::read(&stored).unwrap(), b"kept\n");
    assert!(ready.iter().all(|id| place.containers(false).contains(id)));
    // The pool is full again, and the session has its own files when it resumes.
    while manager.stats().warm == 0 {
        sleep(MOMENT).await;
    }
    manager.hibernate("a").await.unwrap();
    let output = session.execute("cat f; ls").await.unwrap();
    assert_eq!(output.stdout.to_text(), "kept\nf\n");
    assert_eq!(manager.stats().warm_starts, 1);
    assert!(manager.shutdown().await.failures.is_empty());
    assert_eq!(place.containers(false).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_nothing() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let manager = place.stored(here.path()).await.build().await.unwrap();
    let runtime = RuntimeConfig::builder("nowhere")
        .image("agent-backends-test/not-there:latest")
        .build()
        .unwrap();
    let options = SessionOptions::new().runtime(runtime);
    let error = manager.get_or_create_with("a", &options).await.unwrap_err();
    assert!(
        !error.to_string().contains(here.path().to_str().unwrap()),
        "{error}"
    );
    assert_eq!(place.containers(true).len(), 0);
    assert!(!here.path().join("a").exists());
    let stats = manager.stats();
    assert_eq!((stats.open, stats.resident, stats.failed_starts), (0, 0, 1));
    assert!(manager.get_or_create("a").await.is_ok());
    assert!(manager.shutdown().await.failures.is_empty());
}
