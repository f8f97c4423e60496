//! Searches on real directories: what cannot be read is counted, what nobody waits for stops.

use std::time::{Duration, Instant};

use backend_core::{Backend, BackendExt, GrepRequest, Truncation};

use crate::support::{Background, Host, run};

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
fn a_search_that_nobody_waits_for_gives_its_place_back() {
    let host = wide_tree();
    run(async {
        let backend = host.backend();
        for _ in 0..40 {
            let request = GrepRequest::new("(n|e|d|l)+ [0-9]+x").limit(usize::MAX);
            let searching = backend.grep_with(&request);
            let _ = tokio::time::timeout(Duration::from_millis(1), searching).await;
        }
        // Had they gone on, this one would wait for all of them.
        let limit = Duration::from_secs(60);
        let found = tokio::time::timeout(limit, backend.grep("needle 7$")).await;
        assert_eq!(found.unwrap().unwrap().matches.len(), 200);
    });
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
