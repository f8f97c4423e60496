//! A file system on which one file has two spellings.

use std::fs;

use backend_core::BackendExt;
use backend_fs::FsBackend;
use tokio::task::JoinSet;

use crate::mounts::can_mount;
use crate::scratch::Mount;
use crate::support::{Host, run};

/// How many edits there are at once.
const EDITS: usize = 40;

#[test]
fn edits_through_two_spellings_of_one_name_wait_for_each_other() {
    if !can_mount(&["mkfs.ntfs", "lowntfs-3g", "/dev/fuse", "/dev/loop-control"]) {
        return;
    }
    let host = Host::new();
    let mount = Mount::image(
        &host.base().join("image"),
        32,
        &["mkfs.ntfs", "-q", "-F"],
        &["lowntfs-3g", "-o", "ignore_case"],
        host.base().join("ntfs"),
    );
    fs::write(mount.at().join("count.txt"), "x\n").unwrap();
    let same = fs::read(mount.at().join("COUNT.TXT")).unwrap();
    assert_eq!(same, b"x\n", "the two spellings are one file");
    let backend = FsBackend::open(mount.at()).unwrap();
    let done = run(async {
        let mut edits = JoinSet::new();
        for n in 0..EDITS {
            let backend = backend.clone();
            let path = ["/count.txt", "/COUNT.TXT"][n % 2];
            edits.spawn(async move {
                let line = format!("x\nline {n}\n");
                backend.edit(path, "x\n", &*line).await.is_ok()
            });
        }
        edits
            .join_all()
            .await
            .into_iter()
            .filter(|done| *done)
            .count()
    });
    let text = fs::read_to_string(mount.at().join("count.txt")).unwrap();
    assert_eq!(text.matches("line ").count(), done, "{text}");
    assert_eq!(done, EDITS);
}
