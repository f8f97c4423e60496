//! A refused operation leaves the tree as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use backend_core::{Backend, BackendExt, ErrorKind, WriteMode, WriteRequest};
use backend_fs::FsBackend;

use crate::mounts::{Bench, can_mount, names, sh, tree};
use crate::support::{Host, p, refused, run};

#[test]
fn a_write_that_finds_no_room_leaves_no_directory() {
    if !can_mount(&["mount", "mkfs.ext4"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.disk(&["mkfs.ext4", "-q", "-m", "0"], 8, "root");
    fs::create_dir(format!("{root}/there")).unwrap();
    let before = tree(&root);
    let large = vec![b'x'; 16 << 20];
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for path in ["/new/dir/f", "/there/too/f", "/f"] {
            for mode in [WriteMode::Overwrite, WriteMode::CreateNew] {
                let request = WriteRequest::new(p(path), large.clone()).mode(mode);
                let outcome = backend.write_with(&request).await;
                refused(outcome, ErrorKind::QuotaExceeded);
            }
        }
    });
    assert_eq!(tree(&root), before);
}

#[test]
fn a_refused_move_to_a_full_disk_leaves_nothing_there() {
    if !can_mount(&["mount"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.dir("root");
    fs::create_dir_all(format!("{root}/dir/sub")).unwrap();
    fs::write(format!("{root}/dir/sub/f"), vec![b'x'; 3 << 20]).unwrap();
    fs::write(format!("{root}/f"), vec![b'x'; 3 << 20]).unwrap();
    bench.mount(
        "mount",
        &["-t", "tmpfs", "-o", "size=1m", "far"],
        "root/far",
    );
    let before = tree(&root);
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for from in ["/dir", "/f"] {
            let outcome = backend.rename(from, "/far/p/q/moved").await;
            refused(outcome, ErrorKind::QuotaExceeded);
        }
    });
    assert_eq!(tree(&root), before);
}

#[test]
fn directories_created_before_a_refusal_are_removed() {
    let host = Host::new();
    host.put("f", "x");
    host.put("d/g", "y");
    symlink("f/below", host.root().join("odd")).unwrap();
    let before = tree(host.root().to_str().unwrap());
    run(async {
        let backend = host.backend();
        refused(backend.write("/odd/x", "z").await, ErrorKind::NotADirectory);
        refused(backend.mkdir("/f/a/b").await, ErrorKind::NotADirectory);
        let into_itself = backend.rename("/d", "/d/new/sub/x").await;
        refused(into_itself, ErrorKind::InvalidRequest);
    });
    assert_eq!(tree(host.root().to_str().unwrap()), before);
}

/// A `mkdir` that found a directory has reported that it exists, even if the operation that created
/// it fails.
#[test]
fn a_directory_confirmed_to_another_caller_stays() {
    if !can_mount(&["mount"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.mount("mount", &["-t", "tmpfs", "-o", "size=256k", "t"], "root");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    let large = vec![b'x'; 1 << 20];
    run(async {
        let backend = Arc::new(FsBackend::open(&root).unwrap());
        for round in 0..100 {
            let path = format!("/d{round}/e");
            let (writer, maker) = (Arc::clone(&backend), Arc::clone(&backend));
            let file = format!("{path}/f");
            let content = large.clone();
            let (made, written) = tokio::join!(
                tokio::spawn(async move { maker.mkdir(path.as_str()).await }),
                tokio::spawn(async move { writer.write(file.as_str(), content).await }),
            );
            assert!(written.unwrap().is_err());
            made.unwrap().unwrap();
            assert!(
                fs::exists(format!("{root}/d{round}/e")).unwrap(),
                "round {round}"
            );
        }
    });
}

#[test]
fn links_are_not_followed_where_the_system_does_not() {
    if !can_mount(&["mount", "setpriv"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.mount("mount", &["-t", "tmpfs", "-o", "nosymfollow", "t"], "root");
    fs::write(format!("{root}/f"), "mine").unwrap();
    symlink("f", format!("{root}/link")).unwrap();
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        refused(
            backend.write("/link", "x").await,
            ErrorKind::PermissionDenied,
        );
        refused(backend.read("/link").await, ErrorKind::PermissionDenied);
    });
    // In a directory where all users may create links, other users' links are not followed.
    let setting = "/proc/sys/fs/protected_symlinks";
    let before = fs::read_to_string(setting).unwrap();
    let shared = bench.mount("mount", &["-t", "tmpfs", "-o", "mode=1777", "t"], "shared");
    fs::create_dir(format!("{shared}/private")).unwrap();
    fs::write(format!("{shared}/private/conf"), "mine").unwrap();
    symlink("private/conf", format!("{shared}/theirs")).unwrap();
    symlink("private/conf", format!("{shared}/ours")).unwrap();
    sh("chown", ["-h", "65534:65534", &format!("{shared}/theirs")]);
    fs::write(setting, "1").unwrap();
    let outcomes = run(async {
        let backend = FsBackend::open(&shared).unwrap();
        (
            backend.write("/theirs", "x").await,
            backend.read("/ours").await,
        )
    });
    fs::write(setting, before).unwrap();
    refused(outcomes.0, ErrorKind::PermissionDenied);
    assert_eq!(outcomes.1.unwrap().text, "mine");
    assert_eq!(names(&format!("{shared}/private")), ["conf"]);
}
