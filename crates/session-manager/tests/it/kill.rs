//! An application that is killed at any moment: its stored data is intact, and the next one continues from it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use backend_core::BackendExt;
use session_manager::ListSessions;

use crate::support::{builder, provider, with_root};

const ROOT: &str = "SESSION_MANAGER_KILL_ROOT";
const KILLS: u64 = 30;

/// The child: it creates, uses, closes and purges sessions until it is killed. Otherwise it is an empty test.
#[test]
fn a_child_that_is_killed() {
    let Some(root) = std::env::var_os(ROOT) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let manager = with_root(&provider(), root.as_ref())
            .name("child")
            .build()
            .await
            .unwrap();
        println!("\nready");
        std::io::stdout().flush().unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for user in 0..4 {
            let manager = manager.clone();
            tasks.spawn(async move {
                for round in 0_u64.. {
                    let kept = format!("kept{user}");
                    let session = manager.get_or_create(&kept).await.unwrap();
                    session.write("/round", round.to_string()).await.unwrap();
                    manager.release(&kept).await.unwrap();
                    let purged = format!("purged{user}");
                    let session = manager.get_or_create(&purged).await.unwrap();
                    session.write("/deep/er/f", "x").await.unwrap();
                    manager.purge(&purged).await.unwrap();
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    });
}

#[test]
fn a_killed_application_leaves_nothing_torn() {
    let here = tempfile::tempdir().unwrap();
    let root = here.path();
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::a_child_that_is_killed", "--exact", "--nocapture"])
            .env(ROOT, root)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap() == "ready"),
            "the child did not start"
        );
        std::thread::sleep(Duration::from_micros(500 + 1700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(root));
    }
}

async fn check(root: &std::path::Path) {
    let manager = with_root(&provider(), root)
        .name("parent")
        .build()
        .await
        .unwrap();
    assert!(
        manager.recovered().unreadable.is_empty(),
        "{:?}",
        manager.recovered()
    );
    let page = manager.list(&ListSessions::new()).await.unwrap();
    assert!(page.unreadable.is_empty());
    for info in &page.sessions {
        let session = manager.get_or_create(&info.id).await.unwrap();
        if info.id.as_str().starts_with("kept")
            && let Ok(page) = session.read("/round").await
        {
            assert!(page.text.parse::<u64>().is_ok(), "{:?}", page.text);
        }
    }
    let _ = manager.cleanup_idle().await;
    let report = manager.shutdown().await;
    assert!(report.failures.is_empty());
    // Nothing is left of sessions that were being created or removed.
    for hidden in [".staging", ".trash"] {
        assert_eq!(
            std::fs::read_dir(root.join(hidden)).unwrap().count(),
            0,
            "{hidden}"
        );
    }
    drop(builder(&provider()));
}
