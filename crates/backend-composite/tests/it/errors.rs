//! Every path in every error is the one that the caller knows.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, Error, ErrorKind, GlobRequest, GrepRequest,
    LsRequest, ReadBytesRequest, ReadRequest, RenameRequest, Result, Version, WriteMode,
    WriteRequest,
};
use backend_state::StateBackend;

use crate::fakes::Rigged;
use crate::support::{composite, p, refused, store};

async fn mounted() -> CompositeBackend<StateBackend> {
    let inner = store(&["/d/f", "/g"]).await;
    inner.write("/bin", b"\x00\xff").await.unwrap();
    composite(&StateBackend::new(), &[("/mnt/x", &inner)])
}

#[tokio::test]
async fn an_error_about_a_path_names_the_outer_one() {
    let ws = mounted().await;
    use ErrorKind as K;
    let f = "/mnt/x/d/f";
    refused(ws.stat("/mnt/x/no").await, K::NotFound, "/mnt/x/no");
    refused(ws.ls(f).await, K::NotADirectory, f);
    refused(ws.read("/mnt/x/d").await, K::IsADirectory, "/mnt/x/d");
    refused(ws.read("/mnt/x/bin").await, K::NotText, "/mnt/x/bin");
    refused(
        ws.read("/mnt/x/d/f/g").await,
        K::NotADirectory,
        "/mnt/x/d/f/g",
    );
    refused(ws.write("/mnt/x/d", "x").await, K::IsADirectory, "/mnt/x/d");
    refused(ws.edit(f, "absent", "x").await, K::NoMatch, f);
    refused(ws.edit(f, "e", "x").await, K::AmbiguousMatch, f);
    refused(ws.delete("/mnt/x/no").await, K::NotFound, "/mnt/x/no");
    refused(
        ws.rename("/mnt/x/no", "/mnt/x/y").await,
        K::NotFound,
        "/mnt/x/no",
    );
    refused(
        ws.rename("/mnt/x/g", "/mnt/x/d").await,
        K::AlreadyExists,
        "/mnt/x/d",
    );
    refused(ws.mkdir("/mnt/x/g").await, K::AlreadyExists, "/mnt/x/g");
    let new = WriteRequest::new(p(f), "x").mode(WriteMode::CreateNew);
    refused(ws.write_with(&new).await, K::AlreadyExists, f);
    let stale = EditRequest::new(p(f), "needle", "x").expect(Version::from_parts(&[1]));
    refused(ws.edit_with(&stale).await, K::Conflict, f);
    let small = ReadBytesRequest::new(p(f)).limit(1);
    refused(ws.read_bytes_with(&small).await, K::TooLarge, f);
    let glob = GlobRequest::new("*").path(p(f));
    refused(ws.glob_with(&glob).await, K::NotADirectory, f);
    let grep = GrepRequest::new("x").path(p("/mnt/x/no"));
    refused(ws.grep_with(&grep).await, K::NotFound, "/mnt/x/no");
}

#[tokio::test]
async fn a_message_about_a_path_names_the_outer_one() {
    let ws = mounted().await;
    let f = "/mnt/x/d/f";
    let checks: Vec<(Result<()>, &str)> = vec![
        (ws.read_lines(f, 10, 1).await.map(drop), f),
        (
            ws.read_bytes_with(&ReadBytesRequest::new(p(f)).range(900..901))
                .await
                .map(drop),
            f,
        ),
        (ws.delete("/mnt/x/d").await.map(drop), "/mnt/x/d"),
        (
            ws.rename("/mnt/x/d", "/mnt/x/d/e").await.map(drop),
            "/mnt/x/d",
        ),
        (
            ws.edit_with(&EditRequest::exact(p(f), Vec::new()))
                .await
                .map(drop),
            f,
        ),
        (ws.edit(f, "", "x").await.map(drop), f),
    ];
    for (result, path) in checks {
        let error = refused(result, ErrorKind::InvalidRequest, path);
        let shown = error.to_string();
        assert!(shown.starts_with(&format!("{path}: ")), "{shown}");
        assert!(!shown.replace(path, "").contains("/d"), "{shown}");
    }
}

#[tokio::test]
async fn a_limit_of_zero_is_refused_in_a_mount() {
    let ws = mounted().await;
    let page = ws
        .ls_with(&LsRequest::new(p("/mnt/x")).limit(0))
        .await
        .map(drop);
    let read = ws
        .read_with(&ReadRequest::new(p("/mnt/x/g")).limit(0))
        .await
        .map(drop);
    for result in [page, read] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}

#[tokio::test]
async fn an_error_of_a_mount_at_its_root_names_the_mount() {
    let workspace = CompositeBackend::builder(Arc::new(StateBackend::new()))
        .mount("/m", Arc::new(Rigged::denying()))
        .build()
        .unwrap();
    refused(workspace.ls("/m").await, ErrorKind::PermissionDenied, "/m");
    refused(
        workspace.stat("/m").await,
        ErrorKind::PermissionDenied,
        "/m",
    );
    refused(
        workspace.write("/m", "x").await,
        ErrorKind::IsADirectory,
        "/m",
    );
    let page = workspace.ls("/").await.unwrap();
    assert_eq!(page.items[0].path, "/m");
    assert_eq!(page.failures[0].path(), Some(&p("/m")));
}

#[tokio::test]
async fn a_refused_name_is_shown_as_it_was_asked_for() {
    let reserved = |_: &str, path: &backend_core::VirtualPath| {
        let reason = backend_core::PathReason::Reserved;
        Some(backend_core::PathError::new(path.as_str(), reason).into())
    };
    let workspace = CompositeBackend::builder(Arc::new(StateBackend::new()))
        .mount("/m", Arc::new(Rigged::new(StateBackend::new(), reserved)))
        .build()
        .unwrap();
    let error = workspace.write("/m/.tmp", "x").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "/m/.tmp: this name is reserved for temporary files"
    );
}

#[tokio::test]
async fn a_directory_with_a_mount_in_it_cannot_be_removed() {
    let inner = store(&["/f"]).await;
    let default = store(&["/a/x", "/a/b/shadowed"]).await;
    let ws = composite(&default, &[("/a/b", &inner)]);
    let all = |path: &str| DeleteRequest::new(p(path)).recursive();
    for path in ["/a", "/a/b"] {
        for request in [DeleteRequest::new(p(path)), all(path)] {
            let error = refused(
                ws.delete_with(&request).await,
                ErrorKind::PermissionDenied,
                path,
            );
            assert!(error.to_string().contains("mounted"), "{error}");
        }
        refused(
            ws.rename(path, "/z").await,
            ErrorKind::PermissionDenied,
            path,
        );
        assert!(ws.rename(path, path).await.unwrap().atomic);
        refused(
            ws.rename("/a/x", path).await,
            ErrorKind::AlreadyExists,
            path,
        );
        let over = RenameRequest::new(p("/a/x"), p(path)).overwrite();
        refused(ws.rename_with(&over).await, ErrorKind::IsADirectory, path);
        refused(ws.rename("/no", path).await, ErrorKind::NotFound, "/no");
        refused(ws.write(path, "x").await, ErrorKind::IsADirectory, path);
        let new = WriteRequest::new(p(path), "x").mode(WriteMode::CreateNew);
        refused(ws.write_with(&new).await, ErrorKind::AlreadyExists, path);
    }
    let error = ws.delete_with(&all("/a")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("a backend is mounted in it, at 'b'"),
        "{error}"
    );
    refused(
        ws.delete_with(&all("/")).await,
        ErrorKind::InvalidRequest,
        "/",
    );
    refused(ws.rename("/", "/z").await, ErrorKind::InvalidRequest, "/");
    refused(ws.rename("/a/x", "/").await, ErrorKind::InvalidRequest, "/");
    let root = WriteRequest::new(p("/"), "x").mode(WriteMode::CreateNew);
    refused(ws.write_with(&root).await, ErrorKind::IsADirectory, "/");
    assert_eq!((default.usage().files, inner.usage().files), (2, 1));
}

#[tokio::test]
async fn an_entry_too_deep_to_be_named_is_counted() {
    let deep = format!("{}/f", "/d".repeat(2040));
    let inner = store(&[deep.as_str(), "/g"]).await;
    let ws = composite(&StateBackend::new(), &[("/a/long/mount/point", &inner)]);
    let page = ws.glob("**").await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.skipped.unnameable, 1);
    let found = ws.grep("needle").await.unwrap();
    assert_eq!((found.matches.len(), found.skipped.unnameable), (1, 1));
    let inside = GlobRequest::new("**").path(p("/a/long/mount/point/d"));
    assert_eq!(ws.glob_with(&inside).await.unwrap().skipped.unnameable, 1);
}

#[test]
fn an_error_is_as_the_contract_has_it() {
    // The composite relies on it: an error about a path in a request has the path separate from the message.
    let error = Error::invalid_request_at(&p("/a"), "no");
    assert_eq!(error.map_path(|_| p("/m/a")).to_string(), "/m/a: no");
}
