//! Operations that are refused, for every reason that a disk can have: the tree before is the tree after.

mod ask;
mod tree;

use std::fs;
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use backend_core::{ErrorKind, Result};
use backend_fs::{Durability, FsBackend};

use crate::disks::{Mount, alone_as, image, must};
use crate::support::{argument_of_child, child, run};
use ask::{Ask, Ask::*, LARGE};
use tree::tree;

/// A root with two file systems, `here` and `away`, and the same files on each.
struct Scene {
    root: PathBuf,
    here: Mount,
    away: Mount,
}

/// Where `here` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Ext4,
    Tmpfs,
}

impl Scene {
    fn new(dir: &Path, on: On) -> Self {
        Self::with(dir, on, &[])
    }

    /// Makes one, with options for the program that makes an ext4, or for the mount of a tmpfs.
    fn with(dir: &Path, on: On, options: &[&str]) -> Self {
        let root = dir.join(format!("{on:?}"));
        let (here, away) = (root.join("here"), root.join("away"));
        fs::create_dir_all(&root).unwrap();
        let here = match on {
            On::Ext4 => {
                let file = dir.join("image");
                let _ = fs::remove_file(&file);
                let make = ["mkfs.ext4", "-q", "-F", "-m", "0"];
                image(&file, 16, &[&make[..], options].concat());
                Mount::new(&["-o", "loop"], &file, &here)
            }
            On::Tmpfs => {
                let mut all = vec!["-t", "tmpfs", "-o", "size=8m"];
                all.extend(options);
                Mount::new(&all, Path::new("none"), &here)
            }
        };
        let away = Mount::new(&["-t", "tmpfs", "-o", "size=16m"], Path::new("none"), &away);
        for at in [here.at(), away.at()] {
            fill(at);
        }
        Self { root, here, away }
    }

    fn backends(&self) -> [FsBackend; 2] {
        [Durability::Content, Durability::Full].map(|d| {
            FsBackend::builder(&self.root)
                .durability(d)
                .build()
                .unwrap()
        })
    }

    /// Asks for each operation, and checks that it is refused and that nothing has changed.
    fn refuses(&self, why: &str, asks: &[Ask]) {
        run(async {
            for backend in self.backends() {
                for ask in asks {
                    refuses(&self.root, why, ask, ask.of(&backend)).await;
                }
            }
        });
    }
}

async fn refuses(root: &Path, why: &str, ask: &Ask, asked: impl Future<Output = Result<()>>) {
    let before = tree(root);
    let error = asked.await.expect_err(&format!("{why}: {ask:?}"));
    let kind = error.kind();
    assert_ne!(kind, ErrorKind::Internal, "{why}: {ask:?}: {error:?}");
    let changes = before.changes_to(&tree(root));
    assert!(changes.is_empty(), "{why}: {ask:?}: {error}: {changes:#?}");
}

/// Makes the files that every refusal is about.
fn fill(at: &Path) {
    for dir in ["dir/sub", "other", "empty"] {
        fs::create_dir_all(at.join(dir)).unwrap();
    }
    let text = "first line\n".to_owned() + &"old line\n".repeat(LARGE / 9);
    for name in ["old", "dir/f", "dir/sub/g", "other/f", "listed"] {
        fs::write(at.join(name), &text).unwrap();
    }
    fs::write(at.join("small"), "first line\n").unwrap();
    fs::set_permissions(at.join("dir/f"), fs::Permissions::from_mode(0o640)).unwrap();
    chown(at.join("dir/f"), Some(1), Some(1)).unwrap();
    symlink("old", at.join("link")).unwrap();
    symlink("loop", at.join("loop")).unwrap();
    fs::hard_link(at.join("old"), at.join("hard")).unwrap();
    let listed = at.join("listed").display().to_string();
    must("setfacl", ["-m", "u:1:rw,g::---,m::rw", &listed]);
    let other = at.join("other").display().to_string();
    must("setfacl", ["-d", "-m", "u:1:rwx", &other]);
    must("setfattr", ["-n", "trusted.note", "-v", "kept", &listed]);
}

/// Runs a test on each of the two, in a directory of its own.
fn on_each<F: Fn(&Path, On)>(test: F) {
    let needs = [
        "mkfs.ext4",
        "/dev/loop-control",
        "setfacl",
        "setfattr",
        "chattr",
    ];
    alone_as(std::any::type_name::<F>(), &needs, |dir| {
        for on in [On::Ext4, On::Tmpfs] {
            test(dir, on);
        }
    });
}

#[test]
fn on_a_full_disk() {
    on_each(|dir, on| {
        let scene = Scene::new(dir, on);
        let mut rest = fs::File::create(scene.here.at().join("rest")).unwrap();
        while rest.write(&[1; 4096]).is_ok_and(|written| written > 0) {}
        drop(rest);
        let everywhere = [
            Write("/here/old"),
            Write("/here/new"),
            Write("/here/a/b/new"),
            CreateNew("/here/other/new"),
            Edit("/here/old"),
            Edit("/here/listed"),
            Edit("/here/link"),
            Patch("/here/dir/f"),
            Rename("/away/old", "/here/new"),
            Rename("/away/old", "/here/a/b/new"),
            RenameOver("/away/old", "/here/dir/f"),
            Rename("/away/dir", "/here/moved"),
            Rename("/away/dir", "/here/x/y/moved"),
        ];
        scene.refuses("full", &everywhere);
        if on == On::Ext4 {
            scene.refuses("full", &[Mkdir("/here/1/2/3/4/5/6/7/8")]);
        }
    });
}

#[test]
fn without_a_free_inode() {
    on_each(|dir, on| {
        let options: &[&str] = match on {
            On::Ext4 => &["-N", "48"],
            On::Tmpfs => &["-o", "nr_inodes=48"],
        };
        let scene = Scene::with(dir, on, options);
        let taken = (0..100).map(|number| scene.here.at().join(format!("taken{number}")));
        let made = taken
            .map(fs::File::create)
            .take_while(std::io::Result::is_ok);
        assert!(made.count() < 100);
        scene.refuses(
            "no inode",
            &[
                Write("/here/old"),
                WriteLittle("/here/new"),
                WriteLittle("/here/a/b/new"),
                CreateNew("/here/other/new"),
                Edit("/here/small"),
                Patch("/here/small"),
                Mkdir("/here/made"),
                Mkdir("/here/x/y"),
                Rename("/here/old", "/here/x/y/old"),
                Rename("/away/small", "/here/new"),
                RenameOver("/away/small", "/here/old"),
                Rename("/away/dir", "/here/moved"),
            ],
        );
    });
}

#[test]
fn on_a_file_system_that_is_read_only() {
    on_each(|dir, on| {
        let scene = Scene::new(dir, on);
        scene.here.remount("ro");
        scene.refuses(
            "read-only",
            &[
                Write("/here/old"),
                WriteLittle("/here/a/b/new"),
                CreateNew("/here/new"),
                Edit("/here/old"),
                Patch("/here/old"),
                Edit("/here/link"),
                Mkdir("/here/x/y"),
                Rename("/here/old", "/here/new"),
                RenameOver("/here/old", "/here/small"),
                Rename("/here/dir", "/here/moved"),
                Delete("/here/old"),
                Delete("/here/empty"),
                DeleteAll("/here/dir"),
                Rename("/here/old", "/away/new"),
                Rename("/here/old", "/away/a/b/new"),
                RenameOver("/here/old", "/away/small"),
                Rename("/here/dir", "/away/moved"),
                Rename("/away/old", "/here/new"),
                Rename("/away/old", "/here/a/b/new"),
                RenameOver("/away/old", "/here/small"),
                Rename("/away/dir", "/here/a/b/moved"),
            ],
        );
        scene.here.remount("rw");
    });
}

#[test]
fn where_entries_are_immutable_or_append_only() {
    on_each(|dir, on| {
        let scene = Scene::new(dir, on);
        let set = |flag: &str, name: &str| {
            let path = scene.here.at().join(name).display().to_string();
            must("chattr", [flag, &path]);
        };
        for flag in ["i", "a"] {
            set(&format!("+{flag}"), "old");
            set(&format!("+{flag}"), "dir");
            scene.refuses(
                flag,
                &[
                    Write("/here/old"),
                    Write("/here/link"),
                    Edit("/here/old"),
                    Patch("/here/old"),
                    Delete("/here/old"),
                    Rename("/here/old", "/here/new"),
                    Rename("/here/old", "/here/a/b/new"),
                    RenameOver("/here/small", "/here/old"),
                    RenameOver("/here/old", "/here/small"),
                    Rename("/here/old", "/away/new"),
                    RenameOver("/here/old", "/away/small"),
                    RenameOver("/away/small", "/here/old"),
                    // In the marked directory.
                    Write("/here/dir/f"),
                    Edit("/here/dir/f"),
                    Delete("/here/dir/f"),
                    Rename("/here/dir/f", "/here/a/b/f"),
                    Rename("/here/dir/f", "/away/a/b/f"),
                    RenameOver("/away/small", "/here/dir/f"),
                    Rename("/here/dir", "/here/moved"),
                ],
            );
            if flag == "i" {
                scene.refuses(
                    flag,
                    &[
                        WriteLittle("/here/dir/new"),
                        WriteLittle("/here/dir/a/new"),
                        Mkdir("/here/dir/a/b"),
                        Rename("/here/small", "/here/dir/new"),
                        Rename("/away/small", "/here/dir/new"),
                        Rename("/away/dir", "/here/dir/new"),
                        Rename("/here/dir", "/away/moved"),
                    ],
                );
            }
            set(&format!("-{flag}"), "old");
            set(&format!("-{flag}"), "dir");
        }
    });
}

#[test]
fn where_something_is_mounted() {
    on_each(|dir, on| {
        let scene = Scene::new(dir, on);
        let at = scene.here.at();
        let _dir = Mount::new(&["--bind"], &scene.away.at().join("dir"), &at.join("empty"));
        must(
            "mount",
            [
                "--bind".as_ref(),
                at.join("small").as_os_str(),
                at.join("old").as_os_str(),
            ],
        );
        let _file = Mount::guard(&at.join("old"));
        scene.refuses(
            "mounted",
            &[
                Write("/here/old"),
                Edit("/here/old"),
                Patch("/here/old"),
                Delete("/here/old"),
                Rename("/here/old", "/here/a/b/new"),
                RenameOver("/here/small", "/here/old"),
                Rename("/here/empty", "/here/moved"),
                Rename("/here/empty", "/away/a/b/moved"),
                Delete("/here/empty"),
            ],
        );
    });
}

#[test]
fn where_the_request_cannot_be_met() {
    on_each(|dir, on| {
        let scene = Scene::new(dir, on);
        scene.refuses(
            "request",
            &[
                CreateNew("/here/old"),
                CreateNew("/here/loop"),
                Write("/here/dir"),
                Write("/here/old/x"),
                Write("/here/loop"),
                Edit("/here/missing"),
                Edit("/here/a/b/missing"),
                Edit("/here/dir"),
                Patch("/here/missing"),
                Mkdir("/here/old"),
                Mkdir("/here/old/a/b"),
                Rename("/here/old", "/here/small"),
                Rename("/here/old", "/away/small"),
                Rename("/here/missing", "/here/a/b/c"),
                Rename("/here/missing", "/away/a/b/c"),
                Rename("/here/dir", "/here/dir/sub/inside"),
                Rename("/here/dir", "/here/dir/x/y/inside"),
                RenameOver("/here/old", "/here/dir"),
                RenameOver("/here/dir", "/here/old"),
                RenameOver("/here/dir", "/here/other"),
                RenameOver("/here/dir", "/away/other"),
                RenameOver("/here/old", "/away/dir"),
                Rename("/here/old", "/here/small/x/y"),
                Delete("/here/dir"),
                Delete("/here/missing"),
                Delete("/"),
                DeleteAll("/"),
            ],
        );
    });
}

#[test]
fn to_a_user_without_the_right() {
    on_each(|dir, on| {
        const USER: u32 = 65534;
        let scene = Scene::new(dir, on);
        let (here, away) = (scene.here.at(), scene.away.at());
        for open in [away, &here.join("other"), &here.join("dir")] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
        }
        fs::set_permissions(here, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(here.join("dir"), fs::Permissions::from_mode(0o1777)).unwrap();
        for outer in dir.ancestors() {
            if outer.starts_with(std::env::temp_dir()) && outer != std::env::temp_dir() {
                fs::set_permissions(outer, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        // The binary may lie where the user cannot reach it.
        let copy = dir.join("test-binary");
        if !copy.exists() {
            fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        }
        let test = child("refused::a_child_that_is_a_user", "user", &scene.root);
        let before = tree(&scene.root);
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
        assert!(output.status.success(), "{on:?}: {said}{errors}");
        assert!(said.contains("all were refused"), "{said}");
        let changes = before.changes_to(&tree(&scene.root));
        assert!(changes.is_empty(), "{on:?}: {changes:#?}");
    });
}

/// A user without rights. Elsewhere it is an empty test.
#[test]
fn a_child_that_is_a_user() {
    let Some(root) = argument_of_child("user") else {
        return;
    };
    let asks = [
        Write("/here/old"),
        WriteLittle("/here/new"),
        WriteLittle("/here/a/b/new"),
        Edit("/here/old"),
        Patch("/here/old"),
        Mkdir("/here/a/b"),
        Rename("/here/old", "/here/new"),
        Rename("/here/old", "/away/new"),
        Rename("/here/old", "/away/a/b/new"),
        Rename("/here/old", "/here/other/x/y"),
        RenameOver("/here/old", "/away/small"),
        Rename("/away/small", "/here/new"),
        Rename("/away/small", "/here/a/b/new"),
        Delete("/here/old"),
        Delete("/here/empty"),
        DeleteAll("/here/empty"),
        Rename("/here/empty", "/away/moved"),
        // A directory in which every user may create files, and remove only their own.
        Edit("/here/dir/f"),
        Delete("/here/dir/f"),
        Rename("/here/dir/sub", "/away/moved"),
        RenameOver("/away/small", "/here/dir/f"),
        // Another user's file in a shared directory.
        Edit("/here/other/f"),
    ];
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for ask in asks {
            let error = ask.of(&backend).await.expect_err(&format!("{ask:?}"));
            assert_ne!(error.kind(), ErrorKind::Internal, "{ask:?}: {error:?}");
        }
    });
    println!("\nall were refused");
}
