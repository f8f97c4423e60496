//! Directories that move to another file system, with something in them that makes it hard.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use backend_core::BackendExt;
use backend_fs::FsBackend;

use crate::disks::{Mount, alone};
use crate::support::run;

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
