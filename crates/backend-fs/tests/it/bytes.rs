//! Written content is stored unchanged: bytes, line endings, encodings, modes; and the changes that a
//! version detects.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use backend_core::{
    Backend, BackendExt, EditRequest, ErrorKind, ReadBytesRequest, Replacement, WriteMode,
    WriteRequest,
};

use crate::support::{Host, is_root, p, refused, run, skip};

fn mode_of(host: &Host, path: &str) -> u32 {
    fs::metadata(host.root().join(path)).unwrap().mode() & 0o7777
}

fn set_mode(host: &Host, path: &str, mode: u32) {
    fs::set_permissions(host.root().join(path), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_edit_keeps_the_rest_byte_for_byte() {
    let host = Host::new();
    let utf16: Vec<u8> = "\u{feff}one\r\ntwo\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let wanted: Vec<u8> = "\u{feff}1\r\ntwo\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    host.put("crlf", "one\r\ntwo\r\nthree\n");
    host.put("bom", "\u{feff}one\ntwo");
    host.put("utf16", utf16);
    run(async {
        let backend = host.backend();
        for file in ["/crlf", "/bom", "/utf16"] {
            backend.edit(file, "one", "1").await.unwrap();
        }
    });
    assert_eq!(host.get("crlf"), b"1\r\ntwo\r\nthree\n");
    assert_eq!(host.get("bom"), "\u{feff}1\ntwo".as_bytes());
    assert_eq!(host.get("utf16"), wanted);
}

#[test]
fn every_byte_is_stored_as_it_is() {
    let host = Host::new();
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
    run(async {
        let backend = host.backend();
        let request = WriteRequest::new(p("/b"), bytes.clone());
        backend.write_with(&request).await.unwrap();
        assert_eq!(backend.read_bytes("/b").await.unwrap(), bytes);
        let part = ReadBytesRequest::new(p("/b")).range(99_990..u64::MAX);
        let content = backend.read_bytes_with(&part).await.unwrap();
        assert_eq!(content.bytes, bytes[99_990..]);
        assert_eq!(content.size, 100_000);
    });
    assert_eq!(host.get("b"), bytes);
}

#[test]
fn a_mode_is_kept_by_a_write_and_an_edit() {
    let host = Host::new();
    run(async {
        let backend = host.backend();
        for mode in [0o600, 0o640, 0o644, 0o755, 0o777, 0o200] {
            host.put("f", "old text");
            set_mode(&host, "f", mode);
            backend.write("/f", "new text").await.unwrap();
            assert_eq!(mode_of(&host, "f"), mode, "after a write");
            if mode != 0o200 {
                backend.edit("/f", "new", "newer").await.unwrap();
                assert_eq!(mode_of(&host, "f"), mode, "after an edit");
            }
        }
    });
}

#[test]
fn a_new_file_gets_the_mode_that_the_process_gives() {
    let host = Host::new();
    run(host.backend().write("/f", "")).unwrap();
    host.put("reference", "");
    assert_eq!(mode_of(&host, "f"), mode_of(&host, "reference"));
}

#[test]
fn an_owner_is_kept_where_permitted() {
    if !is_root() {
        return skip("only root can give files away");
    }
    let host = Host::new();
    host.put("f", "old");
    set_mode(&host, "f", 0o640);
    chown(host.root().join("f"), Some(1234), Some(4321)).unwrap();
    run(async {
        host.backend().write("/f", "new").await.unwrap();
        host.backend().edit("/f", "new", "newer").await.unwrap();
    });
    let meta = fs::metadata(host.root().join("f")).unwrap();
    assert_eq!(
        (meta.uid(), meta.gid(), meta.mode() & 0o7777),
        (1234, 4321, 0o640)
    );
}

#[test]
fn a_file_without_write_permission_is_refused_and_unchanged() {
    let host = Host::new();
    host.put("f", "old");
    set_mode(&host, "f", 0o444);
    run(async {
        let backend = host.backend();
        let error = refused(
            backend.write("/f", "new").await,
            ErrorKind::PermissionDenied,
        );
        assert!(error.to_string().contains("the file is read-only"));
        refused(
            backend.edit("/f", "old", "new").await,
            ErrorKind::PermissionDenied,
        );
        let dry = EditRequest::new(p("/f"), "old", "new").dry_run();
        assert_eq!(backend.edit_with(&dry).await.unwrap().replacements, 1);
    });
    assert_eq!(host.get("f"), b"old");
    assert_eq!(mode_of(&host, "f"), 0o444);
}

#[test]
fn another_hard_link_keeps_the_old_content() {
    let host = Host::new();
    host.put("f", "old");
    fs::hard_link(host.root().join("f"), host.root().join("g")).unwrap();
    run(host.backend().write("/f", "new")).unwrap();
    assert_eq!(
        (host.get("f"), host.get("g")),
        (b"new".to_vec(), b"old".to_vec())
    );
}

#[test]
fn no_two_writes_share_a_version_however_fast_they_are() {
    let host = Host::new();
    run(async {
        let backend = host.backend();
        let mut versions = Vec::new();
        for _ in 0..500 {
            versions.push(backend.write("/f", "same").await.unwrap().version);
        }
        let current = backend.stat("/f").await.unwrap().version;
        assert_eq!(current, versions.last().copied());
        versions.sort_by_key(ToString::to_string);
        versions.dedup();
        assert_eq!(versions.len(), 500);
    });
}

#[test]
fn writes_of_another_program_are_detected() {
    let host = Host::new();
    host.put("f", "one two");
    run(async {
        let backend = host.backend();
        let seen = backend.read("/f").await.unwrap().version;
        host.put("f", "one two three");
        let request = WriteRequest::new(p("/f"), "mine").mode(WriteMode::IfVersion(seen));
        refused(backend.write_with(&request).await, ErrorKind::Conflict);
        let request = EditRequest::new(p("/f"), "one", "1").expect(seen);
        refused(backend.edit_with(&request).await, ErrorKind::Conflict);
        let current = backend.stat("/f").await.unwrap().version.unwrap();
        let request = EditRequest::new(p("/f"), "one", "1").expect(current);
        backend.edit_with(&request).await.unwrap();
    });
    assert_eq!(host.get("f"), b"1 two three");
}

#[test]
fn a_failed_edit_leaves_everything() {
    let host = Host::new();
    host.put("f", "a a");
    let before = fs::metadata(host.root().join("f")).unwrap();
    run(async {
        let backend = host.backend();
        refused(backend.edit("/f", "zzz", "y").await, ErrorKind::NoMatch);
        refused(
            backend.edit("/f", "a", "b").await,
            ErrorKind::AmbiguousMatch,
        );
        let edits = vec![Replacement::all("a", "b"), Replacement::new("zzz", "y")];
        let request = EditRequest::exact(p("/f"), edits);
        refused(backend.edit_with(&request).await, ErrorKind::NoMatch);
        host.put("bin", b"a\0b");
        refused(backend.edit("/bin", "a", "b").await, ErrorKind::NotText);
        host.put("latin", b"caf\xe9");
        refused(backend.edit("/latin", "caf", "x").await, ErrorKind::NotText);
    });
    let after = fs::metadata(host.root().join("f")).unwrap();
    assert_eq!(
        (before.ino(), before.ctime_nsec()),
        (after.ino(), after.ctime_nsec())
    );
    assert_eq!(host.get("latin"), b"caf\xe9");
}
