//! The guest as the first process of a PID namespace: it reaps orphans, and forwards signals.

use std::process::Stdio;

use backend_core::{BackendExt, ExecStatus, Sandbox, SandboxExt, wire};
use tokio::net::UnixStream;
use tokio::process::Command;

use crate::host::{guest, soon, until};

/// Returns the children of a process, with their states.
fn children(pid: u32) -> Vec<(u32, char)> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    list.unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .filter_map(|child: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
            let state = stat.rsplit(") ").next()?.chars().next()?;
            Some((child, state))
        })
        .collect()
}

#[tokio::test]
async fn as_process_one_it_reaps_orphans_and_forwards_signals() {
    let able = Command::new("unshare")
        .args(["--pid", "--fork", "true"])
        .status()
        .await;
    if !able.is_ok_and(|status| status.success()) {
        println!("skipped: cannot create a PID namespace here");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("guest.sock");
    let mut unshare = Command::new("unshare")
        .args(["--pid", "--fork"])
        .arg(guest())
        .args(["init", "--root"])
        .arg(place.path())
        .arg("--socket")
        .arg(&socket)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until(|| socket.exists()).await;
    // unshare, process 1, and the guest as its child.
    let one = children(unshare.id().unwrap())[0].0;
    assert_eq!(children(one).len(), 1);

    // Another process runs a program in the namespace, as an engine does, and leaves orphans there.
    let orphans = "for n in 1 2 3 4 5; do (sleep 0.3 & ) ; done";
    let entered = Command::new("nsenter")
        .args(["--target", &one.to_string(), "--pid", "sh", "-c", orphans])
        .status();
    assert!(soon(entered).await.unwrap().success());
    until(|| children(one).len() > 1).await;
    until(|| children(one).len() == 1).await;

    // Meanwhile commands end normally.
    let stream = UnixStream::connect(&socket).await.unwrap();
    let remote = soon(wire::connect(stream)).await.unwrap();
    for n in 0..20 {
        let output = remote
            .execute(format!("sleep 0.01 & exit {n}"))
            .await
            .unwrap();
        assert_eq!(output.status, ExecStatus::Exited(n));
    }
    remote.write("/a", "b").await.unwrap();
    assert!(remote.liveness().await.is_alive());

    let killed = Command::new("kill")
        .args(["-TERM", &one.to_string()])
        .status();
    assert!(killed.await.unwrap().success());
    assert!(soon(unshare.wait()).await.unwrap().success());
    assert!(!socket.exists());
}
