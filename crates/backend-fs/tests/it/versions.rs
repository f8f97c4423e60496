//! Versions where times are coarse, and where they change late.

use std::fs;
use std::os::unix::fs::MetadataExt;

use backend_core::{Backend, BackendExt, EditRequest, ErrorKind, WriteMode, WriteRequest};
use backend_fs::FsBackend;

use crate::disks::alone;
use crate::mounts::{Bench, can_mount, sh};
use crate::support::{p, refused, run};

/// ext4 with small inodes, as every ext2 and ext3 has them: times are whole seconds.
const COARSE: [&str; 5] = ["mkfs.ext4", "-q", "-I", "128", "-F"];

async fn no_version_comes_back(root: &str) {
    let backend = FsBackend::open(root).unwrap();
    let mut versions = Vec::new();
    let mut inodes = Vec::new();
    for round in 100..200 {
        let written = backend.write("/f", format!("{round}")).await.unwrap();
        let told = backend.stat("/f").await.unwrap().version;
        assert_eq!(told, Some(written.version));
        assert_eq!(backend.read("/f").await.unwrap().version, written.version);
        versions.push(written.version);
        let meta = fs::metadata(format!("{root}/f")).unwrap();
        assert_eq!(meta.mtime_nsec(), 0, "this is the case to be tested");
        inodes.push(meta.ino());
    }
    let first = *versions.first().unwrap();
    let late = WriteRequest::new(p("/f"), "ddd").mode(WriteMode::IfVersion(first));
    refused(backend.write_with(&late).await, ErrorKind::Conflict);
    let count = versions.len();
    versions.sort_by_key(ToString::to_string);
    versions.dedup();
    assert_eq!(versions.len(), count, "inodes: {inodes:?}");
    inodes.sort_unstable();
    inodes.dedup();
    assert!(inodes.len() < count, "this is the case to be tested");
}

#[test]
fn no_version_comes_back_where_times_are_whole_seconds() {
    if !can_mount(&["mount", "mkfs.ext4"]) {
        return;
    }
    let mut bench = Bench::new();
    let root = bench.disk(&COARSE, 16, "root");
    run(no_version_comes_back(&root));
}

#[test]
fn no_version_comes_back_in_an_overlay_of_such_a_disk() {
    if !can_mount(&["mount", "mkfs.ext4"]) {
        return;
    }
    let mut bench = Bench::new();
    let disk = bench.disk(&COARSE, 16, "disk");
    for name in ["lower", "upper", "work"] {
        fs::create_dir(format!("{disk}/{name}")).unwrap();
    }
    let options = format!("lowerdir={disk}/lower,upperdir={disk}/upper,workdir={disk}/work");
    let root = bench.mount(
        "mount",
        &["-t", "overlay", "overlay", "-o", &options],
        "root",
    );
    run(no_version_comes_back(&root));
}

#[test]
fn a_version_is_the_same_after_the_file_is_closed() {
    alone(&["mount", "mkfs.ntfs", "lowntfs-3g"], |_| {
        version_after_close()
    });
}

fn version_after_close() {
    let mut bench = Bench::new();
    let image = bench.at("n.img");
    fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
    sh("mkfs.ntfs", ["-q", "-F", &image]);
    let root = bench.mount("lowntfs-3g", &[&image], "root");
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for _ in 0..20 {
            let written = backend.write("/f", "one").await.unwrap();
            let edit = EditRequest::new(p("/f"), "one", "two").expect(written.version);
            let edited = backend.edit_with(&edit).await.unwrap();
            let told = backend.stat("/f").await.unwrap().version;
            assert_eq!(told, Some(edited.version));
        }
    });
}
