//! What is confirmed: by the file system when a file is closed, and by the disk before a power loss.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use backend_core::{Backend, BackendExt, EditRequest, ErrorKind, RenameRequest};
use backend_fs::{Durability, FsBackend};

use crate::disks::alone;
use crate::mounts::{Bench, can_mount, names, sh, tree};
use crate::support::{
    Host, argument_of_child, child, fully_durable, is_root, p, refused, run, skip,
};

const OLD: &str = "old content, which was on the disk\n";
const NEW: &str = "new content, which may or may not be on the disk\n";

/// Every way in which a file takes the place of another one.
async fn replace_all(root: &str, durability: Durability) {
    let backend = FsBackend::builder(root).durability(durability);
    let backend = backend.build().unwrap();
    backend.write("/written", NEW).await.unwrap();
    let edit = EditRequest::new(p("/edited"), OLD, NEW);
    backend.edit_with(&edit).await.unwrap();
    // Its own content was written without any flush.
    fs::write(format!("{root}/made"), NEW).unwrap();
    let over = RenameRequest::new(p("/made"), p("/moved-over")).overwrite();
    backend.rename_with(&over).await.unwrap();
    backend.write("/new/file", NEW).await.unwrap();
}

/// Returns the content of the files after a power loss at the moment when all of it was done, and another program flushed.
fn after_power_loss(mkfs: &[&str], megabytes: u64, durability: Durability) -> Vec<Option<String>> {
    let mut bench = Bench::new();
    let root = bench.disk(mkfs, megabytes, "root");
    for name in ["written", "edited", "moved-over", "other"] {
        fs::write(format!("{root}/{name}"), OLD).unwrap();
    }
    sh("sync", ["-f", &root]);
    run(replace_all(&root, durability));
    // Another program flushes something, and with it the current names of all of it.
    fs::write(format!("{root}/other"), NEW).unwrap();
    fs::File::open(format!("{root}/other"))
        .unwrap()
        .sync_all()
        .unwrap();
    let (image, copy) = (bench.at("root.img"), bench.at("copy.img"));
    sh("cp", ["--sparse=always", &image, &copy]);
    let options = match mkfs[0] {
        "mkfs.xfs" => "loop,nouuid",
        _ => "loop",
    };
    let after = bench.mount("mount", &["-o", options, &copy], "after");
    ["written", "edited", "moved-over", "new/file"]
        .iter()
        .map(|name| fs::read_to_string(format!("{after}/{name}")).ok())
        .collect()
}

#[test]
fn a_power_loss_does_not_lose_existing_content() {
    if !can_mount(&["mount", "mkfs.ext4", "mkfs.xfs"]) {
        return;
    }
    let xfs: &[&str] = &["mkfs.xfs", "-q", "-f"];
    let ext4: &[&str] = &["mkfs.ext4", "-q", "-F"];
    for (mkfs, megabytes) in [(xfs, 320), (ext4, 64)] {
        let found = after_power_loss(mkfs, megabytes, Durability::Content);
        for content in &found[..3] {
            let whole = content.as_deref().is_some_and(|it| it == OLD || it == NEW);
            assert!(whole, "{mkfs:?}: {found:?}");
        }
        let found = after_power_loss(mkfs, megabytes, Durability::Full);
        assert!(
            found.iter().all(|content| content.as_deref() == Some(NEW)),
            "{mkfs:?}: {found:?}"
        );
    }
}

/// In a process of its own: a child that another test starts would briefly have the files open, and close them first.
#[test]
fn an_error_that_comes_with_the_close_is_an_error() {
    alone(&["mount", "mkfs.ext4", "sshfs"], |_| tell_on_close());
}

fn tell_on_close() {
    let Some(server) = ["/usr/lib/openssh/sftp-server", "/usr/lib/ssh/sftp-server"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap())
    else {
        return skip("there is no sftp-server");
    };
    let mut bench = Bench::new();
    let remote = bench.disk(&["mkfs.ext4", "-q", "-m", "0"], 8, "remote");
    let kept = bench.dir("remote/w");
    fs::write(format!("{kept}/doc.txt"), "old").unwrap();
    // All but 64 KB of the disk is used.
    let mut fill = fs::File::create(format!("{remote}/fill")).unwrap();
    let piece = vec![0; 4096];
    let mut used = 0;
    loop {
        while std::io::Write::write_all(&mut fill, &piece).is_ok() {}
        // Reserved space that was not needed is free again.
        fill.sync_all().unwrap();
        let now = fill.metadata().unwrap().len();
        if now == used {
            break;
        }
        used = now;
    }
    fill.set_len(used - (64 << 10)).unwrap();
    fill.sync_all().unwrap();
    let script = bench.at("ssh.sh");
    fs::write(&script, format!("#!/bin/sh\nexec {server}\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let root = bench.dir("root");
    let command = format!("ssh_command={script}");
    let far = format!("host:{kept}");
    bench.mount("sshfs", &["-o", &command, &far], "root/far");
    let thesis = "a line of the thesis\n".repeat(25_000);
    fs::write(format!("{root}/thesis.txt"), &thesis).unwrap();
    let before = tree(&kept);
    run(async {
        let backend = FsBackend::open(&root).unwrap();
        for outcome in [
            backend
                .write("/far/doc.txt", thesis.as_str())
                .await
                .map(drop),
            backend
                .write("/far/new.txt", thesis.as_str())
                .await
                .map(drop),
            backend
                .edit("/far/doc.txt", "old", thesis.as_str())
                .await
                .map(drop),
            backend
                .rename("/thesis.txt", "/far/thesis.txt")
                .await
                .map(drop),
        ] {
            assert!(outcome.is_err(), "{:?}", tree(&kept));
        }
        assert_eq!(backend.read("/far/doc.txt").await.unwrap().text, "old");
    });
    assert_eq!(tree(&kept), before);
    assert_eq!(
        fs::read_to_string(format!("{root}/thesis.txt")).unwrap(),
        thesis
    );
}

const NOBODY: u32 = 65534;

/// Starts a program for which a call of the system has another outcome.
const WITHOUT_CALL: &str = r#"
my ($prctl, $call, $outcome, @program) = @ARGV;
my @steps = ([0x20, 0, 0, 0], [0x15, 0, 1, $call], [0x06, 0, 0, hex $outcome], [0x06, 0, 0, 0x7fff0000]);
my $steps = join "", map { pack "SCCL", @$_ } @steps;
my $filter = pack "S x6 P", scalar(@steps), $steps;
syscall($prctl + 0, 38, 1, 0, 0, 0) == 0 or exit 77;
syscall($prctl + 0, 22, 2, $filter) == 0 or exit 77;
exec { $program[0] } @program;
"#;

/// The outcomes that the kernel gives a call instead: the end of the process, and `EIO`.
const KILLED: &str = "80000000";
const FAILS: &str = "00050005";

/// The numbers of `prctl`, `sync` and `syncfs` here.
const CALLS: [i32; 3] = if cfg!(target_arch = "x86_64") {
    [157, 162, 306]
} else {
    [167, 81, 267]
};

/// A directory `drop` in which `nobody` can change entries and not list them, with a file that is not readable.
fn with_drop() -> Option<Host> {
    if !is_root() {
        skip("it takes root to become another user");
        return None;
    }
    let host = Host::new();
    fs::set_permissions(host.base(), fs::Permissions::from_mode(0o755)).unwrap();
    host.put("drop/sealed", "sealed");
    let drop = host.root().join("drop");
    std::os::unix::fs::chown(&drop, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&drop, fs::Permissions::from_mode(0o311)).unwrap();
    let sealed = fs::Permissions::from_mode(0o600);
    fs::set_permissions(drop.join("sealed"), sealed).unwrap();
    Some(host)
}

#[test]
fn a_change_in_an_unreadable_directory_is_reported_as_done() {
    if let Some(root) = argument_of_child("full-as-nobody") {
        return run(async {
            let backend = fully_durable(&root);
            backend.write("/drop/f", "one").await.unwrap();
            backend.write("/drop/f", "two").await.unwrap();
            backend.edit("/drop/f", "two", "three").await.unwrap();
            backend.rename("/drop/f", "/drop/g").await.unwrap();
            backend.mkdir("/drop/d").await.unwrap();
            backend.delete("/drop/g").await.unwrap();
            backend.rename("/drop/sealed", "/drop/e").await.unwrap();
        });
    }
    let Some(host) = with_drop() else {
        return;
    };
    let name = "durable::a_change_in_an_unreadable_directory_is_reported_as_done";
    let status = child(name, "full-as-nobody", host.root())
        .uid(NOBODY)
        .gid(NOBODY)
        .status();
    assert!(status.unwrap().success());
    let drop = host.root().join("drop");
    assert_eq!(names(drop.to_str().unwrap()), ["d", "e"]);
}

#[test]
fn a_change_in_an_unreadable_directory_waits_for_its_disk_alone_and_reports_its_errors() {
    if !cfg!(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )) {
        return skip("it needs the numbers of the calls of this system");
    }
    let [prctl, sync, syncfs] = CALLS.map(|call| call.to_string());
    let without = |command: &Command, call: &str, outcome: &str| {
        let mut without = Command::new("perl");
        without
            .args(["-e", WITHOUT_CALL, &prctl, call, outcome])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .uid(NOBODY)
            .gid(NOBODY);
        without.status()
    };
    let Some(host) = with_drop() else {
        return;
    };
    let none = without(&Command::new("true"), &sync, KILLED);
    if !none.is_ok_and(|status| status.success()) {
        return skip("there is no perl, or no filter of calls");
    }
    let name = "durable::a_change_in_an_unreadable_directory_is_reported_as_done";
    let changes = child(name, "full-as-nobody", host.root());
    let status = without(&changes, &sync, KILLED).unwrap();
    assert!(status.success(), "{status}");
    let name = "durable::a_child_whose_disk_fails_to_flush";
    let failing = child(name, "flush-fails", host.root());
    let status = without(&failing, &syncfs, FAILS).unwrap();
    assert!(status.success(), "{status}");
}

/// The child. Elsewhere it is an empty test.
#[test]
fn a_child_whose_disk_fails_to_flush() {
    let Some(root) = argument_of_child("flush-fails") else {
        return;
    };
    run(async {
        let backend = fully_durable(&root);
        let kind = ErrorKind::Unavailable;
        refused(backend.write("/drop/f", "one").await, kind);
        refused(backend.mkdir("/drop/n").await, kind);
        refused(backend.rename("/drop/e", "/drop/x").await, kind);
        refused(backend.delete("/drop/f").await, kind);
    });
}
