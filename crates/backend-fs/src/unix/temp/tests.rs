//! The fallbacks for putting a file in place that this machine does not need, and the times that make
//! versions differ.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;

use rustix::io::Errno;

use super::super::meta::Meta;
use super::super::preserved::Preserved;
use super::{Target, Temp, unique_now};
use crate::Durability;

#[test]
fn no_two_moments_are_the_same() {
    let mut moments: Vec<_> = (0..1000).map(|_| unique_now()).collect();
    let sorted = moments.clone();
    moments.dedup();
    assert_eq!(moments.len(), 1000);
    assert!(moments.is_sorted() && moments == sorted);
}

#[test]
fn every_exclusive_way_gives_a_name_once() {
    let root = tempfile::tempdir().unwrap();
    let dir = File::open(root.path()).unwrap();
    type Way = fn(&Temp<'_>, &OsStr) -> rustix::io::Result<()>;
    let ways: [(&str, Way); 3] = [
        ("rename", |temp, name| temp.persist_noclobber(name)),
        ("link", |temp, name| temp.link_exclusive(name)),
        ("claim", |temp, name| temp.claim_exclusive(name)),
    ];
    for (name, way) in ways {
        let name = OsStr::new(name);
        let mut first = Temp::create(dir.as_fd(), None).unwrap();
        first.write(b"first").unwrap();
        assert_eq!(way(&first, name), Ok(()));
        first.keep();
        drop(first);
        let mut second = Temp::create(dir.as_fd(), None).unwrap();
        second.write(b"second").unwrap();
        assert_eq!(way(&second, name), Err(Errno::EXIST));
        drop(second);
        assert_eq!(fs::read(root.path().join(name)).unwrap(), b"first");
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3);
}

#[test]
fn a_dropped_temporary_file_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let dir = File::open(root.path()).unwrap();
    let mut temp = Temp::create(dir.as_fd(), None).unwrap();
    temp.write(b"half").unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    drop(temp);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn new_content_does_not_keep_set_id_bits() {
    let root = tempfile::tempdir().unwrap();
    let dir = File::open(root.path()).unwrap();
    let target = root.path().join("tool");
    fs::write(&target, "old").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o6755)).unwrap();
    let file = File::open(&target).unwrap();
    let old = Preserved::of(&file, Meta::of(&file).unwrap());
    let mut temp = Temp::create(dir.as_fd(), Some(&old)).unwrap();
    temp.write(b"new").unwrap();
    temp.persist(OsStr::new("tool"), Target::Replace, Durability::Full)
        .unwrap();
    let mode = fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn versions_of_one_size_differ_though_the_inode_is_the_same_again() {
    let root = tempfile::tempdir().unwrap();
    let dir = File::open(root.path()).unwrap();
    let mut versions = Vec::new();
    for _ in 0..200 {
        let mut temp = Temp::create(dir.as_fd(), None).unwrap();
        temp.write(b"same").unwrap();
        versions.push(
            temp.persist(OsStr::new("f"), Target::Replace, Durability::Relaxed)
                .unwrap(),
        );
    }
    let count = versions.len();
    versions.sort_by_key(ToString::to_string);
    versions.dedup();
    assert_eq!(versions.len(), count);
}
