//! Entries that a mount hides are invisible to every operation, and unchanged.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, DeleteRequest, EntryKind, ErrorKind, GlobRequest, GrepRequest,
};
use backend_fs::FsBackend;
use backend_state::StateBackend;

use crate::support::{composite, listed, marked, p, refused, store, text};

#[tokio::test]
async fn d8_entries_behind_a_mount_are_not_found_and_not_read() {
    let default = store(&["/project/shadow", "/project/both", "/seen"]).await;
    let inner = store(&["/both"]).await;
    let ws = composite(&default, &[("/project", &inner)]);
    assert_eq!(listed(&ws, "/").await, ["/project/", "/seen"]);
    assert_eq!(listed(&ws, "/project").await, ["/project/both"]);
    refused(
        ws.stat("/project/shadow").await,
        ErrorKind::NotFound,
        "/project/shadow",
    );
    refused(
        ws.read("/project/shadow").await,
        ErrorKind::NotFound,
        "/project/shadow",
    );
    refused(
        ws.delete("/project/shadow").await,
        ErrorKind::NotFound,
        "/project/shadow",
    );
    assert_eq!(
        marked(&ws.glob("**").await.unwrap()),
        ["/project/both", "/seen"]
    );
    let found = ws.grep("needle").await.unwrap();
    let texts: Vec<_> = found.matches.iter().map(|hit| hit.text.as_str()).collect();
    assert_eq!(texts, ["needle in /both", "needle in /seen"]);
    assert_eq!(found.searched, 2);
}

#[tokio::test]
async fn a_file_at_a_mount_point_is_hidden() {
    let default = store(&["/m"]).await;
    let ws = composite(&default, &[("/m", &store(&["/f"]).await)]);
    assert_eq!(listed(&ws, "/").await, ["/m/"]);
    assert_eq!(ws.stat("/m").await.unwrap().kind, EntryKind::Directory);
    assert_eq!(marked(&ws.glob("**").await.unwrap()), ["/m/f"]);
    assert_eq!(text(&ws, "/m/f").await, "needle in /f\n");
    assert_eq!(text(&default, "/m").await, "needle in /m\n");
}

#[tokio::test]
async fn a_file_on_the_way_to_a_mount_is_hidden() {
    let default = store(&["/a", "/b"]).await;
    let ws = composite(&default, &[("/a/b/m", &store(&["/f"]).await)]);
    assert_eq!(listed(&ws, "/").await, ["/a/", "/b"]);
    assert_eq!(listed(&ws, "/a").await, ["/a/b/"]);
    assert_eq!(ws.stat("/a").await.unwrap().kind, EntryKind::Directory);
    refused(ws.read("/a").await, ErrorKind::IsADirectory, "/a");
    assert_eq!(marked(&ws.glob("**").await.unwrap()), ["/a/b/m/f", "/b"]);
    let directories = GlobRequest::new("*").directories();
    assert_eq!(
        marked(&ws.glob_with(&directories).await.unwrap()),
        ["/a/", "/b"]
    );
    for path in ["/", "/a", "/a/b"] {
        let request = GrepRequest::new("needle in /a").path(p(path));
        assert!(
            ws.grep_with(&request).await.unwrap().matches.is_empty(),
            "{path}"
        );
    }
    // Nothing is below it, and nothing can be put there.
    refused(ws.stat("/a/x").await, ErrorKind::NotFound, "/a/x");
    refused(ws.read("/a/b/x/y").await, ErrorKind::NotFound, "/a/b/x/y");
    refused(ws.ls("/a/x").await, ErrorKind::NotFound, "/a/x");
    refused(ws.edit("/a/x", "a", "b").await, ErrorKind::NotFound, "/a/x");
    refused(ws.delete("/a/x").await, ErrorKind::NotFound, "/a/x");
    refused(ws.rename("/a/x", "/c").await, ErrorKind::NotFound, "/a/x");
    let glob = GlobRequest::new("*").path(p("/a/x"));
    refused(ws.glob_with(&glob).await, ErrorKind::NotFound, "/a/x");
    let grep = GrepRequest::new("x").path(p("/a/x"));
    refused(ws.grep_with(&grep).await, ErrorKind::NotFound, "/a/x");
    refused(
        ws.write("/a/x", "x").await,
        ErrorKind::PermissionDenied,
        "/a/x",
    );
    refused(
        ws.mkdir("/a/b/x").await,
        ErrorKind::PermissionDenied,
        "/a/b/x",
    );
    refused(
        ws.rename("/b", "/a/x").await,
        ErrorKind::PermissionDenied,
        "/a/x",
    );
    assert_eq!(text(&default, "/a").await, "needle in /a\n");
}

#[tokio::test]
async fn a_visible_file_is_still_in_the_way() {
    let default = store(&["/a/f"]).await;
    let ws = composite(&default, &[("/a/m", &StateBackend::new())]);
    refused(ws.stat("/a/f/x").await, ErrorKind::NotADirectory, "/a/f/x");
    refused(
        ws.write("/a/f/x", "x").await,
        ErrorKind::NotADirectory,
        "/a/f/x",
    );
}

#[tokio::test]
async fn entries_behind_a_mount_in_a_mount_are_hidden_too() {
    let outer = store(&["/in/shadow", "/way", "/seen"]).await;
    let (inner, other) = (store(&["/i"]).await, store(&["/o"]).await);
    let mounts = [
        ("/out", &outer),
        ("/out/in", &inner),
        ("/out/way/m", &other),
    ];
    let ws = composite(&StateBackend::new(), &mounts);
    let all = ["/out/in/i", "/out/seen", "/out/way/m/o"];
    for path in ["/", "/out"] {
        let request = GlobRequest::new("**").path(p(path));
        assert_eq!(marked(&ws.glob_with(&request).await.unwrap()), all);
        let request = GrepRequest::new("needle").path(p(path));
        let found = ws.grep_with(&request).await.unwrap();
        let paths: Vec<_> = found.matches.iter().map(|hit| hit.path.as_str()).collect();
        assert_eq!(paths, all);
    }
    assert_eq!(
        listed(&ws, "/out").await,
        ["/out/in/", "/out/way/", "/out/seen"]
    );
}

#[tokio::test]
async fn deleting_next_to_a_mount_leaves_what_is_behind_it() {
    let default = store(&["/a/m/shadow", "/a/own/f"]).await;
    let ws = composite(&default, &[("/a/m", &store(&["/f"]).await)]);
    let all = DeleteRequest::new(p("/a/own")).recursive();
    assert_eq!(ws.delete_with(&all).await.unwrap().entries, 2);
    let all = DeleteRequest::new(p("/a")).recursive();
    refused(
        ws.delete_with(&all).await,
        ErrorKind::PermissionDenied,
        "/a",
    );
    assert!(default.exists("/a/m/shadow").await.unwrap());
}

#[tokio::test]
async fn a_limit_counts_only_visible_entries() {
    let mut files: Vec<String> = (0..50).map(|n| format!("/m/shadow{n}")).collect();
    files.push("/z".to_owned());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let ws = composite(&store(&files).await, &[("/m", &StateBackend::new())]);
    let page = ws
        .glob_with(&GlobRequest::new("**").limit(1))
        .await
        .unwrap();
    assert_eq!(
        (marked(&page), page.truncated),
        (vec!["/z".to_owned()], None)
    );
}

#[tokio::test]
async fn a_directory_behind_a_mount_is_the_mounts_own_in_a_listing() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::create_dir_all(directory.path().join("m/shadow")).unwrap();
    std::fs::write(directory.path().join("f"), "needle\n").unwrap();
    let ws = CompositeBackend::builder(Arc::new(FsBackend::open(directory.path()).unwrap()))
        .mount("/m", Arc::new(store(&["/x"]).await))
        .build()
        .unwrap();
    assert_eq!(listed(&ws, "/").await, ["/m/", "/f"]);
    assert_eq!(listed(&ws, "/m").await, ["/m/x"]);
    assert_eq!(marked(&ws.glob("**").await.unwrap()), ["/f", "/m/x"]);
    ws.write("/m/y", "y").await.unwrap();
    assert!(!directory.path().join("m/y").exists());
}
