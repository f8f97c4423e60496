//! Laws about what a sandbox is given: files of its own, variables, a workspace that outlives it.

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, Sandbox, SandboxProvider, Workspace,
};
use futures_util::future::join_all;

use super::ProviderSubject;
use super::names::file;

pub async fn sandboxes_do_not_share_files<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let one = subject.create().await.expect("a sandbox");
    let other = subject.create().await.expect("a sandbox");
    let path = file(&*one);
    one.write(&path, "one's").await.expect("a write");
    let error = other.read(&path).await.expect_err("not its file");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    subject.provider().destroy(one.id()).await.expect("an end");
    assert!(other.liveness().await.is_alive());
}

pub async fn variables_reach_the_commands<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let mut spec = subject.spec();
    let value = "two words";
    spec.env.insert("LAW_VALUE".to_owned(), value.to_owned());
    let sandbox = subject.provider().create(&spec).await.expect("a sandbox");
    if !sandbox.capabilities().executes {
        return;
    }
    let request = ExecRequest::argv(["printenv", "LAW_VALUE"]);
    let output = sandbox.execute_with(&request).await.expect("a command");
    assert_eq!(output.stdout.to_text(), format!("{value}\n"));
    let request = request.env("LAW_VALUE", "asked");
    let output = sandbox.execute_with(&request).await.expect("a command");
    assert_eq!(output.stdout.to_text(), "asked\n");
}

pub async fn a_workspace_outlives_its_sandbox<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let Some(workspace) = subject.workspace() else {
        return;
    };
    let mut spec = subject.spec();
    spec.workspace = Some(Workspace::HostDirectory(workspace.clone()));
    let sandbox = subject.provider().create(&spec).await.expect("a sandbox");
    let path = file(&*sandbox);
    sandbox.write(&path, "kept").await.expect("a write");
    subject.provider().destroy(&spec.id).await.expect("an end");
    assert!(workspace.is_dir(), "the workspace stays");
    let mut next = subject.spec();
    next.workspace = Some(Workspace::HostDirectory(workspace.clone()));
    let next = subject.provider().create(&next).await.expect("a sandbox");
    assert_eq!(next.read(&path).await.expect("a read").text, "kept");
    let mut nowhere = subject.spec();
    nowhere.workspace = Some(Workspace::HostDirectory(workspace.join("not-there")));
    let error = subject.provider().create(&nowhere).await.map(|_| ());
    let error = error.expect_err("a workspace that is not there");
    let shown = workspace.display().to_string();
    assert!(!error.to_string().contains(&shown), "{error}");
    assert!(!subject.listed().await.contains(&nowhere.id));
}

pub async fn a_moved_workspace_stays_with_its_sandbox<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let Some(workspace) = subject.workspace() else {
        return;
    };
    if !subject.provider().features().workspace_moves {
        return;
    }
    let mut spec = subject.spec();
    spec.workspace = Some(Workspace::HostDirectory(workspace.clone()));
    let sandbox = subject.provider().create(&spec).await.expect("a sandbox");
    let path = file(&*sandbox);
    sandbox.write(&path, "before").await.expect("a write");
    let moved = workspace.with_extension("moved");
    std::fs::rename(&workspace, &moved).expect("a rename");
    assert_eq!(sandbox.read(&path).await.expect("a read").text, "before");
    sandbox.write(&path, "after").await.expect("a write");
    subject.provider().destroy(&spec.id).await.expect("an end");
    let mut next = subject.spec();
    next.workspace = Some(Workspace::HostDirectory(moved));
    let next = subject.provider().create(&next).await.expect("a sandbox");
    assert_eq!(next.read(&path).await.expect("a read").text, "after");
}

pub async fn a_volume_outlives_its_sandbox<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    if !subject.provider().features().volumes {
        return;
    }
    let volume = Workspace::Volume(subject.volume());
    let spec = subject.spec().workspace(volume.clone());
    let sandbox = subject.provider().create(&spec).await.expect("a sandbox");
    let path = file(&*sandbox);
    sandbox.write(&path, "kept").await.expect("a write");
    let other = Workspace::Volume(subject.volume());
    let other = subject.spec().workspace(other);
    let other = subject.provider().create(&other).await.expect("a sandbox");
    let error = other.read(&path).await.expect_err("another volume");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    subject.provider().destroy(&spec.id).await.expect("an end");
    let next = subject.spec().workspace(volume);
    let next = subject.provider().create(&next).await.expect("a sandbox");
    assert_eq!(next.read(&path).await.expect("a read").text, "kept");
}

/// A kind that the provider does not have is refused by its name, and nothing is made.
pub async fn a_workspace_is_never_ignored<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let nowhere = std::env::temp_dir().join(subject.spec().id.as_str());
    let mut cases = vec![(Workspace::HostDirectory(nowhere), ErrorKind::InvalidRequest)];
    if !subject.provider().features().volumes {
        let volume = Workspace::Volume(subject.volume());
        cases.push((volume, ErrorKind::Unsupported));
    }
    for (workspace, expected) in cases {
        let spec = subject.spec().workspace(workspace.clone());
        let error = subject.provider().create(&spec).await.map(|_| ());
        let error = error.expect_err("a workspace that was not used");
        if error.kind() == ErrorKind::Unsupported {
            assert!(error.to_string().contains(workspace.kind()), "{error}");
        } else {
            assert_eq!(error.kind(), expected, "{error}");
        }
    }
    assert_eq!(subject.listed().await, []);
}

pub async fn sandboxes_can_be_made_at_the_same_time<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let specs: Vec<_> = (0..4).map(|_| subject.spec()).collect();
    let made = join_all(specs.iter().map(|spec| subject.provider().create(spec))).await;
    for (spec, sandbox) in specs.iter().zip(&made) {
        let sandbox = sandbox.as_ref().expect("a sandbox");
        let path = file(&**sandbox);
        sandbox
            .write(&path, spec.id.as_str())
            .await
            .expect("a write");
    }
    for (spec, sandbox) in specs.iter().zip(made) {
        let sandbox = sandbox.expect("a sandbox");
        let page = sandbox.read(file(&*sandbox)).await.expect("a read");
        assert_eq!(page.text, spec.id.as_str());
    }
    assert_eq!(subject.listed().await.len(), 4);
}
