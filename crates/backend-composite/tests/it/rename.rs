//! Moves within a backend and between two, and their leftovers when they fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use backend_composite::CompositeBackend;
use backend_core::{Backend, BackendExt, Error, ErrorKind, RenameRequest, VirtualPath};
use backend_fs::FsBackend;
use backend_state::StateBackend;

use crate::fakes::{Rigged, gone};
use crate::support::{composite, listed, marked, p, refused, store, text};

fn overwrite(from: &str, to: &str) -> RenameRequest {
    RenameRequest::new(p(from), p(to)).overwrite()
}

async fn everything(backend: &dyn Backend) -> Vec<String> {
    let request = backend_core::GlobRequest::new("**")
        .hidden()
        .ignored()
        .directories();
    marked(&backend.glob_with(&request).await.unwrap())
}

#[tokio::test]
async fn a_move_within_a_backend_is_one_step() {
    let inner = store(&["/a/f"]).await;
    let ws = composite(&store(&["/x"]).await, &[("/m", &inner)]);
    let version = ws.stat("/m/a/f").await.unwrap().version;
    let renamed = ws.rename("/m/a", "/m/b/c").await.unwrap();
    assert!(renamed.atomic);
    assert_eq!(ws.stat("/m/b/c/f").await.unwrap().version, version);
    assert!(ws.rename("/x", "/y").await.unwrap().atomic);
    refused(
        ws.rename("/m/b", "/m/b/d").await,
        ErrorKind::InvalidRequest,
        "/m/b",
    );
}

#[tokio::test]
async fn a_file_moves_to_another_backend_and_says_how() {
    let (default, inner) = (store(&["/f"]).await, StateBackend::new());
    let ws = composite(&default, &[("/m", &inner)]);
    let renamed = ws.rename("/f", "/m/new/g").await.unwrap();
    assert!(!renamed.atomic);
    assert_eq!(renamed.version, ws.stat("/m/new/g").await.unwrap().version);
    assert_eq!(text(&inner, "/new/g").await, "needle in /f\n");
    assert_eq!(default.usage().files, 0);
    ws.rename("/m/new/g", "/back").await.unwrap();
    assert_eq!(text(&default, "/back").await, "needle in /f\n");
}

#[tokio::test]
async fn an_existing_target_is_handled_as_within_a_backend() {
    let (default, inner) = (store(&["/f", "/d/x"]).await, store(&["/g", "/e/y"]).await);
    let ws = composite(&default, &[("/m", &inner)]);
    use ErrorKind as K;
    refused(ws.rename("/no", "/m/x").await, K::NotFound, "/no");
    refused(ws.rename("/f", "/m/g").await, K::AlreadyExists, "/m/g");
    refused(ws.rename("/f", "/m/g/h").await, K::NotADirectory, "/m/g/h");
    refused(ws.rename("/f/x", "/m/h").await, K::NotADirectory, "/f/x");
    refused(ws.rename("/d", "/m/g").await, K::AlreadyExists, "/m/g");
    refused(
        ws.rename_with(&overwrite("/d", "/m/g")).await,
        K::AlreadyExists,
        "/m/g",
    );
    refused(
        ws.rename_with(&overwrite("/d", "/m/e")).await,
        K::AlreadyExists,
        "/m/e",
    );
    refused(
        ws.rename_with(&overwrite("/f", "/m/e")).await,
        K::IsADirectory,
        "/m/e",
    );
    refused(ws.rename("/d", "/m/g/h").await, K::NotADirectory, "/m/g/h");
    ws.rename_with(&overwrite("/f", "/m/g")).await.unwrap();
    assert_eq!(text(&inner, "/g").await, "needle in /f\n");
    assert!(!default.exists("/f").await.unwrap());
}

#[tokio::test]
async fn a_directory_moves_with_everything_in_it() {
    let default = store(&["/d/a", "/d/.hidden", "/d/s/t/f", "/d/ignored.log"]).await;
    default.write("/d/.gitignore", "*.log\n").await.unwrap();
    default.mkdir("/d/empty").await.unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let ws = CompositeBackend::builder(Arc::new(default.clone()))
        .mount("/fs", Arc::new(FsBackend::open(directory.path()).unwrap()))
        .build()
        .unwrap();
    let renamed = ws.rename("/d", "/fs/x/d").await.unwrap();
    assert_eq!((renamed.atomic, renamed.version), (false, None));
    assert_eq!(default.usage(), StateBackend::new().usage());
    assert_eq!(
        listed(&ws, "/fs/x/d").await,
        [
            "/fs/x/d/empty/",
            "/fs/x/d/s/",
            "/fs/x/d/.gitignore",
            "/fs/x/d/.hidden",
            "/fs/x/d/a",
            "/fs/x/d/ignored.log"
        ]
    );
    assert_eq!(text(&ws, "/fs/x/d/s/t/f").await, "needle in /d/s/t/f\n");
    ws.rename("/fs/x/d", "/back").await.unwrap();
    assert_eq!(default.usage().files, 5);
    assert_eq!(listed(&ws, "/fs/x").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_backend_that_is_mounted_twice_moves_within_itself() {
    let shared: Arc<dyn Backend> = Arc::new(store(&["/f", "/d/x"]).await);
    let ws = CompositeBackend::builder(Arc::new(StateBackend::new()))
        .mount("/one", Arc::clone(&shared))
        .mount("/two", Arc::clone(&shared))
        .build()
        .unwrap();
    assert!(ws.rename("/one/f", "/two/f").await.unwrap().atomic);
    assert!(
        ws.rename_with(&overwrite("/one/f", "/two/f"))
            .await
            .unwrap()
            .atomic
    );
    assert!(shared.exists("/f").await.unwrap());
    assert!(ws.rename("/one/f", "/two/g").await.unwrap().atomic);
    refused(
        ws.rename("/one/no", "/two/x").await,
        ErrorKind::NotFound,
        "/one/no",
    );
    refused(
        ws.rename("/one/g", "/two/d").await,
        ErrorKind::AlreadyExists,
        "/two/d",
    );
}

#[tokio::test]
async fn a_store_behind_two_handles_loses_nothing() {
    // Two handles to one store cannot be told from two stores.
    let same = store(&["/f", "/d/x"]).await;
    let ws = composite(&StateBackend::new(), &[("/one", &same), ("/two", &same)]);
    refused(
        ws.rename("/one/f", "/two/f").await,
        ErrorKind::AlreadyExists,
        "/two/f",
    );
    refused(
        ws.rename("/one/d", "/two/d").await,
        ErrorKind::AlreadyExists,
        "/two/d",
    );
    let error = ws
        .rename_with(&overwrite("/one/f", "/two/f"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(text(&same, "/f").await, "needle in /f\n");
    // Moved into itself unknowingly, it is not lost either.
    let outcome = ws.rename("/one/d", "/two/d/e").await;
    refused(outcome, ErrorKind::Conflict, "/one/d");
    assert_eq!(text(&same, "/d/e/x").await, "needle in /d/x\n");
}

fn over(rigged: Rigged, inner: &StateBackend) -> CompositeBackend<Rigged> {
    CompositeBackend::builder(Arc::new(rigged))
        .mount("/m", Arc::new(inner.clone()))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_copy_that_fails_midway_is_removed() {
    let source = store(&["/d/a", "/d/b/c", "/d/z"]).await;
    for failing in ["/d/a", "/d/b/c", "/d/z"] {
        let rigged = Rigged::new(source.clone(), move |operation, path| {
            (operation == "read_bytes_with" && *path == failing).then(gone)
        });
        let target = store(&["/here/before"]).await;
        let ws = over(rigged, &target);
        let error = ws.rename("/d", "/m/here/d").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(
            everything(&target).await,
            ["/here/", "/here/before"],
            "{failing}"
        );
        assert_eq!(source.usage().files, 3);
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_deleted_leaves_no_copy() {
    let source = store(&["/d/a", "/d/z", "/f"]).await;
    let rigged = Rigged::new(source.clone(), |operation, path: &VirtualPath| {
        (operation == "delete_with").then(|| Error::permission_denied(path, "no"))
    });
    let target = StateBackend::new();
    let ws = over(rigged, &target);
    let error = ws.rename("/d", "/m/d").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    refused(
        ws.rename("/f", "/m/f").await,
        ErrorKind::PermissionDenied,
        "/f",
    );
    assert_eq!(target.usage().files, 0);
    assert_eq!(source.usage().files, 3);
}

#[tokio::test]
async fn a_source_that_is_half_deleted_leaves_the_copy_and_says_so() {
    let source = store(&["/d/a", "/d/b", "/d/c"]).await;
    let count = AtomicU32::new(0);
    let rigged = Rigged::new(source.clone(), move |operation, _| {
        (operation == "delete_with" && count.fetch_add(1, Ordering::Relaxed) == 1).then(gone)
    });
    let target = StateBackend::new();
    let ws = over(rigged, &target);
    let error = refused(ws.rename("/d", "/m/d").await, ErrorKind::Conflict, "/d");
    assert!(
        error.to_string().contains("everything was copied"),
        "{error}"
    );
    assert_eq!(everything(&target).await, ["/d/", "/d/a", "/d/b", "/d/c"]);
    assert_eq!(source.usage().files, 2);
}

#[tokio::test]
async fn a_file_that_changes_while_it_moves_is_not_lost() {
    let source = store(&["/f"]).await;
    let writer = source.clone();
    let rigged = Rigged::new(source.clone(), move |operation, _| {
        if operation == "delete_with" {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            let writer = writer.clone();
            let write = async move { writer.write("/f", "newer").await };
            std::thread::spawn(move || runtime.block_on(write))
                .join()
                .unwrap()
                .unwrap();
        }
        None
    });
    let target = StateBackend::new();
    let ws = over(rigged, &target);
    refused(ws.rename("/f", "/m/f").await, ErrorKind::Conflict, "/f");
    assert_eq!(text(&source, "/f").await, "newer");
    assert!(!target.exists("/f").await.unwrap());
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_refused_before_anything_is_touched() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::create_dir_all(directory.path().join("d/s")).unwrap();
    std::fs::write(directory.path().join("d/a"), "a").unwrap();
    std::fs::write(directory.path().join("f"), "f").unwrap();
    std::os::unix::fs::symlink("../a", directory.path().join("d/s/link")).unwrap();
    std::os::unix::fs::symlink("f", directory.path().join("link")).unwrap();
    let inner = store(&["/g"]).await;
    let ws = CompositeBackend::builder(Arc::new(FsBackend::open(directory.path()).unwrap()))
        .mount("/m", Arc::new(inner.clone()))
        .build()
        .unwrap();
    for from in ["/d", "/link"] {
        let error = ws.rename(from, "/m/x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{from}");
    }
    let error = ws
        .rename_with(&overwrite("/m/g", "/link"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(inner.usage().files, 1);
    assert_eq!(std::fs::read(directory.path().join("f")).unwrap(), b"f");
}

#[tokio::test]
async fn a_read_only_end_is_refused_before_anything_is_copied() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::write(directory.path().join("f"), "f").unwrap();
    let read_only = FsBackend::builder(directory.path())
        .read_only()
        .build()
        .unwrap();
    let default = store(&["/g"]).await;
    let ws = CompositeBackend::builder(Arc::new(default.clone()))
        .mount("/ro", Arc::new(read_only))
        .build()
        .unwrap();
    refused(
        ws.rename("/ro/f", "/f").await,
        ErrorKind::PermissionDenied,
        "/ro/f",
    );
    refused(
        ws.rename("/g", "/ro/g").await,
        ErrorKind::PermissionDenied,
        "/ro/g",
    );
    refused(
        ws.rename("/ro/no", "/f").await,
        ErrorKind::NotFound,
        "/ro/no",
    );
    assert_eq!(default.usage().files, 1);
}

#[tokio::test]
async fn a_path_that_would_be_too_long_is_refused_first() {
    let deep = format!("/d{}", "/d".repeat(2040));
    let source = store(&["/d/f", &format!("{deep}/f")]).await;
    let target = StateBackend::new();
    let ws = composite(&source, &[("/a/mount/point", &target)]);
    let error = ws.rename("/d", "/a/mount/point/d").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPath);
    assert_eq!(target.usage(), StateBackend::new().usage());
}

#[tokio::test]
async fn a_quota_of_the_target_undoes_the_copy() {
    let source = store(&["/d/a", "/d/b", "/d/c"]).await;
    let target = StateBackend::builder().max_files(3).build();
    let ws = composite(&source, &[("/m", &target)]);
    let error = ws.rename("/d", "/m/d").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert_eq!(target.usage(), StateBackend::new().usage());
    assert_eq!(source.usage().files, 3);
}
