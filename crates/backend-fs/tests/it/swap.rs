//! The race: a directory is exchanged with a link that leads out, as fast as the system can, while every
//! operation goes through it. The control shows that a check before the open loses this race.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, Error, GlobRequest, GrepRequest, WriteMode,
    WriteRequest,
};
use backend_fs::FsBackend;
use rustix::fs::{RenameFlags, renameat_with};

use crate::support::{Background, Host, SECRET, p, run};

/// Exchanges `root/dir` with `root/link`, over and over, until it is dropped. Returns the count of exchanges
/// too.
fn swap(root: &Path) -> (Background, Arc<AtomicU64>) {
    let dir = File::open(root).unwrap();
    let swaps = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&swaps);
    let swapping = Background::start(move || {
        // It fails while one of them is removed.
        if renameat_with(&dir, "dir", &dir, "link", RenameFlags::EXCHANGE).is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (swapping, swaps)
}

fn arena() -> Host {
    let host = Host::new();
    host.put("dir/f", "inside");
    host.put("dir/sub/f", "inside");
    host.link("link", "../outside");
    host
}

/// Restores what an operation removed, where the swap allows it.
fn restock(host: &Host) {
    use cap_std::{ambient_authority, fs::Dir};
    let dir = Dir::open_ambient_dir(host.root(), ambient_authority()).unwrap();
    let is_link = |name: &str| {
        dir.symlink_metadata(name)
            .is_ok_and(|meta| meta.is_symlink())
    };
    if !is_link("dir") && !is_link("link") {
        let _ = dir.remove_dir_all("link");
        let _ = dir.symlink("../outside", "link");
    }
    // Confined, so that a swap in between leads nowhere.
    for name in ["dir", "link"] {
        let _ = dir.create_dir_all(format!("{name}/sub"));
        let _ = dir.write(format!("{name}/f"), "inside");
        let _ = dir.write(format!("{name}/sub/f"), "inside");
    }
}

/// Runs round after round of an operation while the directory is swapped, and checks each answer.
fn race(rounds: usize, chroot: bool, round: impl AsyncFn(&FsBackend, usize) -> String) {
    let host = arena();
    let before = host.snapshot_outside();
    let builder = FsBackend::builder(host.root());
    let builder = if chroot {
        builder.links_within_root()
    } else {
        builder
    };
    let backend = builder.build().unwrap();
    let (swapper, swaps) = swap(&host.root());
    run(async {
        let deadline = Instant::now() + Duration::from_secs(5);
        for n in 0..rounds {
            if Instant::now() > deadline {
                break;
            }
            if n % 16 == 0 {
                restock(&host);
            }
            let shown = round(&backend, n).await;
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(!shown.contains("only-outside"), "{shown}");
        }
    });
    let swaps = swaps.load(Ordering::Relaxed);
    drop(swapper);
    assert!(swaps > 0, "nothing was swapped");
    assert_eq!(host.snapshot_outside(), before);
}

/// Returns the outcome of an operation. A refusal repeats the request, and does not count.
fn shown<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    outcome.map_or_else(|_| String::new(), |value| format!("{value:?}"))
}

#[test]
fn the_control_escapes() {
    let host = arena();
    let root = host.root().canonicalize().unwrap();
    let (swapper, _) = swap(&host.root());
    let deadline = Instant::now() + Duration::from_secs(300);
    let mut escaped = false;
    while !escaped {
        assert!(Instant::now() < deadline, "the race no longer occurs");
        let path = root.join("dir/f");
        // What a backend without handles does: resolve, compare, open.
        let is_inside = path
            .canonicalize()
            .is_ok_and(|path| path.starts_with(&root));
        if is_inside {
            escaped = std::fs::read_to_string(&path).is_ok_and(|text| text == SECRET);
        }
    }
    drop(swapper);
}

#[test]
fn reads_stay_inside() {
    race(4000, false, async |backend, _| {
        shown(backend.read("/dir/f").await) + &shown(backend.read_bytes("/dir/f").await)
    });
}

#[test]
fn listings_stay_inside() {
    race(2000, false, async |backend, _| {
        shown(backend.ls("/dir").await) + &shown(backend.stat("/dir/only-outside").await)
    });
}

#[test]
fn writes_stay_inside() {
    race(2000, false, async |backend, n| {
        let new = WriteRequest::new(p(&format!("/dir/new-{}", n % 64)), "new");
        let new = new.mode(WriteMode::CreateNew);
        shown(backend.write("/dir/f", "intruder").await)
            + &shown(
                backend
                    .write(format!("/dir/deep/{}/f", n % 8), "intruder")
                    .await,
            )
            + &shown(backend.write_with(&new).await)
    });
}

#[test]
fn edits_stay_inside() {
    race(2000, false, async |backend, _| {
        let back = EditRequest::new(p("/dir/f"), "edited", "inside");
        shown(backend.edit("/dir/f", "inside", "edited").await)
            + &shown(backend.edit_with(&back).await)
            + &shown(backend.edit("/dir/f", SECRET, "intruder").await)
    });
}

#[test]
fn deletes_stay_inside() {
    race(2000, false, async |backend, n| {
        let tree = DeleteRequest::new(p("/dir/sub")).recursive();
        let all = DeleteRequest::new(p(if n % 8 == 7 { "/dir" } else { "/dir/deep" }));
        shown(backend.delete("/dir/f").await)
            + &shown(backend.delete_with(&tree).await)
            + &shown(backend.delete_with(&all.recursive()).await)
            + &shown(backend.delete("/dir/only-outside").await)
    });
}

#[test]
fn renames_and_mkdirs_stay_inside() {
    race(1500, false, async |backend, n| {
        let there = format!("/dir/there-{}", n % 32);
        shown(backend.mkdir(format!("/dir/made/{}", n % 32)).await)
            + &shown(backend.write("/own", "own").await)
            + &shown(backend.rename("/own", there.as_str()).await)
            + &shown(backend.rename("/dir/sub", "/dir/moved").await)
            + &shown(backend.rename("/dir/moved", "/dir/sub").await)
            + &shown(backend.rename("/dir/f", format!("/taken-{n}")).await)
            + &shown(backend.read(format!("/taken-{n}")).await)
    });
}

#[test]
fn searches_stay_inside() {
    race(1500, false, async |backend, _| {
        let all = GlobRequest::new("**").directories().hidden();
        let secret = GrepRequest::new("secret").path(p("/dir"));
        shown(backend.glob_with(&all).await)
            + &shown(backend.glob("dir/*").await)
            + &shown(backend.glob("dir/sub/f").await)
            + &shown(backend.grep("inside|secret").await)
            + &shown(backend.grep_with(&secret).await)
    });
}

#[test]
fn a_chroot_stays_inside() {
    race(1000, true, async |backend, n| {
        let tree = DeleteRequest::new(p("/dir/sub")).recursive();
        shown(backend.read("/dir/f").await)
            + &shown(backend.ls("/dir").await)
            + &shown(
                backend
                    .write(format!("/dir/new-{}", n % 64), "intruder")
                    .await,
            )
            + &shown(backend.edit("/dir/f", "inside", "inside!").await)
            + &shown(backend.grep("inside|secret").await)
            + &shown(backend.delete_with(&tree).await)
    });
}
