//! Suites checked in one call, on subjects that share what is expensive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use backend_conformance::{Subject, Suite, populate};
use backend_core::VirtualPath;
use backend_state::StateBackend;

/// Makes subjects of directories in one store.
fn directories() -> impl FnMut() -> std::future::Ready<Subject> {
    let (store, count) = (Arc::new(StateBackend::new()), AtomicU32::new(0));
    move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let directory = VirtualPath::parse(format!("/laws/{number}")).unwrap();
        std::future::ready(Subject::new(Arc::clone(&store)).directory(directory))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_laws_about_files_hold_in_directories_of_one_store() {
    Suite::Files.check_all(4, directories()).await;
    let report = Suite::Files.report(4, directories()).await;
    assert_eq!(report.failed.len(), 0);
    let count = Suite::Files.laws().count();
    assert_eq!(report.checked.len() + report.skipped.len(), count);
    assert!(
        report.to_string().contains("without symbolic links: Y1 "),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_reported_with_its_law() {
    // A writable backend, for the suite of read-only ones.
    let writable = || async {
        let store = StateBackend::new();
        populate(&store).await.unwrap();
        store
    };
    let report = Suite::ReadOnly.report(2, writable).await;
    let failed: Vec<_> = report.failed.iter().map(|(law, _)| law.id).collect();
    assert_eq!(failed[..3], ["O1", "O3", "O4"], "{report}");
    let shown = report.to_string();
    assert!(
        shown.contains("\nO1 a_read_only_backend_says_so: "),
        "{shown}"
    );
    let all = tokio::spawn(Suite::ReadOnly.check_all(2, writable)).await;
    let panic = all.expect_err("it panics").into_panic();
    let words = panic.downcast_ref::<String>().expect("a text");
    assert!(words.contains("O3 a_write_is_refused: "), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_about_commands_are_skipped_for_a_backend_without_them() {
    let report = Suite::Commands
        .report(1, || async { StateBackend::new() })
        .await;
    assert!(
        report.checked.is_empty() && report.failed.is_empty(),
        "{report}"
    );
    assert!(
        report.to_string().contains("without commands: CL1 "),
        "{report}"
    );
}

/// As in a container that all laws share.
#[cfg(target_os = "linux")]
mod on_one_sandbox {
    use backend_core::Sandbox;
    use backend_fs::FsBackend;
    use sandbox_local::LocalSandbox;
    use tempfile::TempDir;

    use super::*;

    fn sandbox() -> (Arc<dyn Sandbox>, Arc<TempDir>) {
        let backend = FsBackend::open("/").unwrap();
        let sandbox = LocalSandbox::without_isolation(backend, "/").unwrap();
        (Arc::new(sandbox), Arc::new(tempfile::tempdir().unwrap()))
    }

    fn directories() -> impl FnMut() -> std::future::Ready<Subject> {
        let ((sandbox, place), count) = (sandbox(), AtomicU32::new(0));
        let base = place.path().canonicalize().unwrap();
        let base = VirtualPath::parse(base.to_str().unwrap()).unwrap();
        move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let directory = base.child(&number.to_string()).unwrap();
            let subject = Subject::sandbox(Arc::clone(&sandbox))
                .directory(directory)
                .one_root()
                .others_use_it()
                .keep(Arc::clone(&place));
            std::future::ready(subject)
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_laws_hold() {
        Suite::Files.check_all(4, directories()).await;
        Suite::Commands.check_all(4, directories()).await;
    }
}
