//! Temporary files: hidden from everything, not in the way of anything, and never removed from a running writer.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use backend_core::{
    Backend, BackendExt, DeleteRequest, ErrorKind, GlobRequest, GrepRequest, PathReason,
};
use rustix::fs::{FlockOperation, flock};

#[cfg(target_os = "linux")]
use crate::disks::{Mount, alone};
use crate::support::{Host, p, refused, run};

const NAME: &str = ".~ab-0123456789abcdef";

#[test]
fn no_operation_takes_a_reserved_name() {
    let host = Host::new();
    host.put(NAME, "half");
    host.put("f", "x");
    let path = format!("/{NAME}");
    let below = format!("/{NAME}/x");
    run(async {
        let backend = host.backend();
        let invalid = ErrorKind::InvalidPath;
        for path in [path.as_str(), below.as_str()] {
            let error = refused(backend.read(path).await, invalid);
            let wanted = PathReason::Reserved.to_string();
            assert!(error.to_string().contains(&wanted), "{error}");
            refused(backend.stat(path).await, invalid);
            refused(backend.ls(path).await, invalid);
            refused(backend.read_bytes(path).await, invalid);
            refused(backend.write(path, "x").await, invalid);
            refused(backend.edit(path, "half", "x").await, invalid);
            refused(backend.delete(path).await, invalid);
            refused(backend.mkdir(path).await, invalid);
            refused(backend.rename(path, "/g").await, invalid);
            refused(backend.rename("/f", path).await, invalid);
            refused(
                backend
                    .glob_with(&GlobRequest::new("*").path(p(path)))
                    .await,
                invalid,
            );
            refused(
                backend
                    .grep_with(&GrepRequest::new("x").path(p(path)))
                    .await,
                invalid,
            );
        }
    });
    assert_eq!(host.get(NAME), b"half");
}

#[test]
fn nothing_shows_a_temporary_file() {
    let host = Host::new();
    host.put(&format!("d/{NAME}"), "half");
    run(async {
        let backend = host.backend();
        let page = backend.ls("/d").await.unwrap();
        assert!(page.items.is_empty() && page.skipped.is_empty());
        for pattern in ["**", "d/*", &format!("d/{NAME}"), "d/.~*"] {
            let glob = GlobRequest::new(pattern).hidden().ignored();
            assert!(
                backend.glob_with(&glob).await.unwrap().items.is_empty(),
                "{pattern}"
            );
        }
        let grep = GrepRequest::new("half").hidden().ignored();
        assert!(backend.grep_with(&grep).await.unwrap().matches.is_empty());
    });
}

#[test]
fn a_directory_with_nothing_but_leftovers_is_empty() {
    let host = Host::new();
    host.put(&format!("d/{NAME}"), "half");
    host.put(&format!("e/{NAME}"), "half");
    run(async {
        let backend = host.backend();
        assert_eq!(backend.delete("/d").await.unwrap().entries, 1);
        let recursive = DeleteRequest::new(p("/e")).recursive();
        assert_eq!(backend.delete_with(&recursive).await.unwrap().entries, 1);
    });
    assert!(!host.root().join("d").exists() && !host.root().join("e").exists());
}

#[test]
fn a_directory_with_something_in_it_keeps_its_leftovers() {
    let host = Host::new();
    host.put(&format!("d/{NAME}"), "half");
    host.put("d/f", "x");
    run(async {
        refused(host.backend().delete("/d").await, ErrorKind::InvalidRequest);
    });
    assert_eq!(fs::read_dir(host.root().join("d")).unwrap().count(), 2);
}

#[test]
fn the_file_of_a_running_writer_is_left_alone() {
    let host = Host::new();
    host.put(&format!("d/{NAME}"), "half");
    host.put(&format!("d/deep/down/{NAME}"), "half");
    // Another process would hold it in the same way: a lock belongs to the open file.
    let held = File::open(host.root().join("d").join(NAME)).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    run(async {
        let backend = host.backend();
        assert_eq!(backend.remove_leftovers().await.unwrap(), 1);
        let recursive = DeleteRequest::new(p("/d/deep")).recursive();
        assert_eq!(backend.delete_with(&recursive).await.unwrap().entries, 2);
        refused(backend.delete("/d").await, ErrorKind::InvalidRequest);
        drop(held);
        assert_eq!(backend.remove_leftovers().await.unwrap(), 1);
        backend.delete("/d").await.unwrap();
    });
}

#[test]
fn a_sweep_leaves_names_that_only_look_alike() {
    let host = Host::new();
    let alike = [
        ".~ab-",
        ".~ab-0123456789ABCDEF",
        ".~ab-0123456789abcdef0",
        "x.~ab-0123456789abcdef",
    ];
    for name in alike {
        host.put(name, "mine");
    }
    run(async {
        let backend = host.backend();
        assert_eq!(backend.remove_leftovers().await.unwrap(), 0);
        assert_eq!(backend.ls("/").await.unwrap().items.len(), alike.len());
        for name in alike {
            assert_eq!(backend.read(name).await.unwrap().text, "mine");
        }
    });
}

#[test]
fn sweeps_while_others_write_lose_nothing() {
    let host = Host::new();
    run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let backend = host.backend();
            tasks.spawn(async move {
                for round in 0..60 {
                    let path = format!("/{}/f{n}", round % 4);
                    backend.write(path, format!("{round}")).await.unwrap();
                }
            });
        }
        let sweeper = host.backend();
        while !tasks.is_empty() {
            sweeper.remove_leftovers().await.unwrap();
            while tasks.try_join_next().is_some_and(|done| done.is_ok()) {}
        }
        for n in 0..8 {
            for dir in 0..4 {
                let text = sweeper.read(format!("/{dir}/f{n}")).await.unwrap().text;
                assert_eq!(text, (56 + dir).to_string());
            }
        }
    });
}

#[test]
fn leftovers_of_a_killed_move_are_removed_and_a_similar_directory_stays() {
    let host = Host::new();
    let (killed, odd) = (".~ab-0123456789abcdef", ".~ab-fedcba9876543210");
    // What a move leaves: a file of the directory's own name, which its owner held a lock on, and part of a tree.
    host.put(&format!("d/{killed}/{killed}"), "");
    host.put(&format!("d/{killed}/tree/a/b"), "half");
    host.put(&format!("d/{odd}/mine"), "mine");
    run(async {
        let backend = host.backend();
        assert!(backend.ls("/d").await.unwrap().items.is_empty());
        assert_eq!(backend.remove_leftovers().await.unwrap(), 1);
    });
    assert!(!host.root().join("d").join(killed).exists());
    assert_eq!(host.get(&format!("d/{odd}/mine")), b"mine");
    run(async {
        let backend = host.backend();
        // It does not keep the directory from being removed.
        let delete = DeleteRequest::new(p("/d")).recursive();
        backend.delete_with(&delete).await.unwrap();
    });
    assert!(!host.root().join("d").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_sweep_cannot_remove_of_a_killed_move_is_still_known_to_the_next_one() {
    alone(&[], |dir| {
        let (staging, root) = (dir.join("d").join(NAME), dir);
        fs::create_dir_all(staging.join("tree/a")).unwrap();
        fs::write(staging.join(NAME), "").unwrap();
        fs::write(staging.join("tree/f"), "half").unwrap();
        // It stands for anything that ends a removal half-way.
        let busy = Mount::new(
            &["-t", "tmpfs"],
            std::path::Path::new("none"),
            &staging.join("tree/a"),
        );
        run(async {
            let backend = backend_fs::FsBackend::open(root).unwrap();
            assert_eq!(backend.remove_leftovers().await.unwrap(), 0);
            assert!(!staging.join("tree/f").exists());
            drop(busy);
            assert_eq!(backend.remove_leftovers().await.unwrap(), 1);
        });
        assert!(!staging.exists());
    });
}

#[test]
fn an_empty_directory_of_a_move_that_was_killed_at_once_is_removed_when_it_is_old() {
    let host = Host::new();
    let names = [".~ab-0123456789abcdef", ".~ab-fedcba9876543210"];
    let [new, old] = names.map(|name| host.root().join(name));
    let mine = host.root().join(".~ab-0123456789abcde0");
    host.put(".~ab-0123456789abcde0/f", "mine");
    for dir in [&new, &old] {
        fs::create_dir(dir).unwrap();
    }
    let before = SystemTime::now() - Duration::from_secs(3600);
    for dir in [&old, &mine] {
        File::open(dir).unwrap().set_modified(before).unwrap();
    }
    run(async {
        let backend = host.backend();
        assert_eq!(backend.remove_leftovers().await.unwrap(), 1);
    });
    assert!(new.exists() && mine.join("f").exists());
    assert!(!old.exists());
}
