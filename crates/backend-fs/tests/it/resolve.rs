//! Where a path leads, as reported to callers that decide by path.

use std::os::unix::fs::symlink;
use std::path::Path;

use backend_core::{Backend, BackendExt, Error, ErrorKind, ResolveRequest, Result, VirtualPath};
use backend_fs::FsBackend;
use tempfile::TempDir;

use crate::support::p;

async fn workspace(build: impl Fn(&Path) -> Result<FsBackend>) -> (TempDir, FsBackend) {
    let dir = tempfile::tempdir().unwrap();
    let backend = build(dir.path()).unwrap();
    for path in ["/a/b/c.txt", "/d/e.txt"] {
        backend.write(path, "x").await.unwrap();
    }
    for (link, target) in [
        ("file", "a/b/c.txt"),
        ("dir", "a/b"),
        ("chain", "dir/c.txt"),
        ("a/b/up", "../../d"),
        ("dangling", "a/none/x"),
        ("loop", "loop"),
        ("out", "../elsewhere"),
        ("absolute", "/a/b"),
        ("odd", "a/b/od\u{7}d"),
        ("through", "a/b/c.txt/x"),
        ("back", "a/none/../b"),
        ("slash", "a/b/"),
        ("physical", "a/b/up/../a"),
    ] {
        symlink(target, dir.path().join(link)).unwrap();
    }
    (dir, backend)
}

async fn led(backend: &FsBackend, path: &str) -> Result<VirtualPath> {
    let resolved = backend.resolve_with(&ResolveRequest::new(p(path))).await;
    resolved.map(|resolved| resolved.path)
}

#[tokio::test]
async fn a_path_leads_where_its_links_lead() {
    let (_dir, backend) = workspace(|dir| FsBackend::open(dir)).await;
    for (path, want) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/file", "/a/b/c.txt"),
        ("/dir", "/a/b"),
        ("/dir/c.txt", "/a/b/c.txt"),
        ("/chain", "/a/b/c.txt"),
        ("/dir/up", "/d"),
        ("/dir/up/e.txt", "/d/e.txt"),
        ("/dangling", "/a/none/x"),
        ("/dir/new/deep", "/a/b/new/deep"),
        ("/nowhere/at/all", "/nowhere/at/all"),
        ("/a/b/c.txt/x", "/a/b/c.txt/x"),
        ("/through", "/a/b/c.txt/x"),
        ("/slash", "/a/b"),
        ("/physical/b", "/a/b"),
    ] {
        assert_eq!(led(&backend, path).await.unwrap(), p(want), "{path}");
    }
}

#[tokio::test]
async fn a_path_that_a_read_refuses_leads_nowhere() {
    let (_dir, backend) = workspace(|dir| FsBackend::open(dir)).await;
    for path in ["/loop", "/out", "/out/x", "/absolute", "/odd", "/loop/x"] {
        let error: Error = led(&backend, path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}");
        assert_eq!(error.path(), Some(&p(path)));
    }
}

#[tokio::test]
async fn a_path_through_a_missing_entry_leads_nowhere() {
    let (_dir, backend) = workspace(|dir| FsBackend::open(dir)).await;
    let error = led(&backend, "/back/c.txt").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        backend.read("/back/c.txt").await.unwrap_err().kind(),
        error.kind()
    );
}

#[tokio::test]
async fn in_a_chroot_nothing_leads_out() {
    let (_dir, backend) =
        workspace(|dir| FsBackend::builder(dir).links_within_root().build()).await;
    for (path, want) in [
        ("/absolute", "/a/b"),
        ("/absolute/c.txt", "/a/b/c.txt"),
        ("/out", "/elsewhere"),
        ("/chain", "/a/b/c.txt"),
    ] {
        assert_eq!(led(&backend, path).await.unwrap(), p(want), "{path}");
    }
}
