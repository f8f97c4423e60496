//! Moves between file systems, mounts and layers, and between names that the system treats as one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use backend_core::{Backend, BackendExt, ErrorKind, RenameRequest};
use backend_fs::{Durability, FsBackend};

use crate::disks::alone;
use crate::mounts::{Bench, can_mount, names, sh, tree};
use crate::support::{p, refused, run};

fn over(from: &str, to: &str) -> RenameRequest {
    RenameRequest::new(p(from), p(to)).overwrite()
}

/// Fills a directory with a bit of everything.
fn plant(dir: &str) {
    let dir = Path::new(dir);
    fs::create_dir_all(dir.join("a/b/empty")).unwrap();
    fs::write(dir.join("a/.hidden"), "hidden").unwrap();
    fs::write(dir.join("a/b/f"), "deep").unwrap();
    fs::set_permissions(dir.join("a/b/f"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::set_permissions(dir.join("a/b"), fs::Permissions::from_mode(0o710)).unwrap();
    symlink("../b/f", dir.join("a/b/link")).unwrap();
    fs::write(dir.join("large"), vec![b'x'; 3 << 20]).unwrap();
}

#[track_caller]
fn assert_planted(dir: &str) {
    let dir = Path::new(dir);
    assert_eq!(fs::read(dir.join("a/.hidden")).unwrap(), b"hidden");
    assert_eq!(fs::read(dir.join("a/b/link")).unwrap(), b"deep");
    assert_eq!(fs::read(dir.join("large")).unwrap().len(), 3 << 20);
    assert!(dir.join("a/b/empty").is_dir());
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("a/b/f"), mode("a/b")), (0o751, 0o710));
    assert_eq!(fs::read_dir(dir.join("a/b")).unwrap().count(), 3);
}

#[test]
fn a_directory_of_a_lower_layer_moves() {
    if !can_mount(&["mount"]) {
        return;
    }
    let mut bench = Bench::new();
    let lower = bench.dir("lower");
    plant(&bench.dir("lower/dir"));
    let root = bench.overlay(&lower, "merged");
    run(async {
        for durability in [Durability::Content, Durability::Full, Durability::Relaxed] {
            let backend = FsBackend::builder(&root).durability(durability);
            let backend = backend.build().unwrap();
            let name = format!("/to/{durability}");
            let from = match durability {
                Durability::Content => "/dir",
                Durability::Full => "/to/content",
                _ => "/to/full",
            };
            let renamed = backend.rename(from, name.as_str()).await.unwrap();
            assert_eq!(renamed.atomic, durability != Durability::Content);
            assert_planted(&format!("{root}{name}"));
        }
        let backend = FsBackend::open(&root).unwrap();
        assert!(!backend.exists("/dir").await.unwrap());
        assert_eq!(backend.remove_leftovers().await.unwrap(), 0);
    });
    assert_eq!(names(&root), ["to"]);
    assert_eq!(names(&format!("{root}/to")), ["relaxed"]);
}

#[test]
fn a_directory_and_a_link_move_to_another_file_system() {
    if !can_mount(&["mount"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.dir("root");
    plant(&bench.dir("root/dir"));
    symlink("dir/large", format!("{root}/link")).unwrap();
    bench.mount("mount", &["-t", "tmpfs", "far"], "root/far");
    fs::write(format!("{root}/far/taken"), "taken").unwrap();
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        refused(
            backend.rename("/dir", "/far/taken").await,
            ErrorKind::AlreadyExists,
        );
        let renamed = backend.rename("/dir", "/far/new/dir").await.unwrap();
        assert!(!renamed.atomic);
        assert_planted(&format!("{root}/far/new/dir"));
        let renamed = backend.rename_with(&over("/link", "/far/taken")).await;
        assert!(!renamed.unwrap().atomic);
        let link = fs::read_link(format!("{root}/far/taken")).unwrap();
        assert_eq!(link, Path::new("dir/large"));
    });
    assert_eq!(names(&root), ["far"]);
    assert_eq!(names(&format!("{root}/far")), ["new", "taken"]);
}

#[test]
fn a_tree_that_cannot_be_moved_leaves_everything_as_it_was() {
    if !can_mount(&["mount", "chattr", "mkfs.ext4"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.disk(&["mkfs.ext4", "-q"], 32, "root");
    for name in ["fixed", "fifo", "mount"] {
        plant(&format!("{root}/{name}"));
    }
    sh("mkfifo", [&format!("{root}/fifo/a/fifo")]);
    sh("chattr", ["+i", &format!("{root}/fixed/a/b/f")]);
    bench.mount("mount", &["-t", "tmpfs", "far"], "root/far");
    bench.mount("mount", &["-t", "tmpfs", "in"], "root/mount/a/in");
    let before = tree(&root);
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for (name, kind) in [
            ("/fixed", ErrorKind::PermissionDenied),
            ("/fifo", ErrorKind::Unsupported),
            ("/mount", ErrorKind::Unsupported),
        ] {
            let error = refused(backend.rename(name, "/far/p/q").await, kind);
            assert!(error.path().is_none_or(|path| *path == p(name)), "{error}");
        }
    });
    assert_eq!(tree(&root), before);
    sh("chattr", ["-i", &format!("{root}/fixed/a/b/f")]);
}

#[test]
fn a_directory_does_not_move_into_itself_by_another_mount() {
    if !can_mount(&["mount"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.dir("root");
    plant(&bench.dir("root/dir"));
    let dir = bench.at("root/dir");
    bench.mount("mount", &["--bind", &dir], "root/again");
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        let refusal = backend.rename("/dir", "/again/x").await;
        refused(refusal, ErrorKind::InvalidRequest);
        // The same file by two mounts stays one file.
        let same = over("/dir/large", "/again/large");
        backend.rename_with(&same).await.unwrap();
        refused(
            backend.rename("/dir/large", "/again/large").await,
            ErrorKind::AlreadyExists,
        );
    });
    assert_planted(&dir);
    assert_eq!(names(&dir), ["a", "large"]);
}

#[test]
fn a_file_and_a_directory_move_between_projects_of_one_disk() {
    if !can_mount(&["mount", "mkfs.xfs", "xfs_io"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.disk(&["mkfs.xfs", "-q", "-f"], 320, "root");
    let project = bench.dir("root/project");
    plant(&bench.dir("root/dir"));
    fs::write(format!("{root}/f"), "file").unwrap();
    sh("xfs_io", ["-c", "chproj 11", "-c", "chattr +P", &project]);
    assert!(fs::rename(format!("{root}/f"), format!("{project}/f")).is_err());
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        assert!(!backend.rename("/f", "/project/f").await.unwrap().atomic);
        assert!(!backend.rename("/dir", "/project/dir").await.unwrap().atomic);
    });
    assert_planted(&format!("{project}/dir"));
    assert_eq!(names(&root), ["project"]);
    assert_eq!(names(&project), ["dir", "f"]);
}

#[test]
fn nothing_is_left_in_a_directory_to_which_names_can_only_be_added() {
    if !can_mount(&["mount", "mkfs.ext4", "chattr"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.dir("root");
    plant(&bench.dir("root/dir"));
    fs::write(format!("{root}/f"), "file").unwrap();
    let far = bench.disk(&["mkfs.ext4", "-q"], 16, "root/far");
    fs::create_dir(format!("{far}/log")).unwrap();
    sh("chattr", ["+a", &format!("{far}/log")]);
    let before = tree(&root);
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for (from, to) in [("/dir", "/far/log/dir"), ("/f", "/far/log/f")] {
            let error = refused(backend.rename(from, to).await, ErrorKind::PermissionDenied);
            assert_eq!(error.path(), Some(&p(to)));
        }
    });
    assert_eq!(tree(&root), before);
    sh("chattr", ["-a", &format!("{far}/log")]);
}

#[test]
fn a_file_that_cannot_be_removed_is_not_copied() {
    if !can_mount(&["mount", "chattr", "mkfs.ext4"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.disk(&["mkfs.ext4", "-q"], 16, "root");
    fs::create_dir(format!("{root}/rw")).unwrap();
    fs::write(format!("{root}/rw/g"), "precious old").unwrap();
    let read_only = bench.mount("mount", &["-t", "tmpfs", "ro"], "root/ro");
    fs::write(format!("{read_only}/f"), "new").unwrap();
    sh("mount", ["-o", "remount,ro", &read_only]);
    bench.mount("mount", &["-t", "tmpfs", "far"], "root/far");
    fs::write(format!("{root}/far/g"), "precious old").unwrap();
    fs::write(format!("{root}/fixed"), "new").unwrap();
    sh("chattr", ["+i", &format!("{root}/fixed")]);
    let before = tree(&root);
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for (from, to) in [
            ("/ro/f", "/rw/g"),
            ("/ro/f", "/rw/a/b/h"),
            ("/fixed", "/far/g"),
            ("/fixed", "/far/a/b/h"),
        ] {
            let outcome = backend.rename_with(&over(from, to)).await;
            let error = refused(outcome, ErrorKind::PermissionDenied);
            assert_eq!(error.path(), Some(&p(from)));
        }
    });
    assert_eq!(tree(&root), before);
    sh("chattr", ["-i", &format!("{root}/fixed")]);
}

#[test]
fn two_files_with_equal_numbers_are_two_files() {
    alone(&["mount", "mkfs.ext4", "bindfs"], |_| equal_numbers());
}

fn equal_numbers() {
    let mut bench = Bench::new();
    bench.dir("under");
    for name in ["under/d1", "under/d2"] {
        let dir = bench.disk(&["mkfs.ext4", "-q"], 8, name);
        for file in ["f", "g", "h"] {
            fs::write(format!("{dir}/{file}"), format!("{file} of {name}")).unwrap();
        }
    }
    let under = bench.at("under");
    let root = bench.mount("bindfs", &[&under], "root");
    let number = |name: &str| fs::metadata(format!("{root}/{name}")).unwrap().ino();
    assert_eq!(
        number("d1/f"),
        number("d2/f"),
        "this is the case to be tested"
    );
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for (from, to) in [("/d1/f", "/d2/f"), ("/d1/g", "/d2/g")] {
            backend.rename_with(&over(from, to)).await.unwrap();
            let text = format!("{} of under/d1", &from[4..]);
            assert_eq!(backend.read(to).await.unwrap().text, text);
            assert!(!backend.exists(from).await.unwrap());
        }
        refused(
            backend.rename("/d1/h", "/d2/h").await,
            ErrorKind::AlreadyExists,
        );
    });
}

#[test]
fn a_file_is_not_lost_to_another_spelling_of_its_name() {
    alone(&["mount", "mkfs.ntfs", "lowntfs-3g"], |_| {
        another_spelling()
    });
}

fn another_spelling() {
    let mut bench = Bench::new();
    let image = bench.at("n.img");
    fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
    sh("mkfs.ntfs", ["-q", "-F", &image]);
    let root = bench.mount("lowntfs-3g", &["-o", "ignore_case", &image], "root");
    fs::write(format!("{root}/readme.md"), "precious").unwrap();
    fs::create_dir(format!("{root}/docs")).unwrap();
    fs::write(format!("{root}/other"), "other").unwrap();
    let before = tree(&root);
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        // This file system shows every name in lower case: so the new spelling is impossible.
        for request in [
            RenameRequest::new(p("/readme.md"), p("/README.md")),
            over("/readme.md", "/README.md"),
            RenameRequest::new(p("/docs"), p("/Docs")),
        ] {
            let outcome = backend.rename_with(&request).await;
            refused(outcome, ErrorKind::Unsupported);
        }
        refused(
            backend.rename("/readme.md", "/OTHER").await,
            ErrorKind::AlreadyExists,
        );
        assert_eq!(backend.read("/README.MD").await.unwrap().text, "precious");
    });
    assert_eq!(tree(&root), before);
}
