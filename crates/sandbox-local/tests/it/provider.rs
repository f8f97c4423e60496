//! The laws of a provider, on local sandboxes; and what an earlier process left.

use backend_conformance::ProviderSubject;
use backend_core::{BackendExt, ErrorKind, SandboxId, SandboxProvider, SandboxSpec};
use backend_fs::FsBackend;
use sandbox_local::LocalProvider;

fn subject() -> ProviderSubject<LocalProvider<FsBackend>> {
    let root = tempfile::tempdir().unwrap();
    let workspaces = tempfile::tempdir().unwrap();
    let open = |dir: &std::path::Path| FsBackend::open(dir);
    let provider = LocalProvider::without_isolation(root.path(), open).unwrap();
    ProviderSubject::new(provider)
        .workspaces(workspaces.path())
        .keep(root)
        .keep(workspaces)
}

backend_conformance::provider_laws!(laws, || async { Ok(subject()) });

#[tokio::test]
async fn what_an_earlier_process_left_is_listed_and_can_be_destroyed() {
    let root = tempfile::tempdir().unwrap();
    let open = |dir: &std::path::Path| FsBackend::open(dir);
    let id = SandboxId::parse("left").unwrap();
    {
        let provider = LocalProvider::without_isolation(root.path(), open).unwrap();
        let sandbox = provider.create(&SandboxSpec::new(id.clone())).await;
        sandbox.unwrap().write("/file", "x").await.unwrap();
    }
    let provider = LocalProvider::without_isolation(root.path(), open).unwrap();
    assert_eq!(provider.list().await.unwrap(), std::slice::from_ref(&id));
    let attached = provider.attach(&id).await.map(|_| ());
    assert_eq!(attached.unwrap_err().kind(), ErrorKind::Unavailable);
    let taken = provider.create(&SandboxSpec::new(id.clone())).await;
    assert_eq!(
        taken.map(|_| ()).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    provider.destroy(&id).await.unwrap();
    assert_eq!(provider.list().await.unwrap(), []);
    assert!(provider.create(&SandboxSpec::new(id)).await.is_ok());
}
