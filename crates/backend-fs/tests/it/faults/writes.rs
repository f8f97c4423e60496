//! Changes on file systems that fail: each happens completely or not at all, and the error says so.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use backend_core::{
    Backend, BackendExt, DeleteRequest, EditRequest, ErrorKind, RenameRequest, Replacement,
    WriteMode, WriteRequest,
};
use backend_fs::{Durability, FsBackend};

use super::{files, large, on_faulty};
use crate::disks::Mount;
use crate::faulty::{Fault, Faulty};
use crate::mounts::tree;
use crate::support::{fully_durable, p, refused};

/// Checks that replacing `/old` is refused in every way, and that everything is unchanged.
async fn nothing_changes(faulty: &mut Faulty, faults: &[Fault], kind: ErrorKind) {
    fs::write(faulty.source().join("old"), large("old")).unwrap();
    fs::write(faulty.source().join("from"), large("from")).unwrap();
    let before = files(faulty.source());
    faulty.set(faults);
    for backend in [faulty.backend(), fully_durable(faulty.root())] {
        refused(backend.write("/old", large("new")).await, kind);
        let edit = EditRequest::exact(p("/old"), vec![Replacement::all("old", "new")]);
        refused(backend.edit_with(&edit).await, kind);
        assert!(files(faulty.source()) == before, "{faults:?}");
    }
}

#[test]
fn a_full_disk_keeps_the_old_content() {
    on_faulty(async |faulty| {
        nothing_changes(faulty, &[Fault::DiskFull], ErrorKind::QuotaExceeded).await;
        refused(
            faulty.backend().write("/a/b/new", large("new")).await,
            ErrorKind::QuotaExceeded,
        );
        assert!(!faulty.source().join("a").exists(), "the parents remain");
    });
}

#[test]
fn a_write_that_fails_at_the_close_changes_nothing() {
    on_faulty(async |faulty| {
        for faults in [
            &[Fault::LostAtClose][..],
            // Only the close reports it.
            &[Fault::LostAtClose, Fault::NoSync],
        ] {
            nothing_changes(faulty, faults, ErrorKind::QuotaExceeded).await;
            refused(
                faulty.backend().write("/new", large("new")).await,
                ErrorKind::QuotaExceeded,
            );
            assert!(!faulty.source().join("new").exists(), "{faults:?}");
        }
    });
}

#[test]
fn a_move_onto_a_disk_that_fails_at_the_close_keeps_both_files() {
    on_faulty(async |faulty| {
        let dir = faulty.source().parent().unwrap().join("both");
        for part in ["far", "near"] {
            fs::create_dir_all(dir.join(part)).unwrap();
        }
        fs::write(dir.join("near/thesis"), large("thesis")).unwrap();
        fs::write(faulty.source().join("old"), "old").unwrap();
        let _far = Mount::new(&["--bind"], faulty.root(), &dir.join("far"));
        faulty.set(&[Fault::LostAtClose, Fault::NoSync]);
        let backend = FsBackend::open(&dir).unwrap();
        for (target, mode) in [
            ("/far/old", "over"),
            ("/far/new", "new"),
            ("/far/a/b", "deep"),
        ] {
            let request = RenameRequest::new(p("/near/thesis"), p(target)).overwrite();
            let error = backend.rename_with(&request).await;
            let error = error.expect_err(mode);
            assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{mode}: {error:?}");
        }
        let source = files(&dir.join("near"));
        assert_eq!(source.len(), 1);
        assert!(source["thesis"] == large("thesis"));
        let target = files(faulty.source());
        assert_eq!(target.len(), 1, "{:?}", target.keys());
        assert_eq!(target["old"], "old");
    });
}

#[test]
fn a_move_that_cannot_be_finished_or_undone_says_why_and_what_is_left() {
    on_faulty(async |faulty| {
        let dir = faulty.source().parent().unwrap().join("both");
        for part in ["near/tree", "far"] {
            fs::create_dir_all(faulty.source().join(part)).unwrap();
        }
        for name in ["bad", "tree/a", "tree/bad"] {
            fs::write(faulty.source().join("near").join(name), name).unwrap();
        }
        // The system does not rename from one mount to another.
        let _mounts = ["near", "far"]
            .map(|part| Mount::new(&["--bind"], &faulty.root().join(part), &dir.join(part)));
        faulty.set(&[Fault::RemoveFails]);
        let backend = FsBackend::open(&dir).unwrap();
        for (from, to, left) in [
            (
                "/near/bad",
                "/far/bad",
                "it was copied to /far/bad, but the original cannot be removed: both exist now",
            ),
            (
                "/near/tree",
                "/far/tree",
                "it was copied, but not all of the original could be removed: the rest is at both paths",
            ),
        ] {
            let error = refused(backend.rename(from, to).await, ErrorKind::Unavailable);
            let text = error.to_string();
            assert!(text.contains("failed to read or write"), "{text}");
            assert!(text.ends_with(&format!("; {left}")), "{text}");
        }
        for name in [
            "near/bad",
            "far/bad",
            "near/tree/bad",
            "far/tree/bad",
            "far/tree/a",
        ] {
            assert!(faulty.source().join(name).exists(), "{name}");
        }
        assert!(!faulty.source().join("near/tree/a").exists());
    });
}

#[test]
fn a_directory_moves_from_and_to_a_disk_that_interrupts_calls() {
    on_faulty(async |faulty| {
        let dir = faulty.source().parent().unwrap().join("both");
        fs::create_dir_all(dir.join("near/tree/sub")).unwrap();
        fs::write(dir.join("near/tree/sub/f"), large("thesis")).unwrap();
        let _far = Mount::new(&["--bind"], faulty.root(), &dir.join("far"));
        let backend = FsBackend::open(&dir).unwrap();
        for fault in [Fault::OpenInterrupted, Fault::ReadInterrupted] {
            faulty.set(&[fault]);
            backend.rename("/near/tree", "/far/tree").await.unwrap();
            faulty.set(&[fault]);
            backend.rename("/far/tree", "/near/tree").await.unwrap();
            let moved = fs::read_to_string(dir.join("near/tree/sub/f")).unwrap();
            assert!(moved == large("thesis"), "{fault:?}");
            assert!(files(faulty.source()).is_empty(), "{fault:?}");
        }
    });
}

/// What another program does to a directory.
type Change = fn(&Path);

#[test]
fn a_directory_is_taken_back_only_if_nothing_was_written_into_it_meanwhile() {
    on_faulty(async |faulty| {
        let dir = faulty.source().parent().unwrap().join("both");
        let (near, slow) = (dir.join("near/tree"), faulty.source().join("slow"));
        let far = slow.join("tree");
        for dir in [&near.join("sub"), &slow] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(near.join("sub/f"), "old").unwrap();
        let _far = Mount::new(&["--bind"], faulty.root(), &dir.join("far"));
        let changes: [(&str, Change); 4] = [
            ("nothing", |_| {}),
            ("new", |far| {
                fs::write(far.join("sub/late"), "late").unwrap()
            }),
            ("rewritten", |far| {
                fs::write(far.join("sub/f"), "new").unwrap()
            }),
            ("another", |far| {
                fs::rename(far, far.with_extension("moved")).unwrap();
                fs::create_dir(far).unwrap();
            }),
        ];
        for (what, change) in changes {
            faulty.set(&[Fault::DirSyncHangs]);
            let backend = FsBackend::open(&dir).unwrap();
            let moving =
                tokio::spawn(async move { backend.rename("/near/tree", "/far/slow/tree").await });
            while !far.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            change(&far);
            let before = tree(far.to_str().unwrap());
            // The disk does not have the copy, so the original stays.
            faulty.set(&[Fault::DirSyncFails]);
            let error = refused(moving.await.unwrap(), ErrorKind::Unavailable);
            assert_eq!(fs::read(near.join("sub/f")).unwrap(), b"old", "{what}");
            if what == "nothing" {
                assert!(files(&slow).is_empty());
                continue;
            }
            let text = error.to_string();
            assert!(text.ends_with("both exist now"), "{what}: {text}");
            assert_eq!(tree(far.to_str().unwrap()), before, "{what}");
            let left = files(&slow);
            assert!(
                !left.keys().any(|name| name.starts_with(".~ab-")),
                "{left:?}"
            );
            fs::remove_dir_all(&far).unwrap();
        }
    });
}

#[test]
fn a_disk_that_cannot_flush_a_file_changes_nothing() {
    on_faulty(async |faulty| {
        nothing_changes(faulty, &[Fault::SyncFails], ErrorKind::Unavailable).await;
    });
}

#[test]
fn a_rename_that_fails_changes_nothing() {
    on_faulty(async |faulty| {
        nothing_changes(faulty, &[Fault::RenameFails], ErrorKind::Unavailable).await;
        let backend = faulty.backend();
        let before = files(faulty.source());
        refused(backend.rename("/old", "/x/y").await, ErrorKind::Unavailable);
        let over = RenameRequest::new(p("/old"), p("/from")).overwrite();
        refused(backend.rename_with(&over).await, ErrorKind::Unavailable);
        assert!(files(faulty.source()) == before);
    });
}

#[test]
fn without_replacing_renames_no_file_is_lost() {
    on_faulty(async |faulty| {
        fs::write(faulty.source().join("f"), "old").unwrap();
        fs::write(faulty.source().join("g"), "other").unwrap();
        let before = files(faulty.source());
        faulty.set(&[Fault::NoClobber]);
        let backend = faulty.backend();
        backend.write("/f", "new").await.unwrap_err();
        backend.edit("/f", "old", "new").await.unwrap_err();
        let over = RenameRequest::new(p("/f"), p("/g")).overwrite();
        backend.rename_with(&over).await.unwrap_err();
        assert_eq!(files(faulty.source()), before);
        backend.write("/new", "new").await.unwrap();
        assert_eq!(files(faulty.source())["new"], "new");
    });
}

#[test]
fn a_directory_without_flush_support_has_nothing_to_flush() {
    on_faulty(async |faulty| {
        faulty.set(&[Fault::NoDirSync, Fault::NoSync]);
        let backend = fully_durable(faulty.root());
        backend.write("/d/f", "one").await.unwrap();
        backend.edit("/d/f", "one", "two").await.unwrap();
        backend.mkdir("/d/e").await.unwrap();
        backend.rename("/d/f", "/d/e/g").await.unwrap();
        assert_eq!(backend.read_bytes("/d/e/g").await.unwrap(), "two");
        backend.delete("/d/e/g").await.unwrap();
        let all = DeleteRequest::new(p("/d")).recursive();
        backend.delete_with(&all).await.unwrap();
        assert!(files(faulty.source()).is_empty());
    });
}

#[test]
fn a_failed_flush_of_a_directory_is_reported() {
    on_faulty(async |faulty| {
        fs::write(faulty.source().join("f"), "one").unwrap();
        faulty.set(&[Fault::DirSyncFails]);
        let backend = fully_durable(faulty.root());
        let kind = ErrorKind::Unavailable;
        refused(backend.edit("/f", "one", "two").await, kind);
        let left = files(faulty.source());
        assert_eq!(left.len(), 1);
        assert!(["one", "two"].contains(&left["f"].as_str()), "{left:?}");
        refused(backend.write("/new", "new").await, kind);
        refused(backend.mkdir("/d").await, kind);
        // Without that durability no flush is requested.
        let usual = faulty.backend();
        usual.write("/f", "three").await.unwrap();
        assert_eq!(files(faulty.source())["f"], "three");
    });
}

fn mode(dir: &Path, name: &str) -> u32 {
    fs::metadata(dir.join(name)).unwrap().mode() & 0o7777
}

#[test]
fn without_chmod_files_can_be_written_and_no_permission_is_gained() {
    on_faulty(async |faulty| {
        for fault in [Fault::NoChmod, Fault::ChmodDenied, Fault::ChmodIgnored] {
            let file = faulty.source().join("f");
            faulty.set(&[]);
            for old in [0o600, 0o664, 0o755, 0o640] {
                fs::write(&file, "one").unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(old)).unwrap();
                faulty.set(&[fault]);
                let backend = faulty.backend();
                backend.edit("/f", "one", "two").await.unwrap();
                backend.write("/f", "three").await.unwrap();
                assert_eq!(files(faulty.source())["f"], "three");
                let new = mode(faulty.source(), "f");
                assert_eq!(new & !old, 0, "{fault:?}: {old:o} became {new:o}");
                assert_eq!(
                    new & 0o700,
                    old & 0o700,
                    "{fault:?}: {old:o} became {new:o}"
                );
                faulty.set(&[]);
            }
            faulty.set(&[fault]);
            let backend = faulty.backend();
            backend.write("/new", "one").await.unwrap();
            backend.edit("/new", "one", "two").await.unwrap();
            backend.delete("/new").await.unwrap();
            assert_eq!(files(faulty.source()).len(), 1, "{fault:?}");
        }
    });
}

#[test]
fn a_file_without_any_right_is_refused_or_written_whole() {
    on_faulty(async |faulty| {
        fs::write(faulty.source().join("f"), "one").unwrap();
        faulty.set(&[Fault::NoModes]);
        let outcome = faulty.backend().edit("/f", "one", "two").await;
        let left = files(faulty.source());
        assert_eq!(left.len(), 1);
        let want = if outcome.is_ok() { "two" } else { "one" };
        assert_eq!(left["f"], want, "{outcome:?}");
    });
}

#[test]
fn files_without_links_can_be_written() {
    on_faulty(async |faulty| {
        faulty.set(&[Fault::NoLinkCount]);
        let backend = faulty.backend();
        backend.write("/d/f", "one").await.unwrap();
        backend.write("/d/f", "two").await.unwrap();
        backend.edit("/d/f", "two", "three").await.unwrap();
        backend.mkdir("/empty").await.unwrap();
        assert!(backend.ls("/empty").await.unwrap().items.is_empty());
        backend.rename("/d/f", "/d/g").await.unwrap();
        assert_eq!(backend.read_bytes("/d/g").await.unwrap(), "three");
        assert_eq!(backend.grep("three").await.unwrap().matches.len(), 1);
        let all = DeleteRequest::new(p("/d")).recursive();
        backend.delete_with(&all).await.unwrap();
        let left = files(faulty.source());
        assert_eq!(left.into_keys().collect::<Vec<_>>(), ["empty/"]);
    });
}

#[test]
fn inodes_that_change_their_number_lose_nothing() {
    on_faulty(async |faulty| {
        fs::write(faulty.source().join("f"), "one").unwrap();
        faulty.set(&[Fault::RandomInodes]);
        let backend = faulty.backend();
        assert_eq!(backend.read_bytes("/f").await.unwrap(), "one");
        let outcome = backend.edit("/f", "one", "two").await;
        let left = files(faulty.source());
        assert_eq!(left.len(), 1, "{left:?}");
        let want = if outcome.is_ok() { "two" } else { "one" };
        assert_eq!(left["f"], want, "{outcome:?}");
        if let Err(error) = outcome {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::Conflict | ErrorKind::Unsupported),
                "{error:?}"
            );
        }
    });
}

#[test]
fn a_file_is_made_once_without_links_and_without_renames_that_replace_nothing() {
    on_faulty(async |faulty| {
        for (number, faults) in [
            &[Fault::NoLinks][..],
            &[Fault::NoRenameFlags],
            &[Fault::NoLinks, Fault::NoRenameFlags],
        ]
        .into_iter()
        .enumerate()
        {
            faulty.set(faults);
            let backend = faulty.backend();
            let path = format!("/f{number}");
            let new =
                |text: &'static str| WriteRequest::new(p(&path), text).mode(WriteMode::CreateNew);
            backend.write_with(&new("one")).await.unwrap();
            let again = backend.write_with(&new("two")).await;
            refused(again, ErrorKind::AlreadyExists);
            backend.write("/other", "other").await.unwrap();
            refused(
                backend.rename("/other", &*path).await,
                ErrorKind::AlreadyExists,
            );
            backend.rename("/other", "/moved").await.unwrap();
            backend.delete("/moved").await.unwrap();
            assert_eq!(files(faulty.source()).len(), number + 1, "{faults:?}");
        }
    });
}

#[test]
fn short_writes_and_interrupted_calls_continue() {
    on_faulty(async |faulty| {
        faulty.set(&[
            Fault::ShortWrites,
            Fault::ShortReads,
            Fault::OpenInterrupted,
            Fault::ReadInterrupted,
        ]);
        let backend = faulty.backend();
        backend.write("/f", large("one")).await.unwrap();
        let edit = EditRequest::exact(p("/f"), vec![Replacement::all("one", "two")]);
        backend.edit_with(&edit).await.unwrap();
        assert!(files(faulty.source())["f"] == large("two"));
        assert!(backend.read_bytes("/f").await.unwrap() == large("two"));
    });
}

#[test]
fn a_root_that_is_created_is_flushed_with_the_directories_above_it() {
    on_faulty(async |faulty| {
        faulty.set(&[Fault::DirSyncFails]);
        let open = |path: &str, durability| {
            FsBackend::builder(faulty.root().join(path))
                .create_root()
                .durability(durability)
                .build()
        };
        assert!(open("a/b", Durability::Full).is_err());
        // One that is there has nothing to flush, and without that durability nothing is.
        assert!(open("a", Durability::Full).is_ok());
        assert!(open("c/d", Durability::Content).is_ok());
        faulty.set(&[]);
        let open = FsBackend::builder(faulty.root().join("e/f"))
            .create_root()
            .durability(Durability::Full);
        open.build().unwrap();
        assert!(faulty.source().join("e/f").is_dir());
    });
}
