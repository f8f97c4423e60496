//! A disk with a broken inode: one that no system can read, in a listing that does not report the kinds of its
//! entries.

use std::fs;

use backend_core::{Backend, BackendExt, DeleteRequest, ErrorKind, Truncation};
use backend_fs::FsBackend;

use crate::disks::{Mount, alone, image, must};
use crate::support::{p, refused, run};

/// An ext4 whose directories have only names and inode numbers.
const MAKE: &[&str] = &["mkfs.ext4", "-q", "-F", "-O", "^filetype,^metadata_csum"];

#[test]
fn a_directory_with_a_broken_inode_in_it_does_not_move_in_part() {
    alone(&["mkfs.ext4", "debugfs", "/dev/loop-control"], |dir| {
        let (disk, at) = (dir.join("disk"), dir.join("mnt"));
        image(&disk, 16, MAKE);
        let mount = Mount::new(&["-o", "loop"], &disk, &at);
        fs::create_dir_all(at.join("d/sub")).unwrap();
        for name in ["d/a", "d/sub/broken", "d/sub/c"] {
            fs::write(at.join(name), "alpha").unwrap();
        }
        drop(mount);
        let request = "set_inode_field d/sub/broken mode 0170644";
        must("debugfs", ["-w", "-R", request, disk.to_str().unwrap()]);
        let _mount = Mount::new(&["-o", "loop,errors=continue"], &disk, &at);
        run(async {
            let backend = FsBackend::open(dir).unwrap();
            let moved = backend.rename("/mnt/d", "/moved").await;
            refused(moved, ErrorKind::Unavailable);
        });
        for name in ["d/a", "d/sub/c"] {
            assert_eq!(fs::read(at.join(name)).unwrap(), b"alpha");
        }
        let mut left: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["disk", "mnt"]);
    });
}

#[test]
fn a_broken_inode_affects_only_itself() {
    alone(&["mkfs.ext4", "debugfs", "/dev/loop-control"], |dir| {
        let (disk, at) = (dir.join("disk"), dir.join("mnt"));
        image(&disk, 16, MAKE);
        let mount = Mount::new(&["-o", "loop"], &disk, &at);
        for name in ["a", "broken", "d/broken", "d/c"] {
            fs::create_dir_all(at.join("d")).unwrap();
            fs::write(at.join(name), "alpha").unwrap();
        }
        drop(mount);
        for name in ["broken", "d/broken"] {
            // No kind of file has these bits.
            let request = format!("set_inode_field {name} mode 0170644");
            must("debugfs", ["-w", "-R", &request, disk.to_str().unwrap()]);
        }
        let _mount = Mount::new(&["-o", "loop,errors=continue"], &disk, &at);
        assert!(fs::metadata(at.join("broken")).is_err(), "it is whole");
        run(async {
            let backend = FsBackend::open(&at).unwrap();
            let page = backend.ls("/").await.unwrap();
            let names: Vec<&str> = page.items.iter().map(|entry| entry.path.as_str()).collect();
            assert_eq!(names, ["/d", "/lost+found", "/a"]);
            assert_eq!(
                (page.skipped.unreadable, page.truncated),
                (1, Some(Truncation::Unreadable))
            );
            let found = backend.grep("alpha").await.unwrap();
            assert_eq!((found.matches.len(), found.skipped.unreadable), (2, 2));
            let page = backend.glob("**").await.unwrap();
            assert_eq!((page.items.len(), page.skipped.unreadable), (2, 2));
            refused(backend.read("/broken").await, ErrorKind::Unavailable);
            refused(backend.write("/broken", "x").await, ErrorKind::Unavailable);
            backend.edit("/a", "alpha", "beta").await.unwrap();
            backend.write("/d/new", "gamma").await.unwrap();
            // Everything else is removed, and the error says what is not.
            let all = DeleteRequest::new(p("/d")).recursive();
            let error = refused(backend.delete_with(&all).await, ErrorKind::Unavailable);
            assert!(error.to_string().contains("`broken`"), "{error}");
            assert!(!at.join("d/c").exists(), "it did not continue");
        });
    });
}
