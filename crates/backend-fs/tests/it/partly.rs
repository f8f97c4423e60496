//! Trees that can be removed in part: the rest is reported, and affects nothing else.

use std::path::Path;

use backend_core::{Backend, BackendExt, DeleteRequest, ErrorKind};

use crate::mounts::{can_mount, command};
use crate::scratch::Mount;
use crate::support::{Host, p, refused, run, skip};

/// A file that cannot be removed until this is dropped.
struct Immutable<'a>(&'a Path);

impl<'a> Immutable<'a> {
    fn new(path: &'a Path) -> Option<Self> {
        let made = command("chattr").arg("+i").arg(path).output();
        if made.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        skip("the file system knows no files that cannot be changed");
        None
    }
}

impl Drop for Immutable<'_> {
    fn drop(&mut self) {
        let _ = command("chattr").arg("-i").arg(self.0).status();
    }
}

#[test]
fn a_recursive_delete_that_fails_says_where_and_how_much_is_gone() {
    if !can_mount(&["chattr"]) {
        return;
    }
    let host = Host::new();
    for path in ["t/a/f", "t/b/f", "t/b/g", "t/c/f"] {
        host.put(path, "x");
    }
    let stuck = host.root().join("t/b/f");
    let Some(immutable) = Immutable::new(&stuck) else {
        return;
    };
    run(async {
        let backend = host.backend();
        let request = DeleteRequest::new(p("/t")).recursive();
        let outcome = backend.delete_with(&request).await;
        let error = refused(outcome, ErrorKind::PermissionDenied);
        assert_eq!(error.path(), Some(&p("/t")));
        // Both other directories, a file in each, and the file beside the one that stays.
        assert!(
            error
                .to_string()
                .ends_with("; it failed at `b/f` in it; 5 entries were removed"),
            "{error}"
        );
        let left = backend.glob("**").await.unwrap();
        let left: Vec<_> = left.items.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(left, ["/t/b/f"]);
        drop(immutable);
        assert_eq!(backend.delete_with(&request).await.unwrap().entries, 3);
    });
}

#[test]
fn a_mount_point_in_a_tree_is_emptied_and_reported() {
    if !can_mount(&["mount"]) {
        return;
    }
    let host = Host::new();
    host.put("t/a", "x");
    let mount = Mount::memory("size=1m", host.root().join("t/m"));
    std::fs::write(mount.at().join("f"), "x").unwrap();
    run(async {
        let backend = host.backend();
        let request = DeleteRequest::new(p("/t")).recursive();
        let error = refused(
            backend.delete_with(&request).await,
            ErrorKind::PermissionDenied,
        );
        assert_eq!(
            error.to_string(),
            "/t: permission denied: it is a mount point, or the system is using it; it failed at \
             `m` in it; 2 entries were removed"
        );
    });
}

/// Mounts the directory `source` at `seen`, through libfuse.
fn seen_through_libfuse(host: &Host) -> Mount {
    let seen = host.root().join("seen");
    std::fs::create_dir(&seen).unwrap();
    Mount::of(&["bindfs"], &host.root().join("source"), seen)
}

#[test]
fn a_tree_is_deleted_though_a_search_has_a_file_in_it_open_for_a_moment() {
    if !can_mount(&["bindfs", "/dev/fuse"]) {
        return;
    }
    let host = Host::new();
    host.put("source/d/log", "x");
    let mount = seen_through_libfuse(&host);
    let open = std::fs::File::open(mount.at().join("d/log")).unwrap();
    run(async {
        let backend = host.backend();
        let request = DeleteRequest::new(p("/seen/d")).recursive();
        let closing = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            drop(open);
        });
        backend.delete_with(&request).await.unwrap();
        closing.join().unwrap();
    });
}

#[test]
fn a_file_that_a_program_has_open_is_reported_as_such() {
    if !can_mount(&["bindfs", "/dev/fuse"]) {
        return;
    }
    let host = Host::new();
    host.put("source/d/log", "x");
    host.put("source/d/other", "x");
    let mount = seen_through_libfuse(&host);
    // libfuse keeps such a file under another name until it is closed, as NFS does.
    let open = std::fs::File::open(mount.at().join("d/log")).unwrap();
    run(async {
        let backend = host.backend();
        let request = DeleteRequest::new(p("/seen/d")).recursive();
        let error = refused(backend.delete_with(&request).await, ErrorKind::Conflict);
        assert_eq!(error.path(), Some(&p("/seen/d")));
        let text = error.to_string();
        assert!(
            text.contains("not empty: a program has a file in it open"),
            "{text}"
        );
        drop(open);
        let left = || std::fs::read_dir(mount.at().join("d")).unwrap().count();
        // The server hears of the end of a file a moment later.
        while left() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        backend.delete_with(&request).await.unwrap();
    });
}
