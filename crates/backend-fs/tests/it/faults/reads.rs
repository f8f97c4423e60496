//! Reads, listings and searches on file systems that fail: a failure affects only itself.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{
    Backend, BackendExt, EntryKind, ErrorKind, GlobRequest, GrepRequest, ReadRequest, Truncation,
};
use backend_fs::FsBackend;

use super::{large, on_faulty};
use crate::faulty::Fault;
use crate::support::{p, refused};

/// The names of a page, and how many entries could not be read.
fn names(page: &backend_core::Page<backend_core::Entry>) -> (Vec<&str>, u64) {
    let names = page.items.iter().map(|entry| entry.path.as_str());
    (names.collect(), page.skipped.unreadable)
}

#[test]
fn one_bad_entry_affects_only_itself() {
    on_faulty(async |faulty| {
        fs::create_dir(faulty.source().join("d")).unwrap();
        for name in ["a", "bad", "d/bad", "d/c"] {
            fs::write(faulty.source().join(name), "alpha").unwrap();
        }
        faulty.set(&[Fault::BadEntry]);
        let backend = faulty.backend();
        assert_eq!(
            names(&backend.ls("/").await.unwrap()),
            (vec!["/d", "/a"], 1)
        );
        let found = backend.grep("alpha").await.unwrap();
        assert_eq!((found.matches.len(), found.skipped.unreadable), (2, 2));
        assert_eq!(found.truncated, Some(Truncation::Unreadable));
        let globbed = backend.glob("**").await.unwrap();
        let (all, unreadable) = names(&globbed);
        assert!(all.contains(&"/a") && all.contains(&"/d/c"), "{all:?}");
        // A glob may name entries that it did not have to stat.
        assert_eq!(
            all.iter().filter(|p| p.ends_with("bad")).count() as u64 + unreadable,
            2
        );
        refused(backend.read("/bad").await, ErrorKind::Unavailable);
        refused(backend.stat("/d/bad").await, ErrorKind::Unavailable);
        refused(backend.write("/bad", "x").await, ErrorKind::Unavailable);
        backend.write("/a", "beta").await.unwrap();
    });
}

#[test]
fn names_that_a_directory_returns_twice_are_shown_once() {
    on_faulty(async |faulty| {
        fs::create_dir(faulty.source().join("d")).unwrap();
        fs::write(faulty.source().join("d/f"), "alpha").unwrap();
        fs::write(faulty.source().join("g"), "alpha").unwrap();
        faulty.set(&[Fault::NamesTwice]);
        let backend = faulty.backend();
        assert_eq!(
            names(&backend.ls("/").await.unwrap()),
            (vec!["/d", "/g"], 0)
        );
        let globbed = backend.glob("**").await.unwrap();
        assert_eq!(names(&globbed), (vec!["/d/f", "/g"], 0));
        let found = backend.grep("alpha").await.unwrap();
        assert_eq!((found.matches.len(), found.searched), (2, 2));
        let all = backend_core::DeleteRequest::new(p("/d")).recursive();
        backend.delete_with(&all).await.unwrap();
    });
}

#[test]
fn interrupted_and_short_calls_are_not_errors() {
    on_faulty(async |faulty| {
        for name in ["f", "g"] {
            fs::write(faulty.source().join(name), large("alpha")).unwrap();
        }
        for fault in [
            Fault::OpenInterrupted,
            Fault::ReadInterrupted,
            Fault::ShortReads,
        ] {
            faulty.set(&[fault]);
            let backend = faulty.backend();
            let first = backend.read_lines("/f", 0, 1).await.unwrap();
            assert!(first.text.starts_with("alpha"), "{fault:?}");
            assert!(
                backend.read_bytes("/f").await.unwrap() == large("alpha"),
                "{fault:?}"
            );
            faulty.set(&[fault]);
            let found = backend.grep("never").await.unwrap();
            assert_eq!(
                (found.searched, found.skipped.unreadable),
                (2, 0),
                "{fault:?}"
            );
            assert_eq!(names(&backend.ls("/").await.unwrap()).1, 0);
        }
    });
}

#[test]
fn wrong_sizes_cut_nothing_off() {
    on_faulty(async |faulty| {
        fs::write(faulty.source().join("short"), "alpha\n").unwrap();
        let long = large("beta") + "alpha";
        fs::write(faulty.source().join("long"), long).unwrap();
        for fault in [Fault::SizeZero, Fault::SizePage] {
            faulty.set(&[fault]);
            let backend = faulty.backend();
            assert_eq!(backend.read_bytes("/short").await.unwrap(), "alpha\n");
            let page = backend.read("/short").await.unwrap();
            assert_eq!(page.to_string(), "     1\talpha");
            let found = backend.grep("alpha").await.unwrap();
            assert_eq!(found.searched, 2, "{fault:?}: {found:?}");
            // An edit believes the size, and may find nothing to edit.
            let edited = backend.edit("/short", "alpha", "beta").await;
            let left = fs::read_to_string(faulty.source().join("short")).unwrap();
            let want = if edited.is_ok() { "beta\n" } else { "alpha\n" };
            assert_eq!(left, want, "{fault:?}: {edited:?}");
            fs::write(faulty.source().join("short"), "alpha\n").unwrap();
        }
    });
}

#[test]
fn a_read_that_fails_in_the_middle_shows_no_half_page() {
    on_faulty(async |faulty| {
        fs::write(faulty.source().join("long"), large("alpha")).unwrap();
        fs::write(faulty.source().join("other"), "alpha").unwrap();
        faulty.set(&[Fault::ReadFails]);
        let backend = faulty.backend();
        refused(backend.read_bytes("/long").await, ErrorKind::Unavailable);
        let deep = ReadRequest::new(p("/long")).offset(40_000);
        refused(backend.read_with(&deep).await, ErrorKind::Unavailable);
        refused(
            backend.edit("/long", "x", "y").await,
            ErrorKind::Unavailable,
        );
        let found = backend.grep("never").await.unwrap();
        assert_eq!((found.searched, found.skipped.unreadable), (1, 1));
    });
}

#[test]
fn a_stale_handle_is_unavailable_and_not_half_a_search() {
    on_faulty(async |faulty| {
        for name in ["f", "g"] {
            fs::write(faulty.source().join(name), "alpha").unwrap();
        }
        faulty.set(&[Fault::OpenStale]);
        let backend = faulty.backend();
        // It may be opened again, with a new handle.
        match backend.read_bytes("/f").await {
            Ok(content) => assert_eq!(content, "alpha"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
        faulty.set(&[Fault::OpenStale]);
        let found = backend.grep("alpha").await.unwrap();
        assert_eq!(found.searched + found.skipped.unreadable, 2);
        assert_eq!(found.truncated.is_some(), found.skipped.unreadable > 0);
        faulty.set(&[Fault::Stale]);
        refused(backend.read("/f").await, ErrorKind::Unavailable);
        refused(backend.stat("/f").await, ErrorKind::Unavailable);
        refused(backend.write("/f", "x").await, ErrorKind::Unavailable);
    });
}

#[test]
fn a_server_that_is_gone_is_unavailable_and_affects_only_itself() {
    on_faulty(async |faulty| {
        let dir = faulty.source().parent().unwrap().to_path_buf();
        fs::write(faulty.source().join("f"), "alpha").unwrap();
        let inside = faulty.backend();
        faulty.kill();
        refused(inside.read("/f").await, ErrorKind::Unavailable);
        refused(inside.stat("/f").await, ErrorKind::Unavailable);
        refused(inside.ls("/").await, ErrorKind::Unavailable);
        refused(inside.write("/g", "x").await, ErrorKind::Unavailable);
        refused(inside.delete("/f").await, ErrorKind::Unavailable);
        // As seen from the directory above it.
        let above = FsBackend::open(&dir).unwrap();
        let page = above.ls("/").await.unwrap();
        assert!(names(&page).0.contains(&"/source"), "{page:?}");
        let found = above.grep("alpha").await.unwrap();
        assert_eq!((found.matches.len(), found.skipped.unreadable), (1, 1));
        refused(above.read("/faulty/f").await, ErrorKind::Unavailable);
    });
}

#[test]
fn a_file_without_an_end_ends_at_a_limit() {
    on_faulty(async |faulty| {
        fs::write(faulty.source().join("f"), "endless").unwrap();
        fs::write(faulty.source().join("g"), "no such word").unwrap();
        faulty.set(&[Fault::Endless]);
        let backend = faulty.backend();
        let page = backend.read_lines("/f", 0, 2).await.unwrap();
        assert!(page.text.starts_with("yes\nyes"));
        let content = backend.read_bytes("/f").await.unwrap();
        assert!(content.starts_with(b"yes\nyes"));
        assert!(content.len() <= 16 << 20, "{} bytes", content.len());
        let search = GrepRequest::new("never").timeout(Duration::from_millis(300));
        let found = backend.grep_with(&search).await.unwrap();
        assert_eq!(found.truncated, Some(Truncation::Time));
    });
}

#[test]
fn a_hanging_mount_affects_only_its_own_operations() {
    on_faulty(async |faulty| {
        let elsewhere = tempfile::tempdir_in(faulty.source().parent().unwrap()).unwrap();
        let healthy = Arc::new(FsBackend::open(elsewhere.path()).unwrap());
        fs::write(faulty.source().join("slow"), "slow").unwrap();
        let hanging = faulty.backend();
        faulty.set(&[Fault::ReadHangs]);
        let edit = tokio::spawn(async move { hanging.edit("/slow", "slow", "quick").await });
        let mut writes = tokio::task::JoinSet::new();
        for number in 0..600 {
            let healthy = Arc::clone(&healthy);
            writes.spawn(async move { healthy.write(format!("/f{number}"), "x").await });
        }
        while let Some(written) = writes.join_next().await {
            written.unwrap().unwrap();
        }
        assert!(!edit.is_finished(), "it was to hang all the while");
        faulty.set(&[]);
        edit.await.unwrap().unwrap();
        assert_eq!(fs::read(faulty.source().join("slow")).unwrap(), b"quick");
    });
}

#[test]
fn a_hanging_stat_delays_only_itself() {
    on_faulty(async |faulty| {
        for dir in ["a", "b"] {
            fs::create_dir(faulty.source().join(dir)).unwrap();
        }
        // The kernel allows one lookup at a time in a directory.
        for name in ["a/slow", "b/f"] {
            fs::write(faulty.source().join(name), "alpha").unwrap();
        }
        let backend = Arc::new(faulty.backend());
        faulty.set(&[Fault::LookHangs]);
        let waiting = Arc::clone(&backend);
        let stat = tokio::spawn(async move { waiting.stat("/a/slow").await });
        for _ in 0..100 {
            assert_eq!(backend.read_bytes("/b/f").await.unwrap(), "alpha");
            backend.write("/b/g", "beta").await.unwrap();
        }
        assert!(!stat.is_finished(), "it was to hang all the while");
        faulty.set(&[]);
        assert_eq!(stat.await.unwrap().unwrap().kind, EntryKind::File);
    });
}

#[test]
fn a_glob_of_a_directory_with_times_in_whole_seconds_and_no_links_is_whole() {
    on_faulty(async |faulty| {
        for name in ["a", "b", "c"] {
            fs::write(faulty.source().join(name), "alpha").unwrap();
        }
        faulty.set(&[Fault::WholeSeconds, Fault::NoLinkCount, Fault::RandomInodes]);
        let backend = faulty.backend();
        let all = GlobRequest::new("*").hidden().ignored();
        let page = backend.glob_with(&all).await.unwrap();
        assert_eq!(names(&page), (vec!["/a", "/b", "/c"], 0));
        assert_eq!(backend.grep("alpha").await.unwrap().searched, 3);
    });
}
