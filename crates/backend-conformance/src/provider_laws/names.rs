//! Laws about ids, lists and finding a sandbox again.

use std::sync::Arc;

use backend_core::{Backend, BackendExt, ErrorKind, ProviderFeatures, Sandbox, SandboxProvider};
use futures_util::future::join_all;

use super::ProviderSubject;

/// A file of the test, in the sandbox's own directory.
pub(crate) fn file<S: Backend + ?Sized>(sandbox: &S) -> backend_core::VirtualPath {
    sandbox.work_dir().child("law.txt").expect("a path")
}

pub async fn a_sandbox_has_the_id_that_it_was_made_with<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let spec = subject.spec();
    let sandbox = subject.provider().create(&spec).await.expect("a sandbox");
    assert_eq!(*sandbox.id(), spec.id);
    let again = subject.provider().attach(&spec.id).await;
    assert_eq!(*again.expect("the sandbox").id(), spec.id);
}

pub async fn a_taken_id_is_refused_and_its_sandbox_unharmed<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let spec = subject.spec();
    let sandbox = subject.provider().create(&spec).await.expect("a sandbox");
    let path = file(&*sandbox);
    sandbox.write(&path, "kept").await.expect("a write");
    let error = subject.provider().create(&spec).await.map(|_| ());
    let error = error.expect_err("a second sandbox of one id");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert!(sandbox.liveness().await.is_alive());
    assert_eq!(sandbox.read(&path).await.expect("a read").text, "kept");
}

pub async fn one_creator_of_an_id_wins<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let spec = subject.spec();
    let racers = (0..4).map(|_| subject.provider().create(&spec));
    let outcomes = join_all(racers).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1, "{won} of 4 have it");
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    }
    assert_eq!(subject.listed().await, [spec.id]);
}

pub async fn a_list_has_exactly_what_exists<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    assert_eq!(subject.listed().await, []);
    let first = subject.create().await.expect("a sandbox");
    let second = subject.create().await.expect("a sandbox");
    let mut both = vec![first.id().clone(), second.id().clone()];
    both.sort();
    assert_eq!(subject.listed().await, both);
    subject
        .provider()
        .destroy(first.id())
        .await
        .expect("an end");
    assert_eq!(subject.listed().await, [second.id().clone()]);
}

pub async fn attaching_finds_a_sandbox_with_its_files<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let sandbox = subject.create().await.expect("a sandbox");
    let path = file(&*sandbox);
    sandbox.write(&path, "one").await.expect("a write");
    let again = subject.provider().attach(sandbox.id()).await;
    let again = again.expect("the sandbox");
    assert_eq!(again.read(&path).await.expect("a read").text, "one");
    again.write(&path, "two").await.expect("a write");
    assert_eq!(sandbox.read(&path).await.expect("a read").text, "two");
    drop(again);
    assert!(
        sandbox.liveness().await.is_alive(),
        "dropping an attached handle ends nothing else"
    );
}

pub async fn attaching_to_a_missing_sandbox_is_unavailable<P: SandboxProvider>(
    subject: &ProviderSubject<P>,
) {
    let id = subject.spec().id;
    let error = subject.provider().attach(&id).await.map(|_| ());
    let error = error.expect_err("nothing to attach to");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(subject.listed().await, []);
}

pub async fn a_sandbox_outlives_its_handle<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    let sandbox = subject.create().await.expect("a sandbox");
    let (id, path) = (sandbox.id().clone(), file(&*sandbox));
    sandbox.write(&path, "kept").await.expect("a write");
    drop(sandbox);
    let again: Arc<P::Sandbox> = subject.provider().attach(&id).await.expect("the sandbox");
    assert_eq!(again.read(&path).await.expect("a read").text, "kept");
}

pub async fn a_failed_start_leaves_nothing<P: SandboxProvider>(subject: &ProviderSubject<P>) {
    for name in ["", "A=B", "A\0"] {
        let mut spec = subject.spec();
        spec.env.insert(name.to_owned(), "x".to_owned());
        let error = subject.provider().create(&spec).await.map(|_| ());
        let error = error.expect_err("an impossible variable");
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        let attached = subject.provider().attach(&spec.id).await;
        assert!(attached.is_err());
    }
    assert_eq!(subject.listed().await, []);
    let _: ProviderFeatures = subject.provider().features();
}
