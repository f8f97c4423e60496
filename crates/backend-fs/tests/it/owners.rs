//! What the file system refuses to a process that is not root. That part runs as `nobody` in a child.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;

use backend_core::{Backend, BackendExt, DeleteRequest, ErrorKind, Truncation};
use backend_fs::FsBackend;

use crate::support::{Host, argument_of_child, child, is_root, p, refused, run, skip};

const NOBODY: u32 = 65534;

fn set_mode(host: &Host, path: &str, mode: u32) {
    fs::set_permissions(host.root().join(path), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_process_that_is_not_root_meets_refusals_and_not_failures() {
    if !is_root() {
        return skip("it takes root to become another user");
    }
    let host = Host::new();
    for (path, mode) in [
        ("open/f", 0o644),
        ("shut/f", 0o644),
        ("open/secret", 0o600),
        ("open/shared", 0o664),
    ] {
        host.put(path, "needle");
        set_mode(&host, path, mode);
    }
    fs::create_dir(host.root().join("own")).unwrap();
    host.put("own/not-mine", "root's");
    for path in ["own", "open/shared", "open"] {
        chown(host.root().join(path), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    chown(host.root().join("open/shared"), Some(0), Some(NOBODY)).unwrap();
    host.put("own/full/sub/f", "x");
    for (dir, mode) in [
        ("blind", 0o755),
        ("blind/empty", 0),
        ("full", 0o755),
        ("full/sub", 0),
    ] {
        let dir = format!("own/{dir}");
        fs::create_dir_all(host.root().join(&dir)).unwrap();
        chown(host.root().join(&dir), Some(NOBODY), Some(NOBODY)).unwrap();
        set_mode(&host, &dir, mode);
    }
    set_mode(&host, "shut", 0o700);
    fs::set_permissions(host.base(), fs::Permissions::from_mode(0o755)).unwrap();
    // The binary may be where the user `nobody` cannot reach it.
    let copy = host.base().join("test-binary");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();

    let mut command = child("owners::a_child_that_is_nobody", "nobody", host.root());
    let mut as_nobody = std::process::Command::new(&copy);
    as_nobody.args(command.get_args());
    as_nobody.envs(
        command
            .get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    as_nobody.current_dir("/").uid(NOBODY).gid(NOBODY);
    command = as_nobody;
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return skip(&format!("nobody cannot run a program here: {error}")),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("nobody was here"), "{text}");

    let shared = fs::metadata(host.root().join("open/shared")).unwrap();
    assert_eq!(host.get("open/shared"), b"written");
    assert_eq!(
        (shared.uid(), shared.gid(), shared.mode() & 0o7777),
        (NOBODY, NOBODY, 0o664)
    );
    assert_eq!(host.get("own/not-mine"), b"root's");
}

/// The child. Elsewhere it is an empty test.
#[test]
fn a_child_that_is_nobody() {
    let Some(root) = argument_of_child("nobody") else {
        return;
    };
    assert!(!is_root());
    let denied = ErrorKind::PermissionDenied;
    run(async {
        let backend = FsBackend::open(root).unwrap();
        refused(backend.read("/open/secret").await, denied);
        refused(backend.read("/shut/f").await, denied);
        refused(backend.stat("/shut/f").await, denied);
        refused(backend.ls("/shut").await, denied);
        refused(backend.write("/new", "x").await, denied);
        refused(backend.mkdir("/new").await, denied);
        refused(backend.rename("/open/f", "/f").await, denied);
        refused(
            backend
                .delete_with(&DeleteRequest::new(p("/shut")).recursive())
                .await,
            denied,
        );
        // The directory would let it be replaced, the file does not.
        let error = refused(backend.write("/own/not-mine", "x").await, denied);
        assert!(
            error.to_string().contains("the file is read-only"),
            "{error}"
        );
        refused(backend.edit("/own/not-mine", "root", "x").await, denied);
        backend.write("/open/shared", "written").await.unwrap();
        // `nobody` cannot read these, but the empty one can still be removed.
        let blind = DeleteRequest::new(p("/own/blind")).recursive();
        assert_eq!(backend.delete_with(&blind).await.unwrap().entries, 2);
        let full = DeleteRequest::new(p("/own/full")).recursive();
        refused(backend.delete_with(&full).await, denied);

        let shown = backend.ls("/open").await.unwrap();
        assert_eq!(shown.items.len(), 3, "what cannot be read is still listed");
        let found = backend.grep("needle|root").await.unwrap();
        assert_eq!(found.matches.len(), 2, "{found:?}");
        assert_eq!(found.skipped.unreadable, 3);
        assert_eq!(found.truncated, Some(Truncation::Unreadable));
        assert_eq!(backend.remove_leftovers().await.unwrap(), 0);
    });
    println!("nobody was here");
}
