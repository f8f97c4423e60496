//! Removals that hang: nothing else waits for them, and nothing takes what they may have to put back.

use std::fs;

use backend_core::{Backend, BackendExt, ErrorKind, RenameRequest};
use backend_fs::FsBackend;

use super::{files, large, on_faulty};
use crate::disks::Mount;
use crate::faulty::Fault;
use crate::support::{p, refused};

#[test]
fn a_directory_whose_removal_hangs_delays_no_mkdir_elsewhere() {
    on_faulty(async |faulty| {
        let elsewhere = tempfile::tempdir_in(faulty.source().parent().unwrap()).unwrap();
        fs::create_dir(elsewhere.path().join("there")).unwrap();
        let healthy = FsBackend::open(elsewhere.path()).unwrap();
        faulty.set(&[Fault::DiskFull, Fault::RemovalHangs]);
        let hanging = faulty.backend();
        let large = large("new");
        let write = tokio::spawn(async move { hanging.write("/slow/f", large).await });
        faulty.wait_until_it_hangs();
        for path in ["/there", "/new", "/a/b"] {
            healthy.mkdir(path).await.unwrap();
        }
        healthy.write("/c/f", "x").await.unwrap();
        assert!(!write.is_finished(), "it was to hang all the while");
        // Whoever is told that the directory exists is told so after its removal.
        let confirming = faulty.backend();
        let confirm = tokio::spawn(async move { confirming.mkdir("/slow").await });
        faulty.set(&[]);
        refused(write.await.unwrap(), ErrorKind::QuotaExceeded);
        confirm.await.unwrap().unwrap();
        assert!(faulty.source().join("slow").is_dir());
    });
}

#[test]
fn the_file_that_a_move_replaced_is_no_leftover_until_the_move_succeeds() {
    on_faulty(async |faulty| {
        let dir = faulty.source().parent().unwrap().join("both");
        for part in ["far", "near"] {
            fs::create_dir_all(dir.join(part)).unwrap();
        }
        fs::write(faulty.source().join("slow"), "new").unwrap();
        fs::write(dir.join("far/f"), "old").unwrap();
        let _near = Mount::new(&["--bind"], faulty.root(), &dir.join("near"));
        faulty.set(&[Fault::RemovalHangs]);
        let backend = FsBackend::open(&dir).unwrap();
        let request = RenameRequest::new(p("/near/slow"), p("/far/f")).overwrite();
        let moving = tokio::spawn(async move { backend.rename_with(&request).await });
        // The copy is in its place, and the original is being removed.
        faulty.wait_until_it_hangs();
        let sweeper = FsBackend::open(dir.join("far")).unwrap();
        assert_eq!(sweeper.remove_leftovers().await.unwrap(), 0);
        let there = files(&dir.join("far"));
        assert_eq!(there.len(), 2, "{there:?}");
        assert!(there.values().any(|content| content == "old"));
        assert!(!moving.is_finished(), "it was to hang all the while");
        faulty.set(&[]);
        moving.await.unwrap().unwrap();
        let there = files(&dir.join("far"));
        assert_eq!(there.len(), 1, "{there:?}");
        assert_eq!(there["f"], "new");
    });
}
