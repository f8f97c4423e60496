//! Entries that are neither files nor directories: they are listed, moved and removed, but never
//! opened.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use backend_core::{
    Backend, BackendExt, DeleteRequest, EntryKind, ErrorKind, GlobRequest, GrepRequest, WriteMode,
    WriteRequest,
};
use backend_fs::FsBackend;
use rustix::fs::{FileType, Mode, mknodat};

use crate::support::{Background, Host, is_root, p, refused, run, skip};

/// Makes a FIFO, a socket and, for root, a device that never ends. Returns their names.
fn special_files(host: &Host) -> Vec<&'static str> {
    let dir = File::open(host.root()).unwrap();
    let mode = Mode::from_raw_mode(0o666);
    mknodat(&dir, "fifo", FileType::Fifo, mode, 0).unwrap();
    drop(UnixListener::bind(host.root().join("socket")).unwrap());
    let mut names = vec!["fifo", "socket"];
    let zero = rustix::fs::makedev(1, 5);
    if is_root() && mknodat(&dir, "zero", FileType::CharacterDevice, mode, zero).is_ok() {
        names.push("zero");
    } else {
        skip("the part with a device: creating one needs root");
    }
    names
}

/// Fails instead of hanging.
fn run_in_time(future: impl Future<Output = ()>) {
    run(async {
        let limit = Duration::from_secs(300);
        tokio::time::timeout(limit, future).await.expect("it hangs");
    });
}

async fn open_each(backend: &FsBackend, name: &str) {
    let denied = ErrorKind::PermissionDenied;
    let error = refused(backend.read(name).await, denied);
    assert!(error.to_string().contains("not a regular file"));
    refused(backend.read_bytes(name).await, denied);
    refused(backend.write(name, "x").await, denied);
    refused(backend.edit(name, "x", "y").await, denied);
    let grep = GrepRequest::new("x").path(p(name));
    refused(backend.grep_with(&grep).await, denied);
    let new = WriteRequest::new(p(name), "x").mode(WriteMode::CreateNew);
    refused(backend.write_with(&new).await, ErrorKind::AlreadyExists);
    refused(backend.ls(name).await, ErrorKind::NotADirectory);
    let glob = GlobRequest::new("*").path(p(name));
    refused(backend.glob_with(&glob).await, denied);
}

#[test]
fn nothing_special_is_ever_opened() {
    let host = Host::new();
    let names = special_files(&host);
    host.link("link", "fifo");
    run_in_time(async {
        let backend = host.backend();
        for name in &names {
            open_each(&backend, name).await;
            let entry = backend.stat(*name).await.unwrap();
            assert_eq!((entry.kind, entry.size), (EntryKind::Other, 0));
        }
        refused(backend.read("/link").await, ErrorKind::PermissionDenied);
        refused(
            backend.write("/link", "x").await,
            ErrorKind::PermissionDenied,
        );
        let link = backend.stat("/link").await.unwrap();
        assert_eq!(link.target, Some(EntryKind::Other));
    });
    let kind = fs::symlink_metadata(host.root().join("fifo"))
        .unwrap()
        .file_type();
    assert!(kind.is_fifo(), "it is still what it was");
}

#[test]
fn searches_and_listings_skip_special_entries() {
    let host = Host::new();
    let names = special_files(&host);
    host.put("f", "needle");
    run_in_time(async {
        let backend = host.backend();
        let found = backend.grep("needle").await.unwrap();
        assert_eq!(found.matches.len(), 1);
        assert_eq!(found.searched, 1);
        assert_eq!(backend.glob("*").await.unwrap().items.len(), 1);
        assert_eq!(backend.ls("/").await.unwrap().items.len(), names.len() + 1);
    });
}

#[test]
fn special_entries_can_be_moved_and_removed() {
    let host = Host::new();
    let names = special_files(&host);
    run_in_time(async {
        let backend = host.backend();
        for name in names {
            let renamed = backend.rename(name, format!("/d/{name}")).await.unwrap();
            assert_eq!(renamed.version, None);
        }
        backend.delete("/d/fifo").await.unwrap();
        let all = DeleteRequest::new(p("/d")).recursive();
        backend.delete_with(&all).await.unwrap();
        assert!(backend.ls("/").await.unwrap().items.is_empty());
    });
}

#[test]
fn a_writer_that_waits_at_a_fifo_keeps_waiting() {
    let host = Host::new();
    special_files(&host);
    run_in_time(async {
        let backend = host.backend();
        for _ in 0..20 {
            refused(backend.read("/fifo").await, ErrorKind::PermissionDenied);
            let _ = backend.grep("x").await.unwrap();
        }
        // A reader would have let this open succeed, and then have left the writer alone.
        let writer = fs::OpenOptions::new()
            .write(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
            .open(host.root().join("fifo"));
        let error = writer.expect_err("it has no reader");
        assert_eq!(
            rustix::io::Errno::from_io_error(&error),
            Some(rustix::io::Errno::NXIO)
        );
    });
}

#[test]
fn a_fifo_swapped_in_for_a_file_never_blocks() {
    use rustix::fs::{RenameFlags, renameat_with};
    let host = Host::new();
    special_files(&host);
    host.put("f", "text");
    let dir = File::open(host.root()).unwrap();
    let _swapping = Background::start(move || {
        let _ = renameat_with(&dir, "f", &dir, "fifo", RenameFlags::EXCHANGE);
    });
    run_in_time(async {
        let backend = host.backend();
        for _ in 0..1500 {
            if let Ok(page) = backend.read("/f").await {
                assert!(page.text.starts_with("text"), "{page}");
            }
            let _ = backend.edit("/f", "text", "text!").await;
            let _ = backend.edit("/f", "text!", "text").await;
            let _ = backend.grep("text").await.unwrap();
        }
    });
}
