//! Searches on real directories: unreadable entries are counted, abandoned searches stop.

use std::time::{Duration, Instant};

use backend_core::{Backend, BackendExt, GrepRequest, Truncation};

use crate::support::{Background, Host, run};
#[cfg(target_os = "linux")]
use crate::support::{argument_of_child, child};

fn wide_tree() -> Host {
    let host = Host::new();
    for n in 0..2000 {
        host.put(
            &format!("d{}/f{n}", n % 40),
            format!("needle {n}\n").repeat(200),
        );
    }
    host
}

#[test]
fn many_searches_at_once_all_end_and_agree() {
    let host = wide_tree();
    run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..24 {
            let backend = host.backend();
            tasks.spawn(async move { backend.grep("needle 1999$").await.unwrap().matches.len() });
        }
        for found in tasks.join_all().await {
            assert_eq!(found, 200);
        }
    });
}

#[test]
fn an_abandoned_search_returns_its_slot() {
    let host = wide_tree();
    run(async {
        let backend = host.backend();
        for _ in 0..40 {
            let request = GrepRequest::new("(n|e|d|l)+ [0-9]+x").limit(usize::MAX);
            let searching = backend.grep_with(&request);
            let _ = tokio::time::timeout(Duration::from_millis(1), searching).await;
        }
        // Had they continued, this one would wait for all of them.
        let limit = Duration::from_secs(300);
        let found = tokio::time::timeout(limit, backend.grep("needle 7$")).await;
        assert_eq!(found.unwrap().unwrap().matches.len(), 200);
    });
}

/// How large the one file is that a dropped grep is in the middle of.
#[cfg(target_os = "linux")]
const LARGE: u64 = 128 << 20;

/// How many bytes this process has read from files.
#[cfg(target_os = "linux")]
fn bytes_read() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
fn is_open(name: &str) -> bool {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    descriptors
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .any(|path| path.ends_with(name))
}

/// The child, in which nothing else reads. Elsewhere it is an empty test.
#[cfg(target_os = "linux")]
#[test]
fn a_child_that_drops_a_grep() {
    let Some(root) = argument_of_child("searcher") else {
        return;
    };
    run(async {
        let backend = backend_fs::FsBackend::open(root).unwrap();
        // Without a letter that it must have, so that every byte is looked at.
        let request = GrepRequest::new("[w-y]+[0-9]");
        let before = bytes_read();
        let mut searching = Box::pin(backend.grep_with(&request));
        while bytes_read() - before < 1 << 20 {
            let moment = tokio::time::timeout(Duration::from_millis(1), &mut searching);
            assert!(moment.await.is_err(), "it is still searching");
        }
        drop(searching);
        let limit = Instant::now() + Duration::from_secs(300);
        while is_open("large") {
            assert!(Instant::now() < limit, "the file is never closed");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let read = bytes_read() - before;
        println!("\nit stopped after {read} bytes");
        assert!(read < LARGE / 2, "{read} bytes");
    });
    println!("\nit stopped within the file");
}

#[cfg(target_os = "linux")]
#[test]
fn a_dropped_grep_stops_within_a_file() {
    let host = Host::new();
    host.put("large", "xxxxxxx\n".repeat(LARGE as usize / 8));
    let test = "search::a_child_that_drops_a_grep";
    let output = child(test, "searcher", host.root()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("it stopped within the file"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_search_that_runs_out_of_time_says_so() {
    let host = wide_tree();
    run(async {
        let request = GrepRequest::new("nothing like it").timeout(Duration::ZERO);
        let found = host.backend().grep_with(&request).await.unwrap();
        assert_eq!(found.truncated, Some(Truncation::Time));
    });
}

#[test]
fn files_that_come_and_go_meanwhile_do_not_fail_a_search() {
    let host = wide_tree();
    let root = host.root();
    let mut n = 0_usize;
    let _churning = Background::start(move || {
        n += 1;
        let dir = root.join(format!("d{}/churn", n % 40));
        let _ = std::fs::create_dir(&dir);
        let _ = std::fs::write(dir.join("f"), "needle churn\n");
        let _ = std::fs::remove_dir_all(&dir);
    });
    run(async {
        let backend = host.backend();
        let until = Instant::now() + Duration::from_secs(2);
        let mut rounds = 0;
        while rounds < 10 && Instant::now() < until {
            rounds += 1;
            let found = backend.grep("needle 1234$").await.unwrap();
            assert_eq!(found.matches.len(), 200);
            let listed = backend.ls("/d7").await.unwrap();
            assert_eq!(listed.items.iter().filter(|e| e.is_file()).count(), 50);
        }
    });
}
