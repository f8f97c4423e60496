//! Renames beyond the laws of every backend: links, spellings, and other file systems.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use backend_core::{Backend, BackendExt, ErrorKind, RenameRequest};
use backend_fs::FsBackend;

use crate::support::{Host, p, refused, run, skip};

#[test]
fn a_directory_cannot_go_into_itself_by_another_name_either() {
    let host = Host::new();
    host.put("d/e/f", "x");
    host.link("d/again", ".");
    host.link("also-d", "d");
    run(async {
        let backend = host.backend();
        for to in ["/d/x", "/d/e/x", "/also-d/e/x", "/d/again/x"] {
            refused(backend.rename("/d", to).await, ErrorKind::InvalidRequest);
        }
    });
    assert_eq!(host.get("d/e/f"), b"x");
}

#[test]
fn two_spellings_of_one_place_are_one_place() {
    let host = Host::new();
    host.put("d/f", "x");
    host.link("l", "d");
    run(async {
        let backend = host.backend();
        refused(
            backend.rename("/d/f", "/l/f").await,
            ErrorKind::AlreadyExists,
        );
        let over = RenameRequest::new(p("/d/f"), p("/l/f")).overwrite();
        let renamed = backend.rename_with(&over).await.unwrap();
        assert_eq!(renamed.version, backend.stat("/d/f").await.unwrap().version);
    });
    assert_eq!(host.get("d/f"), b"x");
}

#[test]
fn one_of_two_hard_links_goes_when_it_is_moved_onto_the_other() {
    let host = Host::new();
    host.put("a", "x");
    fs::hard_link(host.root().join("a"), host.root().join("b")).unwrap();
    run(async {
        let backend = host.backend();
        let over = RenameRequest::new(p("/a"), p("/b")).overwrite();
        backend.rename_with(&over).await.unwrap();
        assert!(!backend.exists("/a").await.unwrap());
        assert_eq!(backend.read("/b").await.unwrap().text, "x");
    });
}

#[test]
fn a_refused_rename_moves_nothing() {
    let host = Host::new();
    host.put("f", "x");
    host.put("d/g", "y");
    host.link("out", "../outside");
    let before = host.snapshot_outside();
    run(async {
        let backend = host.backend();
        refused(backend.rename("/f", "/d").await, ErrorKind::AlreadyExists);
        let over = RenameRequest::new(p("/f"), p("/d")).overwrite();
        let error = refused(backend.rename_with(&over).await, ErrorKind::IsADirectory);
        assert_eq!(error.path(), Some(&p("/d")));
        let over = RenameRequest::new(p("/d"), p("/f")).overwrite();
        refused(backend.rename_with(&over).await, ErrorKind::AlreadyExists);
        let error = refused(
            backend.rename("/f", "/d/g/x").await,
            ErrorKind::NotADirectory,
        );
        assert_eq!(error.path(), Some(&p("/d/g/x")));
        let error = refused(
            backend.rename("/f", "/out/f").await,
            ErrorKind::PermissionDenied,
        );
        assert_eq!(error.path(), Some(&p("/out/f")));
        let error = refused(
            backend.rename("/missing", "/x/y").await,
            ErrorKind::NotFound,
        );
        assert_eq!(error.path(), Some(&p("/missing")));
        assert!(
            !backend.exists("/x").await.unwrap(),
            "nothing is made for it"
        );
    });
    assert_eq!(host.get("f"), b"x");
    assert_eq!(host.snapshot_outside(), before);
}

/// A directory on another file system than the temporary ones, if this machine has one.
fn elsewhere() -> Option<tempfile::TempDir> {
    let here = fs::metadata(std::env::temp_dir()).ok()?.dev();
    ["/dev/shm", "/run", "/var/tmp"].iter().find_map(|dir| {
        let other = fs::metadata(dir).ok()?.dev() != here;
        other.then(|| tempfile::tempdir_in(dir).ok()).flatten()
    })
}

#[test]
fn a_move_to_another_file_system_is_a_copy() {
    let Some(there) = elsewhere() else {
        return skip("there is one file system");
    };
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("f"), "content").unwrap();
    fs::set_permissions(
        here.path().join("f"),
        std::os::unix::fs::PermissionsExt::from_mode(0o751),
    )
    .unwrap();
    fs::create_dir(here.path().join("d")).unwrap();
    symlink("f", here.path().join("l")).unwrap();
    fs::write(there.path().join("taken"), "taken").unwrap();
    // Both are below one root only if that is `/`.
    let virt = |dir: &tempfile::TempDir, name: &str| {
        let path: PathBuf = dir.path().canonicalize().unwrap().join(name);
        p(path.to_str().unwrap())
    };
    run(async {
        let backend = FsBackend::open("/").unwrap();
        let (from, taken) = (virt(&here, "f"), virt(&there, "taken"));
        refused(
            backend.rename(&from, &taken).await,
            ErrorKind::AlreadyExists,
        );
        let to = virt(&there, "new/f");
        let renamed = backend.rename(&from, &to).await.unwrap();
        assert!(!renamed.atomic);
        assert_eq!(renamed.version, backend.stat(&to).await.unwrap().version);
        assert!(!backend.exists(&from).await.unwrap());
        let back = RenameRequest::new(&to, &taken).overwrite();
        assert!(
            backend.rename_with(&back).await.unwrap().atomic,
            "it is the same one"
        );
        assert_eq!(backend.read(&taken).await.unwrap().text, "content");
        for name in ["d", "l"] {
            let renamed = backend.rename(virt(&here, name), virt(&there, name)).await;
            assert!(!renamed.unwrap().atomic);
        }
    });
    let meta = fs::metadata(there.path().join("taken")).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o751);
}
