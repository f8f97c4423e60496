//! Directories that move to another file system, with something in them that makes it hard.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use backend_core::{BackendExt, ErrorKind};
use backend_fs::FsBackend;
use rustix::fs::{FlockOperation, flock};

use crate::disks::{Mount, alone, must};
use crate::mounts::{names, tree};
use crate::support::{argument_of_child, child, is_root, refused, run};

const USER: u32 = 65534;

/// Mounts an empty file system in memory.
fn memory(at: &Path) -> Mount {
    Mount::new(&["-t", "tmpfs"], Path::new("none"), at)
}

#[test]
fn the_names_of_one_file_become_files_of_their_own() {
    alone(&[], |dir| {
        let (near, far) = (memory(&dir.join("near")), memory(&dir.join("far")));
        let tree = near.at().join("tree");
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::write(tree.join("a"), "content").unwrap();
        for name in ["b", "sub/c"] {
            fs::hard_link(tree.join("a"), tree.join(name)).unwrap();
        }
        std::os::unix::fs::symlink("a", tree.join("link")).unwrap();
        fs::hard_link(tree.join("link"), tree.join("sub/link")).unwrap();
        run(async {
            let backend = FsBackend::open(dir).unwrap();
            backend.rename("/near/tree", "/far/tree").await.unwrap();
        });
        assert!(!tree.exists());
        for name in ["a", "b", "sub/c"] {
            let moved = far.at().join("tree").join(name);
            assert_eq!(fs::read(&moved).unwrap(), b"content");
            assert_eq!(fs::metadata(&moved).unwrap().nlink(), 1);
        }
        for name in ["link", "sub/link"] {
            let leads_to = fs::read_link(far.at().join("tree").join(name)).unwrap();
            assert_eq!(leads_to, Path::new("a"));
        }
    });
}

#[test]
fn a_tree_in_which_a_file_is_being_written_stays() {
    alone(&[], |dir| {
        let (near, far) = (memory(&dir.join("near")), memory(&dir.join("far")));
        let (half, sub) = (".~ab-0123456789abcdef", near.at().join("tree/sub"));
        fs::create_dir_all(&sub).unwrap();
        fs::write(sub.join("f"), "content").unwrap();
        let moving = sub.join(".~ab-0123456789abcde0/.~ab-0123456789abcde0");
        for temporary in [&sub.join(half), &moving] {
            fs::create_dir_all(temporary.parent().unwrap()).unwrap();
            // Another process would hold it in the same way: a lock belongs to the open file.
            let held = fs::File::create(temporary).unwrap();
            flock(&held, FlockOperation::LockExclusive).unwrap();
            let before = tree(near.at().to_str().unwrap());
            run(async {
                let backend = FsBackend::open(dir).unwrap();
                let moved = backend.rename("/near/tree", "/far/tree").await;
                refused(moved, ErrorKind::Conflict);
            });
            assert_eq!(tree(near.at().to_str().unwrap()), before);
            assert_eq!(names(far.at().to_str().unwrap()), [""; 0]);
        }
        run(async {
            let backend = FsBackend::open(dir).unwrap();
            backend.rename("/near/tree", "/far/tree").await.unwrap();
        });
        assert_eq!(names(near.at().to_str().unwrap()), [""; 0]);
        assert_eq!(names(far.at().join("tree/sub").to_str().unwrap()), ["f"]);
    });
}

#[test]
fn a_tree_in_which_a_part_of_its_own_disk_is_mounted_stays() {
    alone(&[], |dir| {
        let (near, far) = (memory(&dir.join("near")), memory(&dir.join("far")));
        let inner = near.at().join("tree/sub/inner");
        for file in ["elsewhere/f", "tree/sub/inner/g", "tree/file"] {
            let file = near.at().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "content").unwrap();
        }
        let refuse = || {
            let before = tree(near.at().to_str().unwrap());
            run(async {
                let backend = FsBackend::open(dir).unwrap();
                let moved = backend.rename("/near/tree", "/far/tree").await;
                refused(moved, ErrorKind::Unsupported);
            });
            assert_eq!(tree(near.at().to_str().unwrap()), before);
            assert_eq!(names(far.at().to_str().unwrap()), [""; 0]);
        };
        let mount = Mount::new(&["--bind"], &near.at().join("elsewhere"), &inner);
        refuse();
        drop(mount);
        let file = near.at().join("tree/file");
        let elsewhere = near.at().join("elsewhere/f");
        must(
            "mount",
            ["--bind".as_ref(), elsewhere.as_os_str(), file.as_os_str()],
        );
        let _mount = Mount::guard(&file);
        refuse();
    });
}

/// Makes a directory with a file in it, of this owner and with these permissions. The group is that of the user.
fn shared(dir: &Path, owner: u32, mode: u32) {
    fs::create_dir(dir).unwrap();
    fs::write(dir.join("f"), "content").unwrap();
    for path in [dir, &dir.join("f")] {
        chown(path, Some(owner), Some(USER)).unwrap();
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_user_leaves_no_copy_of_a_tree_that_only_others_can_change() {
    alone(&[], |dir| {
        let (near, far) = (memory(&dir.join("near")), memory(&dir.join("far")));
        for at in [near.at(), far.at()] {
            fs::set_permissions(at, fs::Permissions::from_mode(0o777)).unwrap();
        }
        // The module cache of Go is like this.
        shared(&near.at().join("fixed"), USER, 0o555);
        // What the group may do with the original, the owner of the copy may not.
        let tree_of_all = near.at().join("all");
        shared(&tree_of_all, USER, 0o755);
        // The last one is copied first.
        for (name, owner, mode) in [("a", USER, 0o555), ("b", 0, 0o570), ("c", 0, 0o070)] {
            shared(&tree_of_all.join(name), owner, mode);
        }
        for outer in dir.ancestors() {
            if outer.starts_with(std::env::temp_dir()) && outer != std::env::temp_dir() {
                fs::set_permissions(outer, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        // The binary may lie where the user cannot reach it.
        let copy = dir.join("test-binary");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let test = child("carried::a_child_that_moves", "mover", dir);
        let before = tree(near.at().to_str().unwrap());
        let output = Command::new(&copy)
            .args(test.get_args())
            .envs(
                test.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir("/")
            .uid(USER)
            .gid(USER)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
        assert!(said.contains("all were refused"), "{said}");
        assert_eq!(tree(near.at().to_str().unwrap()), before);
        assert_eq!(names(far.at().to_str().unwrap()), [""; 0]);
    });
}

/// A user who is not root. Elsewhere it is an empty test.
#[test]
fn a_child_that_moves() {
    let Some(root) = argument_of_child("mover") else {
        return;
    };
    assert!(!is_root());
    run(async {
        let backend = FsBackend::open(root).unwrap();
        for name in ["fixed", "all"] {
            let moved = backend.rename(format!("/near/{name}"), format!("/far/{name}"));
            refused(moved.await, ErrorKind::PermissionDenied);
        }
    });
    println!("\nall were refused");
}
