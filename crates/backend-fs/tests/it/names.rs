//! Names: unusual ones that a path can contain work, and those that it cannot are counted.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use backend_core::{
    Backend, BackendExt, DeleteRequest, ErrorKind, GlobRequest, GrepRequest, LsRequest, Truncation,
    VirtualPath,
};

use crate::support::{Host, p, refused, run};

#[test]
fn unusual_names_round_trip() {
    let host = Host::new();
    let names = [
        "with space",
        "'quoted'",
        "\"double\"",
        "-rf",
        "--help",
        "$HOME",
        "`x`",
        "a\\b",
        "*",
        "?",
        "[a]",
        "{a,b}",
        "~x",
        "a..b",
        "...",
        "é",
        "日本",
        "🦀",
        "#!",
        "a:b",
        "c:1:d.txt",
        ";rm",
        "C:",
        "con",
        ".hidden",
        "trailing.",
        " lead",
    ];
    run(async {
        let backend = host.backend();
        for name in names {
            let path = p("/d").child(name).unwrap();
            backend.write(&path, format!("in {name}")).await.unwrap();
            assert_eq!(
                backend.read(&path).await.unwrap().text,
                format!("in {name}")
            );
        }
        let page = backend.ls("/d").await.unwrap();
        let mut wanted: Vec<_> = names
            .iter()
            .map(|name| p("/d").child(name).unwrap())
            .collect();
        wanted.sort_by(|one, two| one.name().cmp(&two.name()));
        let listed: Vec<_> = page.items.iter().map(|entry| entry.path.clone()).collect();
        assert_eq!(listed, wanted);
        let found = backend
            .grep_with(&GrepRequest::new("^in ").hidden())
            .await
            .unwrap();
        assert_eq!(found.matches.len(), names.len());
        let found = backend
            .glob_with(&GlobRequest::new("**").hidden())
            .await
            .unwrap();
        assert_eq!(found.items.len(), names.len());
        for entry in page {
            backend.delete(&entry.path).await.unwrap();
        }
        backend.delete("/d").await.unwrap();
    });
}

#[test]
fn names_that_no_path_can_have_are_counted_and_removed_with_their_directory() {
    let host = Host::new();
    host.put("d/fine", "needle");
    for name in [&b"latin-\xe9"[..], b"new\nline", b"tab\t", b"\x7f"] {
        fs::write(
            host.root().join("d").join(OsStr::from_bytes(name)),
            "needle",
        )
        .unwrap();
    }
    fs::create_dir(host.root().join(OsStr::from_bytes(b"dir-\xff"))).unwrap();
    run(async {
        let backend = host.backend();
        let page = backend.ls("/d").await.unwrap();
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.skipped.unnameable, 4);
        assert_eq!(page.truncated, None);
        assert_eq!(backend.ls("/").await.unwrap().skipped.unnameable, 1);
        let found = backend.grep("needle").await.unwrap();
        assert_eq!(found.matches.len(), 1);
        assert_eq!(found.skipped.unnameable, 5);
        let recursive = DeleteRequest::new(p("/d")).recursive();
        assert_eq!(backend.delete_with(&recursive).await.unwrap().entries, 6);
    });
}

#[test]
fn the_longest_name_and_path_work() {
    let host = Host::new();
    run(async {
        let backend = host.backend();
        let name = format!("/{}", "n".repeat(255));
        backend.write(&name, "x").await.unwrap();
        backend.write(&name, "y").await.unwrap();
        assert_eq!(backend.read(&name).await.unwrap().text, "y");
        // 2047 directories and a file: 4096 bytes.
        let deep = "/d".repeat(2047) + "/f";
        backend.write(&deep, "deep").await.unwrap();
        assert_eq!(backend.read(&deep).await.unwrap().text, "deep");
        backend.edit(&deep, "deep", "deeper").await.unwrap();
        let found = backend.grep("deeper").await.unwrap();
        assert_eq!(found.matches[0].path.as_str(), deep);
        assert_eq!(backend.remove_leftovers().await.unwrap(), 0);
        let recursive = DeleteRequest::new(p("/d")).recursive();
        assert_eq!(backend.delete_with(&recursive).await.unwrap().entries, 2048);
    });
}

#[test]
fn a_tree_deeper_than_any_path_is_removed() {
    use rustix::fs::{Mode, OFlags, mkdirat, openat};
    // Deeper than a path, and deeper than there are descriptors.
    const DEPTH: u64 = 3000;
    let host = Host::new();
    let mut dir: std::os::fd::OwnedFd = fs::File::open(host.root()).unwrap().into();
    for _ in 0..DEPTH {
        mkdirat(&dir, "dd", Mode::from_raw_mode(0o755)).unwrap();
        dir = openat(&dir, "dd", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    }
    drop(
        openat(
            &dir,
            "f",
            OFlags::CREATE | OFlags::WRONLY,
            Mode::from_raw_mode(0o644),
        )
        .unwrap(),
    );
    run(async {
        let backend = host.backend();
        assert_eq!(backend.remove_leftovers().await.unwrap(), 0);
        let recursive = DeleteRequest::new(p("/dd")).recursive();
        let deleted = backend.delete_with(&recursive).await.unwrap();
        assert_eq!(deleted.entries, DEPTH + 1);
    });
}

#[test]
fn a_directory_of_a_hundred_thousand_entries_is_listed_page_by_page() {
    const FILES: usize = 100_000;
    let host = Host::new();
    fs::create_dir(host.root().join("d")).unwrap();
    for n in 0..FILES {
        fs::File::create(host.root().join(format!("d/f{n:06}"))).unwrap();
    }
    fs::create_dir(host.root().join("d/z-dir")).unwrap();
    run(async {
        let backend = host.backend();
        let page = backend
            .ls_with(&LsRequest::new(p("/d")).limit(3))
            .await
            .unwrap();
        let names: Vec<_> = page.items.iter().filter_map(|e| e.path.name()).collect();
        assert_eq!(names, ["z-dir", "f000000", "f000001"]);
        assert_eq!(page.truncated, Some(Truncation::Limit));
        let page = backend.ls("/d").await.unwrap();
        assert_eq!(page.items.len(), backend_core::DEFAULT_LS_LIMIT);
        let all = backend
            .ls_with(&LsRequest::new(p("/d")).limit(FILES + 1))
            .await
            .unwrap();
        assert_eq!(all.items.len(), FILES + 1);
        assert!(all.is_whole(), "exactly as many as asked for is not cut");
        let last = all.items.last().map(|entry| entry.path.clone());
        assert_eq!(last, Some(VirtualPath::parse("/d/f099999").unwrap()));
        refused(
            backend.ls_with(&LsRequest::new(p("/d")).limit(0)).await,
            ErrorKind::InvalidRequest,
        );
        let recursive = DeleteRequest::new(p("/d")).recursive();
        assert_eq!(
            backend.delete_with(&recursive).await.unwrap().entries,
            FILES as u64 + 2
        );
    });
}
