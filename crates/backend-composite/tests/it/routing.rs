//! Which backend answers for a path, with the defects of the Python original by their numbers.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, EditRequest, EntryKind, ErrorKind, GlobRequest, GrepRequest, LsRequest,
    Truncation,
};
use backend_fs::FsBackend;
use backend_state::StateBackend;

use crate::support::{composite, listed, marked, p, refused, store, text};

#[tokio::test]
async fn d1_a_mounted_directory_is_seen_without_its_prefix() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::write(directory.path().join("app.py"), "print()\n").unwrap();
    let workspace = CompositeBackend::builder(Arc::new(StateBackend::new()))
        .mount(
            "/project/",
            Arc::new(FsBackend::open(directory.path()).unwrap()),
        )
        .build()
        .unwrap();
    assert_eq!(
        workspace.read("/project/app.py").await.unwrap().text,
        "print()\n"
    );
    workspace.write("/project/x", "x").await.unwrap();
    assert!(directory.path().join("x").is_file());
    assert!(!directory.path().join("project").exists());
}

#[tokio::test]
async fn d2_a_mount_is_listed_with_and_without_a_slash() {
    let inner = store(&["/f"]).await;
    let workspace = composite(&StateBackend::new(), &[("/project/", &inner)]);
    for path in ["/project", "/project/", "project", "//project/."] {
        assert_eq!(listed(&workspace, path).await, ["/project/f"]);
    }
}

#[tokio::test]
async fn d3_searches_from_the_root_reach_a_mounted_directory() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::write(directory.path().join("app.py"), "needle\n").unwrap();
    let workspace = CompositeBackend::builder(Arc::new(StateBackend::new()))
        .mount(
            "/project",
            Arc::new(FsBackend::open(directory.path()).unwrap()),
        )
        .build()
        .unwrap();
    let page = workspace.glob("**/*.py").await.unwrap();
    assert_eq!(marked(&page), ["/project/app.py"]);
    let found = workspace.grep("needle").await.unwrap();
    assert_eq!(found.matches[0].path, "/project/app.py");
}

#[tokio::test]
async fn d4_a_wrong_pattern_is_an_error() {
    let workspace = composite(&StateBackend::new(), &[("/m", &StateBackend::new())]);
    for path in ["/", "/m"] {
        let error = workspace
            .grep_with(&GrepRequest::new("(").path(p(path)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPattern);
        let error = workspace
            .glob_with(&GlobRequest::new("a[").path(p(path)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPattern);
        let error = workspace
            .grep_with(&GrepRequest::new("a").path(p(path)).limit(0))
            .await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}

#[tokio::test]
async fn d5_a_mount_does_not_swallow_its_neighbours() {
    let (default, mem) = (StateBackend::new(), StateBackend::new());
    let workspace = composite(&default, &[("/mem", &mem)]);
    workspace.write("/memory/x", "default").await.unwrap();
    workspace.write("/mem/x", "mounted").await.unwrap();
    assert_eq!(text(&default, "/memory/x").await, "default");
    assert_eq!(text(&mem, "/x").await, "mounted");
    assert_eq!(listed(&workspace, "/").await, ["/mem/", "/memory/"]);
}

#[tokio::test]
async fn d6_a_path_without_a_slash_goes_to_its_mount() {
    let (default, project) = (StateBackend::new(), StateBackend::new());
    let workspace = composite(&default, &[("/project", &project)]);
    workspace.write("project/y", "y").await.unwrap();
    assert_eq!(text(&project, "/y").await, "y");
    assert_eq!(default.usage().files, 0);
}

#[tokio::test]
async fn d7_directories_that_lead_to_mounts_are_there() {
    let inner = store(&["/f"]).await;
    let workspace = composite(&StateBackend::new(), &[("/a/b/", &inner)]);
    assert_eq!(listed(&workspace, "/").await, ["/a/"]);
    assert_eq!(listed(&workspace, "/a").await, ["/a/b/"]);
    assert_eq!(
        workspace.stat("/a").await.unwrap().kind,
        EntryKind::Directory
    );
    assert!(!workspace.mkdir("/a").await.unwrap().created);
    assert!(!workspace.mkdir("/a/b").await.unwrap().created);
    assert!(workspace.exists("/a/b").await.unwrap());
    refused(workspace.read("/a").await, ErrorKind::IsADirectory, "/a");
    refused(
        workspace.read_bytes("/a/b").await,
        ErrorKind::IsADirectory,
        "/a/b",
    );
    refused(
        workspace.edit("/a", "x", "y").await,
        ErrorKind::IsADirectory,
        "/a",
    );
    refused(workspace.read("/a/x").await, ErrorKind::NotFound, "/a/x");
}

#[tokio::test]
async fn d9_a_dot_is_the_root() {
    let workspace = composite(&store(&["/f"]).await, &[("/m", &StateBackend::new())]);
    for path in [".", "", "./", "/."] {
        assert_eq!(listed(&workspace, path).await, ["/m/", "/f"], "{path:?}");
    }
}

#[tokio::test]
async fn a_file_next_to_a_mount_is_in_the_default() {
    let default = StateBackend::new();
    let workspace = composite(&default, &[("/a/b", &StateBackend::new())]);
    workspace.write("/a/x/f", "x").await.unwrap();
    assert_eq!(text(&default, "/a/x/f").await, "x");
    assert_eq!(listed(&workspace, "/a").await, ["/a/b/", "/a/x/"]);
}

#[tokio::test]
async fn a_mount_in_a_mount_wins() {
    let (outer, inner) = (store(&["/o"]).await, store(&["/i"]).await);
    let workspace = composite(&StateBackend::new(), &[("/m/n/p", &inner), ("/m", &outer)]);
    assert_eq!(listed(&workspace, "/m").await, ["/m/n/", "/m/o"]);
    assert_eq!(listed(&workspace, "/m/n/p").await, ["/m/n/p/i"]);
    workspace.write("/m/n/f", "f").await.unwrap();
    assert_eq!(text(&outer, "/n/f").await, "f");
    assert_eq!(listed(&workspace, "/m/n").await, ["/m/n/p/", "/m/n/f"]);
    let page = workspace.glob("**").await.unwrap();
    assert_eq!(marked(&page), ["/m/n/f", "/m/n/p/i", "/m/o"]);
}

#[tokio::test]
async fn a_composite_in_a_composite_is_seen_through_both() {
    let leaf = store(&["/dir/f"]).await;
    let inner = composite(&StateBackend::new(), &[("/in", &leaf)]);
    let workspace = CompositeBackend::builder(Arc::new(StateBackend::new()))
        .mount("/out", Arc::new(inner))
        .build()
        .unwrap();
    let path = "/out/in/dir/f";
    assert_eq!(workspace.stat(path).await.unwrap().path, path);
    assert_eq!(workspace.read(path).await.unwrap().path, path);
    assert_eq!(marked(&workspace.glob("**/f").await.unwrap()), [path]);
    assert_eq!(
        workspace.grep("needle").await.unwrap().matches[0].path,
        path
    );
    let edited = workspace.edit(path, "needle", "pin").await.unwrap();
    assert!(
        edited
            .diff
            .starts_with("--- a/out/in/dir/f\n+++ b/out/in/dir/f\n@@")
    );
    refused(
        workspace.delete("/out/in").await,
        ErrorKind::PermissionDenied,
        "/out/in",
    );
    refused(
        workspace.read("/out/in/x").await,
        ErrorKind::NotFound,
        "/out/in/x",
    );
}

#[tokio::test]
async fn a_listing_is_cut_like_that_of_a_single_backend() {
    let default = store(&["/b/x", "/z/x", "/m/hidden", "/c", "/d"]).await;
    let workspace = composite(
        &default,
        &[("/m", &StateBackend::new()), ("/q/r", &store(&[]).await)],
    );
    let all = ["/b/", "/m/", "/q/", "/z/", "/c", "/d"];
    for limit in 1..8 {
        let page = workspace
            .ls_with(&LsRequest::new(p("/")).limit(limit))
            .await
            .unwrap();
        let cut = (limit < all.len()).then_some(Truncation::Limit);
        assert_eq!(marked(&page), all[..limit.min(all.len())], "{limit}");
        assert_eq!(page.truncated, cut, "{limit}");
    }
    let none = workspace.ls_with(&LsRequest::new(p("/")).limit(0)).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_stat_shows_what_the_listing_shows() {
    let (default, inner) = (store(&["/a/own/f", "/f"]).await, store(&["/x"]).await);
    let workspace = composite(&default, &[("/a/m", &inner), ("/b/c/d", &inner)]);
    for directory in ["/", "/a", "/b", "/b/c"] {
        for entry in workspace.ls(directory).await.unwrap() {
            assert_eq!(workspace.stat(&entry.path).await.unwrap(), entry);
        }
    }
}

#[tokio::test]
async fn mounts_that_contradict_each_other_are_refused() {
    let build = |places: &[&str]| {
        let mut builder = CompositeBackend::builder(Arc::new(StateBackend::new()));
        for place in places {
            builder = builder.mount(*place, Arc::new(StateBackend::new()));
        }
        builder.build()
    };
    refused(build(&["/"]), ErrorKind::InvalidRequest, "/");
    refused(build(&["/a", "."]), ErrorKind::InvalidRequest, "/");
    refused(build(&["/a", "/b", "a/"]), ErrorKind::InvalidRequest, "/a");
    let error = build(&["/a", "/../b", "/"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPath);
    let built = build(&["/b", "/a/c", "/a"]).unwrap();
    let places: Vec<_> = built.mount_points().map(|path| path.as_str()).collect();
    assert_eq!(places, ["/a", "/a/c", "/b"]);
}

#[tokio::test]
async fn capabilities_are_those_of_all() {
    let directory = tempfile::TempDir::new().unwrap();
    let fs = || FsBackend::builder(directory.path());
    let read_only = Arc::new(fs().read_only().build().unwrap());
    let state = Arc::new(StateBackend::new());
    let both = CompositeBackend::builder(Arc::clone(&state))
        .mount("/fs", Arc::<FsBackend>::clone(&read_only))
        .build()
        .unwrap()
        .capabilities();
    assert!(!both.read_only && !both.durable && !both.executes);
    assert_eq!(both.symlinks, read_only.capabilities().symlinks);
    let alone = CompositeBackend::builder(Arc::clone(&read_only))
        .mount("/again", Arc::<FsBackend>::clone(&read_only))
        .build()
        .unwrap()
        .capabilities();
    assert_eq!(alone, read_only.capabilities());
}

#[tokio::test]
async fn an_edit_names_the_path_that_was_asked_for() {
    let inner = store(&["/f"]).await;
    let workspace = composite(&StateBackend::new(), &[("/m", &inner)]);
    let edited = workspace.edit("/m/f", "needle", "pin").await.unwrap();
    assert!(
        edited.diff.starts_with("--- a/m/f\n+++ b/m/f\n@@"),
        "{}",
        edited.diff
    );
    let dry = EditRequest::new(p("/m/f"), "pin", "nail").dry_run();
    assert!(
        workspace
            .edit_with(&dry)
            .await
            .unwrap()
            .diff
            .contains("+nail")
    );
}
