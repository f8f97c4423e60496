//! Many writers at once: none is lost, one creator wins, and two spellings of a path are one file.

use std::sync::Arc;

use backend_core::{
    Backend, BackendExt, EditRequest, ErrorKind, RenameRequest, WriteMode, WriteRequest,
};
use backend_fs::FsBackend;

use crate::support::{Host, p, run};

#[test]
fn no_edit_is_lost_between_tasks_backends_and_spellings() {
    const EACH: usize = 40;
    let host = Host::new();
    let lines: Vec<_> = (0..4 * EACH).map(|n| format!("<{n}>\n")).collect();
    host.put("d/f", lines.concat());
    host.link("link", "d");
    host.link("file", "link/f");
    run(async {
        let backends = [host.backend(), host.backend()];
        let mut tasks = tokio::task::JoinSet::new();
        for (turn, path) in ["/d/f", "/link/f", "/file", "/d/f"].into_iter().enumerate() {
            for n in 0..EACH {
                let backend = backends[n % 2].clone();
                let n = turn * EACH + n;
                tasks.spawn(async move {
                    let (old, new) = (format!("<{n}>"), format!("[{n}]"));
                    backend.edit(path, old, new).await.unwrap();
                });
            }
        }
        tasks.join_all().await;
    });
    let wanted: Vec<_> = (0..4 * EACH).map(|n| format!("[{n}]\n")).collect();
    assert_eq!(String::from_utf8(host.get("d/f")).unwrap(), wanted.concat());
    let link = std::fs::symlink_metadata(host.root().join("file")).unwrap();
    assert!(link.is_symlink(), "a link stays a link");
}

#[test]
fn of_many_creators_exactly_one_wins() {
    let host = Host::new();
    run(async {
        for round in 0..20 {
            let path = format!("/new/{round}/f");
            let mut tasks = tokio::task::JoinSet::new();
            for n in 0..16_u8 {
                let (backend, path) = (host.backend(), path.clone());
                tasks.spawn(async move {
                    let request =
                        WriteRequest::new(p(&path), vec![n; 8]).mode(WriteMode::CreateNew);
                    (n, backend.write_with(&request).await)
                });
            }
            let outcomes = tasks.join_all().await;
            let winners: Vec<_> = outcomes
                .iter()
                .filter_map(|(n, outcome)| outcome.as_ref().ok().map(|_| *n))
                .collect();
            assert_eq!(winners.len(), 1, "{outcomes:?}");
            for (_, outcome) in &outcomes {
                if let Err(error) = outcome {
                    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
                }
            }
            assert_eq!(host.get(&path[1..]), vec![winners[0]; 8]);
        }
    });
}

#[test]
fn of_many_writers_of_one_version_exactly_one_wins() {
    let host = Host::new();
    run(async {
        let backend = Arc::new(host.backend());
        let mut version = backend.write("/f", "start").await.unwrap().version;
        for _ in 0..20 {
            let mut tasks = tokio::task::JoinSet::new();
            for n in 0..12 {
                let backend = Arc::clone(&backend);
                tasks.spawn(async move {
                    let request = WriteRequest::new(p("/f"), format!("writer {n:02}"))
                        .mode(WriteMode::IfVersion(version));
                    backend.write_with(&request).await
                });
            }
            let outcomes = tasks.join_all().await;
            let mut winners = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok());
            version = winners.next().expect("one wins").version;
            assert!(winners.next().is_none(), "{outcomes:?}");
            for error in outcomes.iter().filter_map(|o| o.as_ref().err()) {
                assert_eq!(error.kind(), ErrorKind::Conflict);
            }
        }
    });
}

#[test]
fn of_many_renames_of_one_file_exactly_one_wins() {
    let host = Host::new();
    run(async {
        let backend = Arc::new(host.backend());
        for _ in 0..20 {
            backend.write("/from", "content").await.unwrap();
            let mut tasks = tokio::task::JoinSet::new();
            for n in 0..12 {
                let backend = Arc::clone(&backend);
                // Half of them want the same name.
                let to = p(&format!("/to/{}", n % 6));
                tasks.spawn(async move {
                    let request = RenameRequest::new(p("/from"), to.clone());
                    backend.rename_with(&request).await.is_ok()
                });
            }
            let won = tasks
                .join_all()
                .await
                .into_iter()
                .filter(|won| *won)
                .count();
            assert_eq!(won, 1);
            assert_eq!(backend.ls("/to").await.unwrap().items.len(), 1);
            let delete = backend_core::DeleteRequest::new(p("/to")).recursive();
            assert_eq!(backend.delete_with(&delete).await.unwrap().entries, 2);
        }
    });
}

#[test]
fn crossed_renames_do_not_deadlock() {
    let host = Host::new();
    host.put("a", "1");
    host.put("b", "2");
    run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..200 {
            let backend = host.backend();
            let (from, to) = if n % 2 == 0 {
                ("/a", "/b")
            } else {
                ("/b", "/a")
            };
            tasks.spawn(async move {
                let request = RenameRequest::new(p(from), p(to)).overwrite();
                let _ = backend.rename_with(&request).await;
            });
        }
        let all = tasks.join_all();
        tokio::time::timeout(std::time::Duration::from_secs(300), all)
            .await
            .expect("they wait for each other forever");
        assert_eq!(host.backend().ls("/").await.unwrap().items.len(), 1);
    });
}

#[test]
fn a_read_sees_one_state_of_a_file_that_is_written_all_the_time() {
    let host = Host::new();
    host.put("f", "0".repeat(300_000));
    run(async {
        let writer: FsBackend = host.backend();
        let writing = tokio::spawn(async move {
            for n in 0..200_usize {
                let content = (n % 10).to_string().repeat(300_000 + n);
                writer.write("/f", content).await.unwrap();
            }
        });
        let backend = host.backend();
        while !writing.is_finished() {
            let content = backend.read_bytes("/f").await.unwrap();
            assert!(content.iter().all(|byte| *byte == content[0]));
            assert!(content.len() >= 300_000);
        }
        writing.await.unwrap();
    });
}

#[test]
fn a_log_that_grows_can_be_read_and_edited_without_loss() {
    let host = Host::new();
    host.put("log", "start\n");
    let log = host.root().join("log");
    run(async {
        let backend = host.backend();
        let growing = std::thread::spawn(move || {
            use std::io::Write;
            for n in 0..2000 {
                // Opened each time, as a shell does: an edit puts a new file in its place.
                let mut log = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
                writeln!(log, "line {n}").unwrap();
            }
        });
        while !growing.is_finished() {
            let page = backend.read("/log").await.unwrap();
            assert!(page.text.starts_with("start"), "{page}");
        }
        growing.join().unwrap();
        let request = EditRequest::new(p("/log"), "start", "begin");
        backend.edit_with(&request).await.unwrap();
        let request = backend_core::ReadRequest::new(p("/log")).limit(5000);
        let page = backend.read_with(&request).await.unwrap();
        assert_eq!(page.total_lines, Some(2001));
    });
}

#[test]
fn a_parent_that_keeps_being_removed_is_recreated() {
    let host = Host::new();
    run(async {
        let backend = host.backend();
        let remover = host.backend();
        let removing = tokio::spawn(async move {
            let delete = backend_core::DeleteRequest::new(p("/d")).recursive();
            for _ in 0..300 {
                let _ = remover.delete_with(&delete).await;
            }
        });
        let mut written = 0;
        while !removing.is_finished() {
            match backend.write("/d/e/f", "x").await {
                Ok(_) => written += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}"),
            }
        }
        assert!(written > 0);
        removing.await.unwrap();
    });
}

#[test]
fn one_tree_can_be_removed_by_many() {
    let host = Host::new();
    run(async {
        for _ in 0..20 {
            for n in 0..200 {
                host.put(&format!("tree/{}/{}/{n}", n % 5, n % 7), "x");
            }
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..4 {
                let backend = host.backend();
                tasks.spawn(async move {
                    let delete = backend_core::DeleteRequest::new(p("/tree")).recursive();
                    backend.delete_with(&delete).await
                });
            }
            for outcome in tasks.join_all().await {
                if let Err(error) = outcome {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
                }
            }
            assert!(!host.backend().exists("/tree").await.unwrap());
        }
    });
}
