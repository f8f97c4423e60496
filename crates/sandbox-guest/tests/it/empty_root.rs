//! The static guest where there is nothing else: no shell, no libc, no `/proc`, no `/dev`.
//!
//! It needs the binary that `cargo xtask guest` builds, and the right to change the root.

use std::os::unix::fs::PermissionsExt;

use backend_core::{BackendExt, ErrorKind, ExecRequest, ExecStatus, Sandbox, SandboxExt};
use tokio::process::Command;

use crate::host::{handed_over, over_stdio, soon};

#[tokio::test]
async fn the_guest_runs_in_a_root_that_contains_only_itself() {
    let Some(guest) = handed_over() else {
        println!("skipped: no static guest was passed in; `cargo xtask guest` does that");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let able = Command::new("chroot")
        .arg(root.path())
        .arg("/nothing")
        .output()
        .await;
    if !able.is_ok_and(|output| output.status.code() == Some(127)) {
        println!("skipped: the root cannot be changed here");
        return;
    }
    let inside = root.path().join("agent-guest");
    std::fs::copy(&guest, &inside).unwrap();
    std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o755)).unwrap();

    let mut command = Command::new("chroot");
    command.arg(root.path()).args(["/agent-guest", "serve"]);
    let (remote, mut child) = over_stdio(&mut command).await;
    let entries = remote.ls("/").await.unwrap().items;
    assert_eq!(entries.len(), 1);
    remote.write("/dir/a.txt", "one\ntwo\n").await.unwrap();
    remote.edit("/dir/a.txt", "two", "three").await.unwrap();
    assert_eq!(remote.grep("thr.e").await.unwrap().matches[0].line, 2);
    assert_eq!(remote.glob("**/*.txt").await.unwrap().items.len(), 1);
    assert_eq!(
        std::fs::read(root.path().join("dir/a.txt")).unwrap(),
        b"one\nthree\n"
    );

    // The only program in the root.
    let version = ExecRequest::argv(["/agent-guest", "--version"]);
    let version = soon(remote.execute_with(&version)).await.unwrap();
    assert!(version.status.is_success(), "{version:?}");
    assert!(version.stdout.head.starts_with(b"agent-guest "));
    let shell = soon(remote.execute("echo there is no shell"))
        .await
        .unwrap();
    assert_eq!(shell.status, ExecStatus::Exited(127));
    let mut spawned =
        ExecRequest::argv(["/agent-guest", "connect", "--socket=/none", "--wait=1000"]);
    spawned.timeout = None;
    let process = remote.spawn_with(&spawned).await.unwrap();
    remote
        .signal(&process.id, backend_core::Signal::Kill)
        .await
        .unwrap();
    let gone = remote.read("/gone").await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    remote.close().await;
    assert!(soon(child.wait()).await.unwrap().success());
    println!("ran in an empty root");
}
