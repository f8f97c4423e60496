//! Links that stay inside work everywhere; a link stays a link.

use std::fs;

use backend_core::{
    Backend, BackendExt, EntryKind, ErrorKind, GlobRequest, GrepRequest, WriteMode, WriteRequest,
};
use backend_fs::FsBackend;

use crate::support::{Host, p, refused, run};

fn host_with_links() -> Host {
    let host = Host::new();
    host.put("a/b/f", "text\n");
    host.put("a/up.txt", "up\n");
    host.link("file", "a/b/f");
    host.link("dir", "a/b");
    host.link("dir-slash", "a/b/");
    host.link("chain", "dir");
    host.link("self", ".");
    // The parent of the link's target, which is not the parent of the link.
    host.link("a/b/parent-of-b", "../up.txt");
    host.link("physical", "dir/../up.txt");
    host
}

#[test]
fn links_inside_are_followed_by_reads_writes_and_edits() {
    let host = host_with_links();
    run(async {
        let backend = host.backend();
        for path in [
            "/file",
            "/dir/f",
            "/chain/f",
            "/self/self/a/b/f",
            "/dir-slash/f",
        ] {
            assert_eq!(backend.read(path).await.unwrap().text, "text\n", "{path}");
            backend.write(path, "text").await.unwrap();
            backend.edit(path, "text", "text\n").await.unwrap();
        }
        for path in ["/physical", "/dir/parent-of-b"] {
            assert_eq!(backend.read(path).await.unwrap().text, "up\n", "{path}");
        }
    });
    for link in ["file", "dir", "chain", "physical"] {
        assert!(host.root().join(link).is_symlink(), "{link}");
    }
    assert_eq!(host.get("a/b/f"), b"text\n");
}

#[test]
fn a_link_is_listed_with_its_target() {
    let host = host_with_links();
    host.link("dangling", "nowhere");
    host.link("loop", "loop");
    run(async {
        let backend = host.backend();
        let file = backend.stat("/file").await.unwrap();
        assert_eq!(
            (file.kind, file.target, file.size),
            (EntryKind::Symlink, Some(EntryKind::File), 5)
        );
        assert_eq!(file.version, None);
        let chain = backend.stat("/chain").await.unwrap();
        assert_eq!((chain.target, chain.size), (Some(EntryKind::Directory), 0));
        for path in ["/dangling", "/loop"] {
            let entry = backend.stat(path).await.unwrap();
            assert_eq!(
                (entry.kind, entry.target, entry.size),
                (EntryKind::Symlink, None, 0)
            );
        }
        let shown = backend.ls("/").await.unwrap();
        let dirs = shown.items.iter().filter(|entry| entry.is_directory());
        assert_eq!(dirs.count(), 1, "a link to a directory is not a directory");
    });
}

#[test]
fn listings_and_searches_keep_the_path_that_was_asked_for() {
    let host = host_with_links();
    run(async {
        let backend = host.backend();
        let listed = backend.ls("/chain").await.unwrap();
        assert_eq!(listed.items[0].path, "/chain/f");
        let glob = GlobRequest::new("*").path(p("/dir"));
        let found = backend.glob_with(&glob).await.unwrap();
        assert_eq!(found.items[0].path, "/dir/f");
        let grep = GrepRequest::new("text").path(p("/self/dir"));
        let found = backend.grep_with(&grep).await.unwrap();
        assert_eq!(found.matches[0].path, "/self/dir/f");
        let grep = GrepRequest::new("text").path(p("/file"));
        let found = backend.grep_with(&grep).await.unwrap();
        assert_eq!(found.matches[0].path, "/file");
    });
}

#[test]
fn a_write_through_a_dangling_link_inside_creates_its_target() {
    let host = Host::new();
    host.link("link", "new/deep/file");
    host.link("chain", "link");
    run(async {
        let backend = host.backend();
        refused(backend.read("/chain").await, ErrorKind::NotFound);
        refused(backend.edit("/chain", "a", "b").await, ErrorKind::NotFound);
        let new = WriteRequest::new(p("/chain"), "x").mode(WriteMode::CreateNew);
        refused(backend.write_with(&new).await, ErrorKind::AlreadyExists);
        let written = backend.write("/chain", "x").await.unwrap();
        assert!(written.created);
    });
    assert_eq!(host.get("new/deep/file"), b"x");
    assert!(host.root().join("chain").is_symlink());
}

#[test]
fn a_link_to_a_directory_is_a_directory_to_a_write() {
    let host = host_with_links();
    run(async {
        let backend = host.backend();
        for path in ["/dir", "/dir-slash", "/self", "/chain"] {
            refused(backend.write(path, "x").await, ErrorKind::IsADirectory);
            refused(backend.read(path).await, ErrorKind::IsADirectory);
            assert!(!backend.mkdir(path).await.unwrap().created);
        }
        refused(backend.mkdir("/file").await, ErrorKind::AlreadyExists);
        refused(backend.mkdir("/file/x").await, ErrorKind::NotADirectory);
        refused(
            backend.write("/file/x", "x").await,
            ErrorKind::NotADirectory,
        );
    });
}

#[test]
fn a_loop_is_refused() {
    let host = Host::new();
    host.link("a", "b");
    host.link("b", "a");
    run(async {
        let backend = host.backend();
        for path in ["/a", "/a/f"] {
            refused(backend.read(path).await, ErrorKind::PermissionDenied);
            refused(backend.write(path, "x").await, ErrorKind::PermissionDenied);
        }
        backend.delete("/a").await.unwrap();
        refused(backend.read("/b").await, ErrorKind::NotFound);
    });
}

#[test]
fn an_absolute_link_leads_out_even_to_the_root_itself() {
    let host = host_with_links();
    host.link("absolute", host.root().join("a/b/f"));
    host.link("absolute-dir", host.root().join("a/b"));
    run(async {
        let backend = host.backend();
        refused(backend.read("/absolute").await, ErrorKind::PermissionDenied);
        refused(
            backend.ls("/absolute-dir").await,
            ErrorKind::PermissionDenied,
        );
        refused(
            backend.read("/absolute-dir/f").await,
            ErrorKind::PermissionDenied,
        );
    });
}

#[test]
fn in_a_chroot_an_absolute_link_starts_at_the_root() {
    let host = host_with_links();
    host.link("absolute", "/a/b/f");
    host.link("absolute-dir", "/a/b");
    host.link("a/b/far-up", "../../../../../a/up.txt");
    host.link("over-the-top", "/../../a/b/");
    host.link("new", "/made/here");
    host.link("out", host.outside());
    host.link("top", "/");
    host.link("loop", "/loop");
    host.link("through-file", "/a/b/f/../f");
    run(async {
        let backend = FsBackend::builder(host.root()).links_within_root();
        let backend = backend.build().unwrap();
        for path in [
            "/absolute",
            "/absolute-dir/f",
            "/over-the-top/f",
            "/top/absolute-dir/f",
            "/dir/f",
        ] {
            assert_eq!(backend.read(path).await.unwrap().text, "text\n", "{path}");
            backend.edit(path, "text", "text").await.unwrap_err();
            backend.edit(path, "text", "TEXT").await.unwrap();
            backend.edit(path, "TEXT", "text").await.unwrap();
        }
        assert_eq!(
            backend.read("/absolute-dir/far-up").await.unwrap().text,
            "up\n"
        );
        backend.write("/new", "made").await.unwrap();
        backend.write("/absolute-dir/more/f", "more").await.unwrap();
        refused(backend.read("/out/f").await, ErrorKind::NotFound);
        refused(backend.read("/loop").await, ErrorKind::PermissionDenied);
        refused(backend.read("/loop/f").await, ErrorKind::PermissionDenied);
        refused(
            backend.read("/through-file").await,
            ErrorKind::NotADirectory,
        );
        assert_eq!(
            backend.ls("/top").await.unwrap().items.len(),
            backend.ls("/").await.unwrap().items.len()
        );
        let entry = backend.stat("/absolute").await.unwrap();
        assert_eq!((entry.target, entry.size), (Some(EntryKind::File), 5));
    });
    assert_eq!(host.get("made/here"), b"made");
    assert_eq!(host.get("a/b/more/f"), b"more");
    assert!(fs::read_link(host.root().join("new")).is_ok());
}

#[test]
fn renames_and_deletes_are_about_the_link_itself() {
    let host = host_with_links();
    run(async {
        let backend = host.backend();
        backend.rename("/file", "/moved").await.unwrap();
        assert_eq!(
            backend.stat("/moved").await.unwrap().kind,
            EntryKind::Symlink
        );
        backend.delete("/moved").await.unwrap();
        backend.delete("/dir").await.unwrap();
        let recursive = backend_core::DeleteRequest::new(p("/self")).recursive();
        assert_eq!(backend.delete_with(&recursive).await.unwrap().entries, 1);
        assert_eq!(backend.read("/a/b/f").await.unwrap().text, "text\n");
    });
}
