//! Removals that hang: nothing else waits for them.

use std::fs;

use backend_core::{BackendExt, ErrorKind};
use backend_fs::FsBackend;

use super::{large, on_faulty};
use crate::faulty::Fault;
use crate::support::refused;

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
