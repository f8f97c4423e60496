//! The guest at the other end of a socket pair, against the same files and commands without a wire.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use backend_core::wire::{self, Remote};
use backend_core::{
    Backend as _, ExecRequest, ExecStatus, ReadBytesRequest, Sandbox as _, StatRequest, VirtualPath,
};
use backend_fs::FsBackend;
use sandbox_local::LocalSandbox;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::options::Options;
use crate::row::{Goal, Row};
use crate::table::Table;

/// How much more than the sandbox itself a call may take.
const EXTRA: Goal = Goal::Extra(60e3);

pub(crate) async fn run(options: &Options, table: &mut Table) {
    let guest = options.guest.as_ref().expect("the guest is missing");
    let root = tempfile::tempdir_in(&options.scratch).unwrap();
    let large = options.size(100_000_000, 1_000_000);
    std::fs::write(root.path().join("small.txt"), vec![b'x'; 1024]).unwrap();
    std::fs::write(root.path().join("large.bin"), vec![b'x'; large]).unwrap();
    let (remote, _child) = connect(guest, root.path()).await;
    let files = FsBackend::open(root.path()).unwrap();
    let direct = LocalSandbox::builder_without_isolation(files)
        .host_root(root.path())
        .build()
        .unwrap();
    let path = |name: &str| VirtualPath::parse(name).unwrap();
    let stat = StatRequest::new(path("/small.txt"));
    let small = ReadBytesRequest::new(path("/small.txt"));
    let large_read = ReadBytesRequest::new(path("/large.bin"));
    let command = ExecRequest::shell("true");

    assert_eq!(
        remote.stat_with(&stat).await.unwrap(),
        direct.stat_with(&stat).await.unwrap()
    );
    assert_eq!(
        remote.read_bytes_with(&large_read).await.unwrap().bytes,
        direct.read_bytes_with(&large_read).await.unwrap().bytes
    );
    let status = remote.execute_with(&command).await.unwrap().status;
    assert_eq!(status, ExecStatus::Exited(0));

    let times = options.size(50, 2);
    let row = |name: &str, goal| Row::new(name, "LocalSandbox", goal);
    let (mut stats, mut reads) = (row("stat", EXTRA), row("read_bytes of 1 KB", EXTRA));
    for _ in 0..options.rounds(101) {
        stats.ours(nanos!(times, remote.stat_with(&stat).await.unwrap()));
        stats.theirs(nanos!(times, direct.stat_with(&stat).await.unwrap()));
        reads.ours(nanos!(times, remote.read_bytes_with(&small).await.unwrap()));
        reads.theirs(nanos!(times, direct.read_bytes_with(&small).await.unwrap()));
    }
    table.add(stats);
    table.add(reads);
    let mut commands = row("execute(\"true\")", EXTRA);
    let times = options.size(10, 1);
    // The side that runs first meets the machine in another state than the second: they alternate in that, too.
    for round in 0..options.rounds(101) {
        let mut ours = async || {
            commands.ours(nanos!(times, remote.execute_with(&command).await.unwrap()));
        };
        if round % 2 == 0 {
            ours().await;
        }
        let theirs = nanos!(times, direct.execute_with(&command).await.unwrap());
        if round % 2 == 1 {
            ours().await;
        }
        commands.theirs(theirs);
    }
    table.add(commands);
    let goal = Goal::Rate {
        bytes: large as f64,
        least: 1e9,
    };
    let mut transfers = row(&format!("read_bytes of {} MB", large / 1_000_000), goal);
    for _ in 0..options.rounds(15) {
        transfers.ours(nanos!(
            1,
            remote.read_bytes_with(&large_read).await.unwrap()
        ));
        transfers.theirs(nanos!(
            1,
            direct.read_bytes_with(&large_read).await.unwrap()
        ));
    }
    table.add(transfers);
    remote.close().await;
}

/// Starts a guest that serves a directory on one end of a socket pair, and connects to the other.
async fn connect(guest: &Path, root: &Path) -> (Remote, Child) {
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    let output = OwnedFd::from(far.try_clone().unwrap());
    let child = Command::new(guest)
        .arg("serve")
        .arg("--root")
        .arg(root)
        .stdin(Stdio::from(OwnedFd::from(far)))
        .stdout(Stdio::from(output))
        .kill_on_drop(true)
        .spawn()
        .expect("the guest does not start");
    near.set_nonblocking(true).unwrap();
    let stream = UnixStream::from_std(near).unwrap();
    (wire::connect(stream).await.unwrap(), child)
}
