//! Access to a file after it was replaced: no user gains any.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use backend_core::{Backend, BackendExt, ErrorKind, WriteMode, WriteRequest};
use backend_fs::FsBackend;

use crate::disks::alone;
use crate::mounts::{Bench, can_mount, names, sh};
use crate::support::{argument_of_child, child, is_root, p, refused, run};

const NOBODY: u32 = 65534;
/// A group that no test file belongs to.
const GROUP: u32 = 54321;

/// Whether a user who is in these groups can read a file.
fn can_read(user: u32, group: u32, path: &str) -> bool {
    let command = Command::new("setpriv")
        .args([
            &format!("--reuid={user}"),
            &format!("--regid={group}"),
            "--clear-groups",
            "cat",
            path,
        ])
        .output();
    command.unwrap().status.success()
}

fn list_of(path: &str) -> String {
    let output = Command::new("getfacl")
        .args(["-cpn", path])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn mode_of(path: &str) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// A file system with access lists, and a directory in it that all may enter.
fn with_lists() -> Option<(Bench, String)> {
    let programs = [
        "mount",
        "mkfs.ext4",
        "setfacl",
        "getfacl",
        "setpriv",
        "setfattr",
    ];
    if !can_mount(&programs) {
        return None;
    }
    let mut bench = Bench::new();
    // The reading user must be able to reach the file.
    let top = bench.dir("");
    fs::set_permissions(&top, fs::Permissions::from_mode(0o755)).unwrap();
    let root = bench.disk(&["mkfs.ext4", "-q"], 16, "root");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    Some((bench, root))
}

/// Changes a file in every way that replaces it.
async fn change(backend: &FsBackend, path: &str) {
    backend.edit(path, "secret", "secret2").await.unwrap();
    backend.write(path, "secret").await.unwrap();
    let version = backend.stat(path).await.unwrap().version.unwrap();
    let request = WriteRequest::new(p(path), "secret").mode(WriteMode::IfVersion(version));
    backend.write_with(&request).await.unwrap();
}

#[test]
fn an_access_list_is_carried_over_and_its_mask_stays_a_mask() {
    let Some((_bench, root)) = with_lists() else {
        return;
    };
    let file = format!("{root}/f");
    fs::write(&file, "secret").unwrap();
    std::os::unix::fs::chown(&file, None, Some(GROUP)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    sh("setfacl", ["-m", "u:1:rw,g::---,m::rw", &file]);
    sh("setfattr", ["-n", "user.note", "-v", "mine", &file]);
    let before = list_of(&file);
    run(change(&FsBackend::open(&root).unwrap(), "/f"));
    assert_eq!(list_of(&file), before);
    assert!(!can_read(NOBODY, GROUP, &file));
    assert!(can_read(1, 1, &file));
    let attributes = Command::new("getfattr").args(["-d", &file]).output();
    let attributes = String::from_utf8(attributes.unwrap().stdout).unwrap();
    assert!(attributes.contains("user.note=\"mine\""), "{attributes}");
}

#[test]
fn the_group_that_a_file_loses_gains_nothing() {
    if let Some(root) = argument_of_child("lose-group") {
        assert!(!is_root());
        return run(async {
            let backend = FsBackend::open(root).unwrap();
            for path in ["/plain", "/listed"] {
                backend.edit(path, "secret", "secret2").await.unwrap();
            }
        });
    }
    let Some((_bench, root)) = with_lists() else {
        return;
    };
    std::os::unix::fs::chown(&root, Some(NOBODY), None).unwrap();
    let files = ["plain", "listed"].map(|name| format!("{root}/{name}"));
    for file in &files {
        fs::write(file, "secret").unwrap();
        std::os::unix::fs::chown(file, None, Some(GROUP)).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o606)).unwrap();
    }
    sh("setfacl", ["-m", "u:1:rw,g::---,m::rw", &files[1]]);
    let can_members_read = || files.each_ref().map(|file| can_read(2, GROUP, file));
    assert_eq!(can_members_read(), [false, false]);
    let name = "rights::the_group_that_a_file_loses_gains_nothing";
    let status = child(name, "lose-group", &root)
        .uid(NOBODY)
        .gid(NOBODY)
        .status();
    assert!(status.unwrap().success());
    assert_eq!(can_members_read(), [false, false]);
    assert_eq!(mode_of(&files[0]), 0o600);
    for file in &files {
        assert_eq!(fs::read_to_string(file).unwrap(), "secret2");
        assert_eq!(fs::metadata(file).unwrap().gid(), NOBODY);
    }
    assert!(can_read(1, 1, &files[1]), "{}", list_of(&files[1]));
}

#[test]
fn the_list_of_a_directory_gives_no_access_to_a_file_that_had_none() {
    let Some((_bench, root)) = with_lists() else {
        return;
    };
    fs::create_dir(format!("{root}/d")).unwrap();
    sh("setfacl", ["-d", "-m", "u:65534:rwx", &format!("{root}/d")]);
    let file = format!("{root}/d/f");
    fs::write(&file, "secret").unwrap();
    sh("setfacl", ["-b", &file]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let before = list_of(&file);
    let backend = FsBackend::open(&root).unwrap();
    run(change(&backend, "/d/f"));
    assert_eq!(list_of(&file), before);
    assert!(!can_read(NOBODY, NOBODY, &file));
    // A new file gets the list of the directory.
    run(backend.write("/d/new", "shared")).unwrap();
    assert!(can_read(NOBODY, NOBODY, &format!("{root}/d/new")));
}

#[test]
fn a_list_moves_along_to_another_file_system() {
    let Some((mut bench, root)) = with_lists() else {
        return;
    };
    bench.mount("mount", &["-t", "tmpfs", "far"], "root/far");
    fs::create_dir_all(format!("{root}/d/e")).unwrap();
    fs::write(format!("{root}/d/e/f"), "secret").unwrap();
    fs::set_permissions(format!("{root}/d/e/f"), fs::Permissions::from_mode(0o600)).unwrap();
    for name in ["d/e", "d/e/f"] {
        sh(
            "setfacl",
            ["-m", "u:1:rwx,g::---,m::rwx", &format!("{root}/{name}")],
        );
    }
    sh("setfacl", ["-d", "-m", "u:2:rwx", &format!("{root}/d/e")]);
    let before = ["d/e", "d/e/f"].map(|name| list_of(&format!("{root}/{name}")));
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        backend.rename("/d", "/far/d").await.unwrap();
    });
    let after = ["d/e", "d/e/f"].map(|name| list_of(&format!("{root}/far/{name}")));
    assert_eq!(after, before);
}

#[test]
fn a_file_can_be_written_where_modes_cannot_be_set() {
    alone(&["mount", "bindfs"], |_| write_without_modes());
}

fn write_without_modes() {
    for option in ["--chmod-deny", "--chmod-ignore"] {
        let mut bench = Bench::new();
        let under = bench.dir("under");
        for (name, mode) in [("wide", 0o664), ("narrow", 0o640), ("private", 0o600)] {
            fs::write(format!("{under}/{name}"), "old").unwrap();
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(format!("{under}/{name}"), mode).unwrap();
        }
        let root = bench.mount("bindfs", &[option, &under], "root");
        run(async {
            let backend = FsBackend::open(&root).unwrap();
            for (name, mode) in [("wide", 0o644), ("narrow", 0o640), ("private", 0o600)] {
                let path = format!("/{name}");
                backend.edit(path.as_str(), "old", "new").await.unwrap();
                backend.write(path.as_str(), "newer").await.unwrap();
                let now = mode_of(&format!("{under}/{name}"));
                // The umask of this process may take from the first one, and nothing adds to any.
                assert!(
                    now == mode || now == 0o664 && name == "wide",
                    "{option} {name} {now:o}"
                );
            }
            backend.write("/new", "one").await.unwrap();
            backend.edit("/new", "one", "two").await.unwrap();
        });
        let names = names(&under);
        assert_eq!(names, ["narrow", "new", "private", "wide"]);
    }
}

#[test]
fn a_refusal_says_which_mark_of_the_file_or_its_directory_it_is() {
    if !can_mount(&["mount", "mkfs.ext4", "chattr"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.disk(&["mkfs.ext4", "-q"], 16, "root");
    for (name, flag) in [("append", "+a"), ("fixed", "+i")] {
        fs::write(format!("{root}/{name}"), "old").unwrap();
        sh("chattr", [flag, &format!("{root}/{name}")]);
    }
    fs::create_dir(format!("{root}/log")).unwrap();
    fs::write(format!("{root}/log/old"), "old").unwrap();
    sh("chattr", ["+a", &format!("{root}/log")]);
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for name in ["/append", "/fixed"] {
            let error = refused(backend.write(name, "x").await, ErrorKind::PermissionDenied);
            assert!(
                error.to_string().contains("immutable or append-only"),
                "{error}"
            );
        }
        for outcome in [
            backend.write("/log/old", "x").await.map(drop),
            backend.edit("/log/old", "old", "x").await.map(drop),
            backend.rename("/log/old", "/log/moved").await.map(drop),
        ] {
            let error = refused(outcome, ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("append-only"), "{error}");
        }
        let written = backend.write("/log/new", "added").await.unwrap();
        assert!(written.created);
        assert_eq!(
            backend.stat("/log/new").await.unwrap().version,
            Some(written.version)
        );
        let again = WriteRequest::new(p("/log/new"), "x").mode(WriteMode::CreateNew);
        refused(backend.write_with(&again).await, ErrorKind::AlreadyExists);
        let more = WriteRequest::new(p("/log/more"), "more").mode(WriteMode::CreateNew);
        backend.write_with(&more).await.unwrap();
    });
    assert_eq!(names(&format!("{root}/log")), ["more", "new", "old"]);
    assert_eq!(fs::read(format!("{root}/log/new")).unwrap(), b"added");
    for (name, flag) in [("append", "-a"), ("fixed", "-i"), ("log", "-a")] {
        sh("chattr", [flag, &format!("{root}/{name}")]);
    }
}
