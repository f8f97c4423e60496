//! Links and paths that lead out, against every operation: nothing outside is read, listed, made, changed or
//! removed.

use std::path::PathBuf;

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, EntryKind, Error, ErrorKind, GlobRequest,
    GrepRequest, RenameRequest, VirtualPath, WriteMode, WriteRequest,
};
use backend_fs::FsBackend;

use crate::support::{Host, SECRET, p, refused, run};

/// A link in the root, by name, and where it leads.
struct Way {
    name: &'static str,
    target: PathBuf,
    /// Whether it leads to a directory. Otherwise it leads to the file `f` in it.
    to_dir: bool,
}

fn ways(host: &Host) -> Vec<Way> {
    let outside = host.outside();
    let proc_root = PathBuf::from("/proc/self/root").join(outside.strip_prefix("/").unwrap());
    let dir = |name, target| Way {
        name,
        target,
        to_dir: true,
    };
    let file = |name, target| Way {
        name,
        target,
        to_dir: false,
    };
    vec![
        dir("dir-relative", "../outside".into()),
        dir("dir-absolute", outside.clone()),
        dir("dir-winding", "sub/../../outside/sub/..".into()),
        dir("dir-proc", proc_root.clone()),
        dir("dir-chain", "dir-relative".into()),
        dir("dir-chain-of-chain", "sub/up/dir-chain".into()),
        file("file-relative", "../outside/f".into()),
        file("file-absolute", outside.join("f")),
        file("file-proc", proc_root.join("f")),
        file("file-chain", "file-absolute".into()),
        file("file-through-dir", "dir-relative/f".into()),
    ]
}

fn host_with_ways() -> (Host, Vec<Way>) {
    let host = Host::new();
    host.put("sub/inside", "inside");
    host.link("sub/up", "..");
    let ways = ways(&host);
    for way in &ways {
        host.link(way.name, &way.target);
    }
    (host, ways)
}

/// Tries everything at a path, and returns what the operations answered.
async fn try_all(
    backend: &FsBackend,
    path: &VirtualPath,
) -> Vec<(&'static str, Result<String, Error>)> {
    fn shown<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Result<String, Error> {
        outcome.map(|value| format!("{value:?}"))
    }
    let new = path.child("new").unwrap();
    let write = |path: &VirtualPath, mode| WriteRequest::new(path, "intruder").mode(mode);
    let version = backend.write("/version", "x").await.unwrap().version;
    vec![
        ("read", shown(backend.read(path).await)),
        ("read_bytes", shown(backend.read_bytes(path).await)),
        ("ls", shown(backend.ls(path).await)),
        (
            "glob",
            shown(
                backend
                    .glob_with(&GlobRequest::new("**").path(path).hidden().directories())
                    .await,
            ),
        ),
        (
            "grep",
            shown(
                backend
                    .grep_with(&GrepRequest::new(".").path(path).hidden())
                    .await,
            ),
        ),
        (
            "write",
            shown(backend.write_with(&write(path, WriteMode::Overwrite)).await),
        ),
        (
            "write new",
            shown(backend.write_with(&write(&new, WriteMode::CreateNew)).await),
        ),
        (
            "write version",
            shown(
                backend
                    .write_with(&write(path, WriteMode::IfVersion(version)))
                    .await,
            ),
        ),
        (
            "write below",
            shown(backend.write_with(&write(&new, WriteMode::Overwrite)).await),
        ),
        (
            "edit",
            shown(
                backend
                    .edit_with(&EditRequest::new(path, SECRET, "intruder"))
                    .await,
            ),
        ),
        (
            "edit dry",
            shown(
                backend
                    .edit_with(&EditRequest::new(path, SECRET, "x").dry_run())
                    .await,
            ),
        ),
        ("mkdir below", shown(backend.mkdir(&new).await)),
        (
            "delete below",
            shown(backend.delete(path.child("only-outside").unwrap()).await),
        ),
        (
            "delete tree below",
            shown(
                backend
                    .delete_with(&DeleteRequest::new(path.child("sub").unwrap()).recursive())
                    .await,
            ),
        ),
        (
            "rename out of",
            shown(backend.rename(path.child("f").unwrap(), "/stolen").await),
        ),
        (
            "rename into",
            shown(backend.rename("/sub/inside", &new).await),
        ),
        (
            "rename over",
            shown(
                backend
                    .rename_with(
                        &RenameRequest::new(p("/sub/inside"), path.child("f").unwrap()).overwrite(),
                    )
                    .await,
            ),
        ),
        (
            "stat below",
            shown(backend.stat(path.child("f").unwrap()).await),
        ),
    ]
}

#[test]
fn every_way_out_is_refused_by_every_operation() {
    let (host, ways) = host_with_ways();
    let before = host.snapshot_outside();
    run(async {
        let backend = host.backend();
        for way in &ways {
            let path = p(way.name);
            for (operation, outcome) in try_all(&backend, &path).await {
                let what = format!("{operation} of {}", way.name);
                let error = outcome.expect_err(&what);
                // There is nothing below a link to a file, wherever it leads.
                let kinds = [ErrorKind::PermissionDenied, ErrorKind::NotADirectory];
                assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
            }
        }
    });
    assert_eq!(host.snapshot_outside(), before);
    assert_eq!(host.get("sub/inside"), b"inside");
}

#[test]
fn a_link_that_leads_out_is_listed_and_reveals_nothing_about_its_target() {
    let (host, ways) = host_with_ways();
    run(async {
        let backend = host.backend();
        for way in &ways {
            let entry = backend.stat(way.name).await.unwrap();
            assert_eq!(entry.kind, EntryKind::Symlink);
            assert_eq!((entry.size, entry.target, entry.version), (0, None, None));
        }
        let page = backend.ls("/").await.unwrap();
        assert_eq!(page.items.len(), ways.len() + 1);
        assert!(page.is_whole());
    });
}

#[test]
fn searches_from_the_root_do_not_follow_a_way_out() {
    let (host, ways) = host_with_ways();
    run(async {
        let backend = host.backend();
        let everything = GlobRequest::new("**").hidden().ignored().directories();
        for entry in backend.glob_with(&everything).await.unwrap() {
            assert!(!entry.path.as_str().contains("only-outside"), "{entry:?}");
        }
        for way in ways.iter().filter(|way| way.to_dir) {
            for pattern in [format!("{}/*", way.name), format!("{}/f", way.name)] {
                let found = backend.glob(&pattern).await.unwrap();
                assert!(found.items.is_empty(), "{pattern}: {found:?}");
            }
        }
        let found = backend.grep(SECRET).await.unwrap();
        assert!(found.matches.is_empty(), "{found:?}");
    });
}

#[test]
fn a_link_that_leads_out_can_be_moved_and_removed_and_its_target_stays() {
    let (host, ways) = host_with_ways();
    let before = host.snapshot_outside();
    run(async {
        let backend = host.backend();
        for way in &ways {
            backend.rename(way.name, "/moved").await.unwrap();
            let recursive = DeleteRequest::new(p("/moved")).recursive();
            assert_eq!(backend.delete_with(&recursive).await.unwrap().entries, 1);
        }
    });
    assert_eq!(host.snapshot_outside(), before);
}

#[test]
fn a_tree_with_ways_out_is_removed_without_their_targets() {
    let (host, ways) = host_with_ways();
    for way in &ways {
        host.link(&format!("sub/{}", way.name), host.outside());
    }
    let before = host.snapshot_outside();
    run(async {
        let recursive = DeleteRequest::new(p("/sub")).recursive();
        let deleted = host.backend().delete_with(&recursive).await.unwrap();
        // The directory, the file and the link in it, and the ways.
        assert_eq!(deleted.entries, 3 + ways.len() as u64);
    });
    assert_eq!(host.snapshot_outside(), before);
}

#[test]
fn a_dangling_way_out_makes_nothing_outside() {
    let host = Host::new();
    host.link("relative", "../outside/made");
    host.link("absolute", host.outside().join("made"));
    host.link("dir", "../outside/made-dir");
    let before = host.snapshot_outside();
    run(async {
        let backend = host.backend();
        for path in ["/relative", "/absolute", "/dir", "/dir/f", "/dir/sub/f"] {
            refused(backend.write(path, "x").await, ErrorKind::PermissionDenied);
        }
        for path in ["/dir/new", "/dir/new/deep"] {
            refused(backend.mkdir(path).await, ErrorKind::PermissionDenied);
        }
        refused(backend.mkdir("/dir").await, ErrorKind::PermissionDenied);
        let new = WriteRequest::new(p("/relative"), "x").mode(WriteMode::CreateNew);
        refused(backend.write_with(&new).await, ErrorKind::AlreadyExists);
    });
    assert_eq!(host.snapshot_outside(), before);
}

#[test]
fn a_chroot_turns_every_way_out_into_a_way_inside() {
    let (host, ways) = host_with_ways();
    let before = host.snapshot_outside();
    run(async {
        let backend = FsBackend::builder(host.root()).links_within_root();
        let backend = backend.build().unwrap();
        for way in &ways {
            for (operation, outcome) in try_all(&backend, &p(way.name)).await {
                let outcome = outcome.unwrap_or_default();
                assert!(!outcome.contains(SECRET), "{operation} of {}", way.name);
                assert!(
                    !outcome.contains("only-outside"),
                    "{operation} of {}",
                    way.name
                );
            }
        }
    });
    assert_eq!(host.snapshot_outside(), before);
}

#[test]
fn paths_that_climb_are_invalid() {
    let host = Host::new();
    run(async {
        let backend = host.backend();
        for path in [
            "../outside/f",
            "/../outside/f",
            "a/../../outside/f",
            "/a/..",
        ] {
            refused(backend.read(path).await, ErrorKind::InvalidPath);
            refused(backend.write(path, "x").await, ErrorKind::InvalidPath);
        }
        for pattern in ["../outside/*", "sub/../../outside/f"] {
            refused(backend.glob(pattern).await, ErrorKind::InvalidPattern);
        }
        // An absolute path of the host is interpreted inside the root, where nothing exists.
        let outside = host.outside().join("f").display().to_string();
        refused(backend.read(outside.as_str()).await, ErrorKind::NotFound);
    });
}
