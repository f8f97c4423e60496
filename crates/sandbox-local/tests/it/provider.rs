//! The laws of a provider, on local sandboxes; and the sandboxes that an earlier process left.

use backend_conformance::ProviderSubject;
use backend_core::{
    BackendExt, ErrorKind, Owner, Sandbox, SandboxId, SandboxProvider, SandboxSpec,
};
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
async fn sandboxes_of_an_earlier_process_are_listed_and_can_be_destroyed() {
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

/// Each provider locks as a separate process would.
#[tokio::test]
async fn a_sandbox_of_another_process_is_neither_gone_nor_destroyed() {
    let root = tempfile::tempdir().unwrap();
    let open = |dir: &std::path::Path| FsBackend::open(dir);
    let theirs = LocalProvider::without_isolation(root.path(), open).unwrap();
    let ours = LocalProvider::without_isolation(root.path(), open).unwrap();
    let id = SandboxId::parse("shared").unwrap();
    let sandbox = theirs.create(&SandboxSpec::new(id.clone())).await.unwrap();
    sandbox.write("/file", "kept").await.unwrap();

    let info = ours.inspect(&id).await;
    assert!(info.liveness.is_unknown(), "{info:?}");
    assert_eq!(info.owner, Owner::Present);
    let refused = ours.destroy(&id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let taken = ours.create(&SandboxSpec::new(id.clone())).await;
    let taken = taken.map(|_| ()).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    assert_eq!(sandbox.read("/file").await.unwrap().text, "kept");
    assert!(sandbox.liveness().await.is_alive());

    drop(theirs);
    let info = ours.inspect(&id).await;
    assert!(info.liveness.is_gone(), "{info:?}");
    assert_eq!(info.owner, Owner::Gone);
    ours.destroy(&id).await.unwrap();
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}
