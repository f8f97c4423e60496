//! Laws about the life cycle of a sandbox: it answers, ends, is suspended and resumed.

use std::time::Duration;

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, Owner, Sandbox, SandboxExt, SandboxProvider,
    SandboxSpec,
};
use tokio::time::timeout;

use super::ProviderSubject;
use super::names::file;

/// Longer than any provider takes to notice that a sandbox is gone.
const SOON: Duration = Duration::from_secs(60);

pub async fn a_new_sandbox_is_alive_and_answers<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let sandbox = subject.create().await.expect("a sandbox");
    assert!(sandbox.liveness().await.is_alive());
    let path = file(&*sandbox);
    sandbox.write(&path, "text").await.expect("a write");
    assert_eq!(sandbox.read(&path).await.expect("a read").text, "text");
    if sandbox.capabilities().executes {
        let output = sandbox.execute("echo hello").await.expect("a command");
        assert!(output.status.is_success());
        assert_eq!(output.stdout.to_text(), "hello\n");
    }
}

pub async fn a_destroyed_sandbox_is_gone_for_good<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let sandbox = subject.create().await.expect("a sandbox");
    let path = file(&*sandbox);
    sandbox.write(&path, "text").await.expect("a write");
    subject
        .provider()
        .destroy(sandbox.id())
        .await
        .expect("an end");
    assert!(sandbox.liveness().await.is_gone());
    let error = sandbox.read(&path).await.expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    if sandbox.capabilities().executes {
        let error = sandbox.execute("true").await.expect_err("it is gone");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert!(subject.provider().attach(sandbox.id()).await.is_err());
    let liveness = sandbox.liveness().await;
    assert!(liveness.is_gone(), "attaching did not bring it back");
    assert_eq!(subject.listed().await, []);
}

pub async fn destroying_twice_succeeds<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let sandbox = subject.create().await.expect("a sandbox");
    let (first, second) = tokio::join!(
        subject.provider().destroy(sandbox.id()),
        subject.provider().destroy(sandbox.id())
    );
    first.expect("an end");
    second.expect("an end");
    subject
        .provider()
        .destroy(sandbox.id())
        .await
        .expect("an end");
    assert_eq!(subject.listed().await, []);
}

pub async fn destroying_a_missing_sandbox_succeeds<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let id = subject.spec().id;
    subject
        .provider()
        .destroy(&id)
        .await
        .expect("nothing to do");
}

pub async fn an_id_is_free_again_after_its_sandbox_and_starts_empty<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let spec = subject.spec();
    let sandbox = subject.provider().create(&spec).await.expect("a sandbox");
    let path = file(&*sandbox);
    sandbox.write(&path, "old").await.expect("a write");
    subject.provider().destroy(&spec.id).await.expect("an end");
    let next = subject.provider().create(&spec).await.expect("a sandbox");
    let error = next.read(&path).await.expect_err("nothing is left");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let liveness = sandbox.liveness().await;
    assert!(liveness.is_gone(), "the old handle is of the old sandbox");
}

pub async fn a_command_does_not_outlive_its_sandbox<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let sandbox = subject.create().await.expect("a sandbox");
    if !sandbox.capabilities().executes {
        return;
    }
    let request = ExecRequest::shell("sleep 600").timeout(None);
    let ends = async {
        // It has begun, as far as can be known.
        tokio::time::sleep(Duration::from_millis(300)).await;
        subject.provider().destroy(sandbox.id()).await
    };
    let both = async { tokio::join!(sandbox.execute_with(&request), ends) };
    let (command, ended) = timeout(SOON, both).await.expect("it ends soon");
    ended.expect("an end");
    match command {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        Ok(output) => assert!(!output.status.is_success(), "{output:?}"),
    }
}

pub async fn a_cancelled_start_can_be_destroyed<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    for millis in [0, 5, 50, 200] {
        let spec = subject.spec();
        let create = subject.provider().create(&spec);
        if let Ok(Ok(sandbox)) = timeout(Duration::from_millis(millis), create).await {
            drop(sandbox);
        }
        subject.provider().destroy(&spec.id).await.expect("an end");
        assert!(!subject.listed().await.contains(&spec.id));
    }
}

pub async fn a_suspended_sandbox_is_resumed_with_its_files<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    if !subject.provider().features().suspends {
        return;
    }
    let (sandbox, provider) = (
        subject.create().await.expect("a sandbox"),
        subject.provider(),
    );
    let (id, path) = (sandbox.id().clone(), file(&*sandbox));
    sandbox.write(&path, "kept").await.expect("a write");
    provider.suspend(&id).await.expect("rest");
    assert!(sandbox.liveness().await.is_asleep());
    assert!(provider.inspect(&id).await.liveness.is_asleep());
    assert!(provider.attach(&id).await.is_err());
    assert_eq!(subject.listed().await, std::slice::from_ref(&id));
    provider.suspend(&id).await.expect("already suspended");
    let taken = provider.create(&SandboxSpec::new(id.clone())).await;
    assert_eq!(
        taken.map(|_| ()).expect_err("it exists").kind(),
        ErrorKind::AlreadyExists
    );
    let again = provider.resume(&id).await.expect("the sandbox");
    assert_eq!(*again.id(), id);
    assert_eq!(again.read(&path).await.expect("a read").text, "kept");
    assert!(provider.inspect(&id).await.liveness.is_alive());
    assert!(provider.attach(&id).await.is_ok());
}

pub async fn a_suspended_sandbox_can_be_destroyed<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    if !subject.provider().features().suspends {
        return;
    }
    let (sandbox, provider) = (
        subject.create().await.expect("a sandbox"),
        subject.provider(),
    );
    provider.suspend(sandbox.id()).await.expect("rest");
    provider.destroy(sandbox.id()).await.expect("an end");
    assert_eq!(subject.listed().await, []);
    let error = provider.resume(sandbox.id()).await.map(|_| ());
    assert_eq!(
        error.expect_err("it is gone").kind(),
        ErrorKind::Unavailable
    );
}

pub async fn suspending_a_missing_sandbox_is_an_error<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    if !subject.provider().features().suspends {
        return;
    }
    let id = subject.spec().id;
    let error = subject.provider().suspend(&id).await.expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let error = subject.provider().resume(&id).await.map(|_| ());
    assert_eq!(error.expect_err("nothing").kind(), ErrorKind::Unavailable);
    assert_eq!(subject.listed().await, []);
}

pub async fn an_undeclared_feature_is_unsupported<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    if subject.provider().features().suspends {
        return;
    }
    let sandbox = subject.create().await.expect("a sandbox");
    let error = subject.provider().suspend(sandbox.id()).await;
    assert_eq!(
        error.expect_err("not declared").kind(),
        ErrorKind::Unsupported
    );
    let error = subject.provider().resume(sandbox.id()).await.map(|_| ());
    assert_eq!(
        error.expect_err("not declared").kind(),
        ErrorKind::Unsupported
    );
    assert!(sandbox.liveness().await.is_alive());
}

pub async fn a_provider_reports_what_it_knows_of_a_sandbox<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let mut spec = subject.spec();
    let (name, value) = ("law.label", "a value");
    spec.labels.insert(name.to_owned(), value.to_owned());
    let provider = subject.provider();
    let before = provider.inspect(&spec.id).await;
    assert!(before.liveness.is_gone(), "never made: {before:?}");
    let _sandbox = provider.create(&spec).await.expect("a sandbox");
    let info = provider.inspect(&spec.id).await;
    assert!(info.liveness.is_alive(), "{info:?}");
    assert_eq!(info.labels.get(name).map(String::as_str), Some(value));
    assert_eq!(info.owner, Owner::Present, "this process made it");
    provider.destroy(&spec.id).await.expect("an end");
    let after = provider.inspect(&spec.id).await;
    assert!(after.liveness.is_gone(), "{after:?}");
}
