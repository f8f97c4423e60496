//! The manager over processes of this host: files on disk, real commands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{BackendExt, ErrorKind, SandboxExt};
use backend_fs::FsBackend;
use sandbox_local::LocalProvider;
use session_manager::{Clock, Eviction, SessionManager, TokioClock};
use tempfile::TempDir;

use crate::support::{MINUTE, Turned};

type Manager = SessionManager<LocalProvider<FsBackend>>;

fn provider(here: &TempDir) -> LocalProvider<FsBackend> {
    let open = |dir: &Path| FsBackend::open(dir);
    LocalProvider::without_isolation(here.path().join("sandboxes"), open).unwrap()
}

async fn manager(here: &TempDir, resident: usize) -> Manager {
    with_clock(here, resident, TokioClock::new()).await
}

async fn with_clock(here: &TempDir, resident: usize, clock: impl Clock) -> Manager {
    SessionManager::builder(provider(here))
        .workspace_root(here.path().join("root"))
        .without_fsync()
        .clock(clock)
        .max_resident(resident)
        .idle_timeout(MINUTE)
        .eviction(Eviction::LeastRecentlyUsed {
            idle_for: Duration::ZERO,
        })
        .cleanup_interval(None)
        .files(|dir| Ok(Arc::new(FsBackend::open(dir)?)))
        .build()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_and_files_are_kept() {
    let here = tempfile::tempdir().unwrap();
    {
        let manager = manager(&here, 4).await;
        let session = manager.get_or_create("a").await.unwrap();
        let output = session.execute("echo hello > f; cat f").await.unwrap();
        assert_eq!(output.stdout.to_text(), "hello\n");
        assert!(manager.shutdown().await.failures.is_empty());
        assert_eq!(
            session.execute("true").await.unwrap_err().kind(),
            ErrorKind::Unavailable
        );
    }
    let manager = manager(&here, 4).await;
    let files = manager.files("a").await.unwrap();
    assert_eq!(files.read("/f").await.unwrap().text, "hello\n");
    let session = manager.attach("a").await.unwrap();
    assert_eq!(
        session.execute("cat f").await.unwrap().stdout.to_text(),
        "hello\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_command_is_spared_and_an_idle_session_is_hibernated() {
    let here = tempfile::tempdir().unwrap();
    let clock = Turned::default();
    let manager = with_clock(&here, 4, clock.clone()).await;
    let (busy, idle) = (
        manager.get_or_create("busy").await.unwrap(),
        manager.get_or_create("idle").await.unwrap(),
    );
    let runs = busy.clone();
    let line = "while [ ! -e go ]; do sleep 0.05; done; echo done";
    let command = tokio::spawn(async move { runs.execute(line).await });
    while busy.info().unwrap().busy == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    clock.turn(10 * MINUTE);
    let cleaned = manager.cleanup_idle().await;
    assert_eq!(cleaned.hibernated.len(), 1);
    assert_eq!(idle.sandbox_id(), None);
    busy.write("go", "").await.unwrap();
    let output = command.await.unwrap().unwrap();
    assert_eq!(output.stdout.to_text(), "done\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_users_share_few_slots() {
    let here = tempfile::tempdir().unwrap();
    let manager = manager(&here, 3).await;
    let mut users = tokio::task::JoinSet::new();
    for user in 0..12 {
        let manager = manager.clone();
        users.spawn(async move {
            let id = format!("user{}", user % 6);
            let mut done = 0;
            while done < 5 {
                let session = match manager.get_or_create(&id).await {
                    Ok(session) => session,
                    // All sessions are busy for the moment.
                    Err(error) if error.kind() == ErrorKind::QuotaExceeded => {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                match session
                    .execute(format!("echo {id} >> log; sort -u log"))
                    .await
                {
                    Ok(output) => {
                        assert_eq!(output.stdout.to_text(), format!("{id}\n"));
                        done += 1;
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}"),
                }
            }
        });
    }
    users.join_all().await;
    assert!(manager.stats().resident <= 3);
    assert!(manager.shutdown().await.failures.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn threads_that_request_one_id_get_one_sandbox() {
    let here = tempfile::tempdir().unwrap();
    let manager = manager(&here, 4).await;
    for round in 0..20 {
        let (id, start) = (format!("s{round}"), Arc::new(tokio::sync::Barrier::new(8)));
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (manager, id, start) = (manager.clone(), id.clone(), Arc::clone(&start));
            asking.spawn(async move {
                start.wait().await;
                manager.get_or_create(&id).await.unwrap().sandbox_id()
            });
        }
        let sandboxes = asking.join_all().await;
        assert!(
            sandboxes
                .iter()
                .all(|id| id.is_some() && *id == sandboxes[0])
        );
        manager.purge(&id).await.unwrap();
    }
    assert_eq!(manager.stats().starts, 20);
}
