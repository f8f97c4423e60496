//! Archives that a hostile container could send.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::{Failure, stays_inside, unpack};
use crate::copy::Copied;

type Entries<'a> = &'a [(&'a str, EntryType, &'a str)];

/// Packs entries with arbitrary names, as only a hostile sender would.
fn archive(entries: Entries<'_>) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (name, kind, text) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o6755);
        let content = if *kind == EntryType::Regular {
            text.as_bytes()
        } else {
            b""
        };
        header.set_size(content.len() as u64);
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        if *kind != EntryType::Regular {
            old.linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap()
}

fn run(
    directory: &Path,
    prefix: usize,
    limit: u64,
    entries: Entries<'_>,
) -> Result<Copied, Failure> {
    let (sender, pieces) = mpsc::channel(1024);
    for piece in archive(entries).chunks(700) {
        sender.try_send(Ok(Bytes::copy_from_slice(piece))).unwrap();
    }
    drop(sender);
    unpack(directory, prefix, limit, pieces)
}

#[test]
fn no_entry_escapes_the_directory() {
    use EntryType::{Directory, Link, Regular, Symlink};

    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    let inner = outer.path().join("inner");
    fs::create_dir(&inner).unwrap();
    std::os::unix::fs::symlink("..", inner.join("was-there")).unwrap();
    let entries = [
        ("../a", Regular, "x"),
        ("/abs", Regular, "x"),
        ("d/../../b", Regular, "x"),
        ("was-there/c", Regular, "x"),
        ("up", Symlink, ".."),
        ("up/d", Regular, "x"),
        ("out", Symlink, "/etc"),
        ("out/e", Regular, "x"),
        ("here", Symlink, "."),
        ("here/here/f", Symlink, "../../secret"),
        ("trick", Symlink, "here/../secret"),
        ("hard", Link, "../secret"),
        ("hard2", Link, "/etc/passwd"),
        ("hard3", Link, "was-there/secret"),
        ("device", EntryType::Block, ""),
        ("fifo", EntryType::Fifo, ""),
        ("sub", Directory, ""),
        ("sub/fine", Symlink, "../good"),
        ("good", Regular, "good"),
        ("good-too", Link, "good"),
    ];
    let copied = run(&inner, 0, 1 << 20, &entries).unwrap();
    // A refused link is not created, so a file below it is in a directory of that name.
    assert_eq!((copied.files, copied.bytes), (4, 6));
    assert_eq!(copied.skipped, 13);
    let names = |directory: &Path| {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(outer.path()), ["inner", "secret"]);
    let inside = ["good", "good-too", "here", "out", "sub", "up", "was-there"];
    assert_eq!(names(&inner), inside);
    assert!(inner.join("up").symlink_metadata().unwrap().is_dir());
    assert_eq!(fs::read_to_string(inner.join("sub/fine")).unwrap(), "good");
    assert_eq!(
        fs::read_to_string(outer.path().join("secret")).unwrap(),
        "secret"
    );
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(inner.join("good")).unwrap());
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn a_file_is_not_written_through_a_link_but_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let (inside, outside) = (directory.path().join("in"), directory.path().join("out"));
    fs::create_dir(&inside).unwrap();
    fs::write(&outside, "outside").unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("a")).unwrap();
    let copied = run(&inside, 1, 100, &[("top/a", EntryType::Regular, "new")]).unwrap();
    assert_eq!(copied.files, 1);
    assert_eq!(fs::read_to_string(inside.join("a")).unwrap(), "new");
    assert_eq!(fs::read_to_string(outside).unwrap(), "outside");
}

#[test]
fn more_than_the_limit_is_too_large() {
    let directory = tempfile::tempdir().unwrap();
    let entries = [
        ("a", EntryType::Regular, "12345"),
        ("b", EntryType::Regular, "12345"),
    ];
    assert!(run(directory.path(), 0, 10, &entries).is_ok());
    let error = run(directory.path(), 0, 9, &entries).unwrap_err();
    assert!(matches!(error, Failure::TooLarge));
}

#[test]
fn a_link_may_lead_up_as_far_as_the_directory_reaches() {
    for (target, depth, stays) in [
        ("a", 0, true),
        ("../a", 0, false),
        ("../a", 1, true),
        ("../../a", 1, false),
        ("a/../b", 5, false),
        ("./a", 0, true),
        ("/a", 9, false),
        ("", 0, false),
    ] {
        assert_eq!(
            stays_inside(Path::new(target), depth),
            stays,
            "{target} {depth}"
        );
    }
}
