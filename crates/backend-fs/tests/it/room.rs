//! Full disks: which resource is short, and on which disk.

use std::fs;

use backend_core::{BackendExt, Error, ErrorKind};
use backend_fs::FsBackend;

use crate::mounts::{can_mount, sh};
use crate::scratch::Mount;
use crate::support::{Host, refused, run};

#[track_caller]
fn lacks<T: std::fmt::Debug>(outcome: Result<T, Error>, resource: &str, most: u64) {
    let error = refused(outcome, ErrorKind::QuotaExceeded);
    let Error::QuotaExceeded { what, limit } = &error else {
        unreachable!("{error:?}");
    };
    assert_eq!((what.as_str(), *limit), (resource, most));
}

const FILES: &str = "files and directories on the disk";

#[test]
fn a_disk_without_room_for_another_file_says_so() {
    if !can_mount(&["mount"]) {
        return;
    }
    let host = Host::new();
    let mount = Mount::memory("nr_inodes=4,size=8m", host.base().join("few"));
    let backend = FsBackend::open(mount.at()).unwrap();
    run(async {
        // The directory itself is one of them.
        for name in ["/a", "/b", "/c"] {
            backend.write(name, "x").await.unwrap();
        }
        lacks(backend.write("/d", "x").await, FILES, 4);
        lacks(backend.write("/a", "x").await, FILES, 4);
        lacks(backend.mkdir("/e").await, FILES, 4);
    });
}

#[test]
fn an_ext4_without_inodes_says_so_too() {
    if !can_mount(&["mkfs.ext4", "/dev/loop-control"]) {
        return;
    }
    let host = Host::new();
    let mount = Mount::image(
        &host.base().join("image"),
        8,
        &["mkfs.ext4", "-q", "-N", "16", "-m", "0"],
        &["mount", "-o", "loop"],
        host.base().join("few"),
    );
    for n in 0..16 {
        let _ = fs::write(mount.at().join(n.to_string()), "");
    }
    let backend = FsBackend::open(mount.at()).unwrap();
    run(async {
        lacks(backend.write("/more", "x").await, FILES, 16);
    });
}

#[test]
fn the_size_is_that_of_the_disk_that_was_written_to_and_not_of_the_root() {
    if !can_mount(&["mount"]) {
        return;
    }
    let host = Host::new();
    let large = "x".repeat(2 << 20);
    host.put("large", &large);
    let _mount = Mount::memory("size=1m", host.root().join("small"));
    let backend = host.backend();
    run(async {
        let bytes = "bytes of storage";
        lacks(backend.write("/small/f", large).await, bytes, 1 << 20);
        lacks(backend.rename("/large", "/small/f").await, bytes, 1 << 20);
    });
    assert_eq!(host.get("large").len(), 2 << 20);
    assert_eq!(fs::read_dir(host.root().join("small")).unwrap().count(), 0);
}

/// How many operations hang in the test below: more than a runtime has threads for them.
const HUNG: usize = 600;

#[test]
fn a_disk_that_does_not_answer_delays_no_other() {
    if !can_mount(&["mkfs.ext4", "fsfreeze", "/dev/loop-control"]) {
        return;
    }
    let host = Host::new();
    let mount = Mount::image(
        &host.base().join("image"),
        64,
        &["mkfs.ext4", "-q"],
        &["mount", "-o", "loop"],
        host.base().join("frozen"),
    );
    let frozen = FsBackend::open(mount.at()).unwrap();
    let healthy = host.backend();
    run(async {
        sh("fsfreeze", ["-f".as_ref(), mount.at().as_os_str()]);
        let mut hung = tokio::task::JoinSet::new();
        for n in 0..HUNG {
            let frozen = frozen.clone();
            hung.spawn(async move { frozen.write(format!("/{n}"), "x").await.is_ok() });
        }
        let writes = async {
            for n in 0..2000 {
                healthy.write(format!("/{n}"), "x").await.unwrap();
            }
        };
        let limit = std::time::Duration::from_secs(120);
        let in_time = tokio::time::timeout(limit, writes).await;
        sh("fsfreeze", ["-u".as_ref(), mount.at().as_os_str()]);
        assert!(in_time.is_ok(), "writes to another disk hang too");
        let done = hung.join_all().await;
        assert!(done.len() == HUNG && done.into_iter().all(|done| done));
    });
}
