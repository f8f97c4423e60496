//! Stored sessions: files across sandboxes, accurate records, and reading without a sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use backend_core::{Backend, BackendExt, ErrorKind, RuntimeConfig, Workspace};
use session_manager::{ListSessions, SessionOptions, SessionState, WorkspaceRoot};

use crate::support::{manager, provider, stored};

#[tokio::test]
async fn files_outlive_the_sandbox_the_session_and_the_manager() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let runtime = RuntimeConfig::builtin("node-minimal").unwrap();
    let options = SessionOptions::new()
        .runtime(runtime.clone())
        .tenant("acme")
        .env("A", "1");
    {
        let manager = stored(&provider, here.path()).await;
        let session = manager.get_or_create_with("a", &options).await.unwrap();
        let spec = provider.spec(&session.sandbox_id().unwrap()).unwrap();
        // The provider mounts it at the work directory of the runtime.
        assert_eq!(
            spec.workspace,
            Some(Workspace::HostDirectory(
                here.path().canonicalize().unwrap().join("a/workspace")
            ))
        );
        session.write("/f", "kept").await.unwrap();
        assert!(manager.shutdown().await.failures.is_empty());
    }
    let manager = stored(&provider, here.path()).await;
    assert_eq!(manager.recovered().stored, 1);
    let info = manager.info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Stored);
    assert_eq!(info.runtime.as_deref(), Some("node-minimal"));
    assert_eq!(info.tenant.as_deref(), Some("acme"));
    let acme = manager.scoped("acme").unwrap();
    let session = acme.get_or_create("a").await.unwrap();
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    let spec = provider.spec(&session.sandbox_id().unwrap()).unwrap();
    assert_eq!(spec.runtime, Some(runtime));
    assert_eq!(spec.env["A"], "1");
    let other = SessionOptions::new()
        .tenant("acme")
        .runtime(RuntimeConfig::builtin("python-web").unwrap());
    assert!(manager.get_or_create_with("a", &other).await.is_err());
}

#[tokio::test]
async fn the_files_of_two_users_are_separate() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    let one = manager.get_or_create("one").await.unwrap();
    let two = manager.get_or_create("two").await.unwrap();
    one.write("/secret", "one's").await.unwrap();
    assert_eq!(
        two.read("/secret").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(two.read("/../one/workspace/secret").await.is_err());
    // Other users of the host cannot enter at all.
    let mode = fs::metadata(here.path().join("one"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn stored_files_are_read_without_a_sandbox_and_cannot_be_changed() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/d/f", "text").await.unwrap();
    manager.release("a").await.unwrap();
    let files = manager.files("a").await.unwrap();
    assert_eq!(files.read("/d/f").await.unwrap().text, "text");
    assert_eq!(files.glob("**/*").await.unwrap().items.len(), 1);
    assert!(files.capabilities().read_only && !files.capabilities().executes);
    for error in [
        files.write("/d/f", "x").await.map(drop).unwrap_err(),
        files.edit("/d/f", "text", "x").await.map(drop).unwrap_err(),
        files.delete("/d/f").await.map(drop).unwrap_err(),
        files.mkdir("/e").await.map(drop).unwrap_err(),
        files.rename("/d/f", "/g").await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
    assert_eq!(provider.existing(), []);
    assert!(manager.files("b").await.is_err());
    manager.purge("a").await.unwrap();
    assert_eq!(
        manager.files("a").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

async fn read_only() -> backend_conformance::Subject {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    manager.get_or_create("a").await.unwrap();
    manager.release("a").await.unwrap();
    let workspace = here.path().join("a/workspace");
    let backend = backend_fs::FsBackend::open(&workspace).unwrap();
    backend_conformance::populate(&backend).await.unwrap();
    let files = manager.files("a").await.unwrap();
    backend_conformance::Subject::new(files)
        .host_path(here.path().display().to_string())
        .keep(here)
}

backend_conformance::read_only_laws!(stored_files, || async { read_only().await });

#[tokio::test]
async fn without_a_root_nothing_is_stored() {
    let manager = manager(&provider()).await;
    manager.get_or_create("a").await.unwrap();
    assert_eq!(
        manager.files("a").await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    manager.release("a").await.unwrap();
    assert_eq!(manager.info("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_purge_removes_the_files_and_the_id_starts_empty() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "x").await.unwrap();
    manager.purge("a").await.unwrap();
    assert!(!here.path().join("a").exists());
    assert!(session.read("/f").await.is_err());
    let anew = manager.get_or_create("a").await.unwrap();
    assert_eq!(
        anew.read("/f").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    // One closed, and one hibernated.
    manager.release("a").await.unwrap();
    manager.purge("a").await.unwrap();
    manager.get_or_create("a").await.unwrap();
    manager.hibernate("a").await.unwrap();
    manager.purge("a").await.unwrap();
    assert_eq!(manager.stats().open, 0);
    assert!(
        manager
            .list(&ListSessions::new())
            .await
            .unwrap()
            .sessions
            .is_empty()
    );
}

#[tokio::test]
async fn a_listing_is_in_order_and_can_be_continued() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    for number in 0..25 {
        let id = format!("s{number:02}");
        let options = SessionOptions::new().tenant(if number % 5 == 0 { "a" } else { "b" });
        manager.get_or_create_with(&id, &options).await.unwrap();
        match number % 3 {
            0 => manager.release(&id).await.unwrap(),
            1 => manager.hibernate(&id).await.unwrap(),
            _ => {}
        }
    }
    let mut all = Vec::new();
    let mut request = ListSessions::new().limit(4);
    loop {
        let page = manager.list(&request).await.unwrap();
        all.extend(page.sessions);
        if !page.truncated {
            break;
        }
        request = request.after(all.last().unwrap().id.clone());
    }
    let ids: Vec<_> = all.iter().map(|info| info.id.as_str().to_owned()).collect();
    let expected: Vec<_> = (0..25).map(|number| format!("s{number:02}")).collect();
    assert_eq!(ids, expected);
    let states: Vec<_> = all.iter().take(3).map(|info| info.state).collect();
    assert_eq!(
        states,
        [
            SessionState::Stored,
            SessionState::Hibernated,
            SessionState::Live
        ]
    );
    let of_a = manager
        .list(&ListSessions::new().tenant("a").limit(3))
        .await
        .unwrap();
    assert_eq!((of_a.sessions.len(), of_a.truncated), (3, true));
    assert!(manager.list(&ListSessions::new().limit(0)).await.is_err());
}

#[tokio::test]
async fn an_unreadable_record_is_reported_and_does_not_affect_other_sessions() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    {
        let manager = stored(&provider, here.path()).await;
        for id in ["good", "torn"] {
            let session = manager.get_or_create(id).await.unwrap();
            session.write("/f", id).await.unwrap();
        }
        let _ = manager.shutdown().await;
    }
    fs::write(
        here.path().join("torn/session.json"),
        "{\"version\": 1, \"id\"",
    )
    .unwrap();
    fs::create_dir(here.path().join("stranger")).unwrap();
    let manager = stored(&provider, here.path()).await;
    let unreadable: Vec<_> = manager
        .recovered()
        .unreadable
        .iter()
        .map(|(id, _)| id.as_str().to_owned())
        .collect();
    assert_eq!(unreadable, ["stranger", "torn"]);
    let page = manager.list(&ListSessions::new()).await.unwrap();
    assert_eq!((page.sessions.len(), page.unreadable.len()), (1, 2));
    let error = manager.get_or_create("torn").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!error.to_string().contains(here.path().to_str().unwrap()));
    let session = manager.get_or_create("good").await.unwrap();
    assert_eq!(session.read("/f").await.unwrap().text, "good");
    // The files are left alone until they are purged explicitly.
    assert_eq!(
        fs::read(here.path().join("torn/workspace/f")).unwrap(),
        b"torn"
    );
    assert_eq!(manager.stats().open, 1);
    let scoped = manager.scoped("t").unwrap();
    assert!(scoped.purge("torn").await.is_err());
    manager.purge("torn").await.unwrap();
    assert!(!here.path().join("torn").exists());
    assert!(manager.get_or_create("torn").await.is_ok());
}

#[tokio::test]
async fn a_session_whose_record_would_be_too_large_is_refused() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let options = SessionOptions::new().env("A", "x".repeat(1 << 20));
    let error = manager.get_or_create_with("a", &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert_eq!(manager.info("a").await.unwrap(), None);
    assert_eq!((provider.existing().len(), manager.stats().open), (0, 0));
    assert!(manager.get_or_create("a").await.is_ok());
}

#[tokio::test]
async fn no_message_names_the_root() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let root = here.path().join("root");
    let manager = stored(&provider, &root).await;
    let shown = format!("{manager:?}");
    assert!(!shown.contains(here.path().to_str().unwrap()), "{shown}");
    let second = crate::support::with_root(&provider, &root).build().await;
    let error = second.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("another manager"), "{error}");
    drop(manager);
    fs::write(here.path().join("file"), "").unwrap();
    let error = crate::support::with_root(&provider, &here.path().join("file"))
        .build()
        .await;
    assert!(
        !error
            .unwrap_err()
            .to_string()
            .contains(here.path().to_str().unwrap())
    );
}

#[tokio::test]
async fn a_root_can_be_inspected_while_a_manager_owns_it() {
    let here = tempfile::tempdir().unwrap();
    let root = here.path().join("root");
    assert_eq!(
        WorkspaceRoot::open(&root).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    let error = WorkspaceRoot::open(here.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!error.to_string().contains(here.path().to_str().unwrap()));
    let manager = stored(&provider(), &root).await;
    for (id, tenant) in [("a", "acme"), ("b", "acme"), ("c", "other")] {
        let options = SessionOptions::new().tenant(tenant);
        manager.get_or_create_with(id, &options).await.unwrap();
    }
    manager.release("b").await.unwrap();
    fs::create_dir(root.join("stranger")).unwrap();
    let view = WorkspaceRoot::open(&root).unwrap();
    assert!(view.is_owned().unwrap());
    let page = view.list(&ListSessions::new()).unwrap();
    let has: Vec<_> = page
        .sessions
        .iter()
        .map(|info| (info.id.as_str(), info.sandbox.is_some()))
        .collect();
    assert_eq!(has, [("a", true), ("b", false), ("c", true)]);
    assert_eq!(page.unreadable.len(), 1);
    let request = ListSessions::new().limit(1).tenant("acme");
    let page = view.list(&request).unwrap();
    assert!(page.truncated && page.unreadable.is_empty());
    let rest = view
        .list(&request.after(page.sessions[0].id.clone()))
        .unwrap();
    assert_eq!(rest.sessions[0].id.as_str(), "b");
    assert!(view.list(&ListSessions::new().limit(0)).is_err());
    assert!(manager.shutdown().await.failures.is_empty());
    assert!(!view.is_owned().unwrap());
    // And inspecting does not prevent a manager from owning it.
    let _ = stored(&provider(), &root).await;
}
