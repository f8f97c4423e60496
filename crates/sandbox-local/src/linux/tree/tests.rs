//! Trees die whichever strategy finds their descendants: those for kernels and roots that lack something, too.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backend_core::{ExecStatus, Signal};

use super::descendants::Strategy;
use super::{Limits, Tree};

const STRATEGIES: [Strategy; 3] = [Strategy::Children, Strategy::Parents, Strategy::Pids];

/// Starts a line of shell whose processes have a mark, and which makes a file when it is up.
async fn start(line: &str, strategy: Strategy) -> (Arc<Tree>, String, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().display().to_string();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .env("MARK", &mark)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let cwd = File::open(dir.path()).unwrap().into();
    let tree = Arc::new(
        Tree::start_with_strategy(command, cwd, false, Limits::default(), Some(strategy)).unwrap(),
    );
    let attended = Arc::clone(&tree);
    tokio::spawn(async move { attended.watch_supervisor().await });
    let limit = Instant::now() + Duration::from_secs(30);
    while !dir.path().join("up").exists() {
        assert!(Instant::now() < limit, "{line}: it never came up");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (tree, mark, dir)
}

/// Returns how many processes have the mark.
fn alive(mark: &str) -> usize {
    let environ = |entry: fs::DirEntry| fs::read(entry.path().join("environ")).unwrap_or_default();
    fs::read_dir("/proc")
        .unwrap()
        .filter(|entry| entry.is_ok())
        .map(|entry| environ(entry.unwrap()))
        .filter(|environ| String::from_utf8_lossy(environ).contains(mark))
        .count()
}

#[tokio::test]
async fn every_strategy_kills_all() {
    let line = "trap '' TERM; (setsid sleep 1000 &); setsid sh -c 'sleep 1000 & (sleep 1000 &); kill -STOP $$' & \
                sh -c 'sh -c \"sh -c \\\"sleep 1000; :\\\"; :\"; :' & : > up; sleep 1000";
    for strategy in STRATEGIES {
        for _ in 0..5 {
            let (tree, mark, _dir) = start(line, strategy).await;
            assert!(alive(&mark) > 2);
            assert!(tree.kill_and_wait().await, "{strategy:?}");
            assert_eq!(alive(&mark), 0, "{strategy:?}");
            assert_eq!(tree.ended().await, ExecStatus::Signaled(9));
        }
    }
}

#[tokio::test]
async fn signals_reach_processes_that_left_the_group() {
    // The leader's child in a session of its own is not a member of its group; the pipe ends when it has ended.
    let line = "setsid sh -c ': > up; exec sleep 1000' | cat";
    // Where only children are found, a process that is not one yet can only be killed.
    for strategy in [Strategy::Children, Strategy::Parents] {
        let (tree, mark, _dir) = start(line, strategy).await;
        assert!(tree.signal(Signal::Terminate).await);
        tree.gone().await;
        assert_eq!(alive(&mark), 0, "{strategy:?}");
    }
}

#[tokio::test]
async fn a_wide_tree_dies_although_one_pass_does_not_see_all_of_it() {
    let line = "i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i + 1)); done; : > up; wait";
    for strategy in STRATEGIES {
        let (tree, mark, _dir) = start(line, strategy).await;
        assert!(alive(&mark) > 250);
        assert!(tree.kill_and_wait().await, "{strategy:?}");
        assert_eq!(alive(&mark), 0, "{strategy:?}");
    }
}

#[tokio::test]
async fn a_tree_that_is_dropped_dies() {
    for strategy in STRATEGIES {
        let (tree, mark, _dir) = start("setsid sleep 1000 & : > up; sleep 1000", strategy).await;
        tree.kill();
        drop(tree);
        let limit = Instant::now() + Duration::from_secs(5);
        while alive(&mark) > 0 {
            assert!(Instant::now() < limit, "{strategy:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_started_leaves_no_supervisor() {
    let command = Command::new("/no/such/program");
    let cwd = File::open("/").unwrap().into();
    let error = Tree::start(command, cwd, false, Limits::default()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
}
