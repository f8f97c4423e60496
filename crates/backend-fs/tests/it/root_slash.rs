//! A backend on `/`, as in the guest of a container: nothing is outside, and links lead to the same place as
//! for any process.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use backend_core::{
    Backend, BackendExt, ErrorKind, GlobRequest, GrepRequest, ReadBytesRequest, VirtualPath,
};
use backend_fs::FsBackend;

use crate::support::{p, refused, run};

fn slash() -> FsBackend {
    FsBackend::builder("/").read_only().build().unwrap()
}

fn virt(path: &std::path::Path) -> VirtualPath {
    p(path.to_str().unwrap())
}

#[test]
fn absolute_links_lead_where_they_lead_for_any_process() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().canonicalize().unwrap();
    fs::create_dir(here.join("d")).unwrap();
    fs::write(here.join("d/f"), "text").unwrap();
    symlink(here.join("d"), here.join("absolute-dir")).unwrap();
    symlink(here.join("absolute-dir/f"), here.join("absolute")).unwrap();
    symlink(
        "../../../../../../../../../../etc/hostname",
        here.join("far-up"),
    )
    .unwrap();
    symlink("/etc/hostname", here.join("hostname")).unwrap();
    run(async {
        let backend = slash();
        for name in ["absolute", "absolute-dir/f", "d/f"] {
            assert_eq!(
                backend.read(virt(&here.join(name))).await.unwrap().text,
                "text"
            );
        }
        if let Ok(hostname) = fs::read_to_string("/etc/hostname") {
            for name in ["hostname", "far-up"] {
                let page = backend.read(virt(&here.join(name))).await.unwrap();
                assert_eq!(page.text, hostname);
            }
        }
        let writable = FsBackend::open("/").unwrap();
        writable
            .write(virt(&here.join("absolute-dir/new/f")), "new")
            .await
            .unwrap();
        assert_eq!(fs::read(here.join("d/new/f")).unwrap(), b"new");
    });
}

#[test]
fn links_of_the_kernel_are_read_as_paths() {
    run(async {
        let backend = slash();
        let here = std::env::current_dir().unwrap();
        let by_link = backend.ls("/proc/self/cwd").await.unwrap();
        let by_path = backend.ls(virt(&here)).await.unwrap();
        assert_eq!(by_link.items.len(), by_path.items.len());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn files_of_the_kernel_are_read_although_they_have_no_size() {
    run(async {
        let backend = slash();
        let page = backend.read("/proc/self/status").await.unwrap();
        assert!(page.text.contains("VmRSS"), "{page}");
        let content = backend.read_bytes("/proc/self/status").await.unwrap();
        assert!(content.len() > 100);
        let part = ReadBytesRequest::new(p("/proc/self/status")).range(0..4);
        let part = backend.read_bytes_with(&part).await.unwrap();
        assert_eq!((&part.bytes[..], part.size > 100), (&b"Name"[..], true));
        let sized = backend
            .read("/sys/kernel/mm/transparent_hugepage/enabled")
            .await;
        if let Ok(page) = sized {
            assert!(page.text.contains('['), "{page}");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_search_from_the_root_does_not_enter_kernel_file_systems() {
    run(async {
        let backend = slash();
        let named = GlobRequest::new("version").path(p("/proc"));
        let found = backend.glob_with(&named).await.unwrap();
        assert_eq!(found.items.len(), 1, "asked for by name it is searched");
        let found = backend.glob("*/version").await.unwrap();
        let entered = found.items.iter().any(|e| e.path.starts_with(&p("/proc")));
        assert!(!entered, "{found:?}");
        let here = GlobRequest::new("self/stat*").path(p("/proc"));
        let found = backend.glob_with(&here).await.unwrap();
        // `self` is a link, and a search follows none.
        assert!(found.items.is_empty(), "{found:?}");
        let grep = GrepRequest::new("VmRSS").path(p("/proc/self/status"));
        let found = backend.grep_with(&grep).await.unwrap();
        assert_eq!(found.matches.len(), 1, "asked for by name it is searched");
        let grep = GrepRequest::new("VmRSS")
            .path(p("/proc/self"))
            .glob("status");
        let found = backend
            .grep_with(&grep.timeout(Duration::from_secs(20)))
            .await
            .unwrap();
        assert!(!found.matches.is_empty(), "asked for as a directory too");
    });
}

#[test]
fn devices_are_not_touched() {
    run(async {
        let backend = slash();
        for device in ["/dev/zero", "/dev/tty", "/dev/null"] {
            if fs::metadata(device).is_ok() {
                refused(backend.read(device).await, ErrorKind::PermissionDenied);
            }
        }
    });
}
