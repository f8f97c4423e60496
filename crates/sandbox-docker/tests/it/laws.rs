//! The laws about files and commands, in real containers. All laws of a kind share one container, each with its own directory.

use std::sync::Arc;

use backend_conformance::{Law, Need, ProviderSubject, Subject, Suite};
use backend_core::{Backend, Sandbox, VirtualPath};
use sandbox_docker::{DockerProvider, DockerSandbox, DockerSandboxBuilder, Engine, Hardening};

use crate::support::{
    Cleaner, RemovedVolume, builder, debian, engine, engine_or_skip, namespace, scratch,
};

/// How many laws are checked at once. Some block a thread while the connection needs another one, so there are more threads than
/// this.
const CONCURRENCY: usize = 4;

/// Returns a subject for the next law, in a shared container.
fn subjects(
    sandbox: &DockerSandbox,
    kind: &'static str,
    make: impl Fn(Arc<DockerSandbox>) -> Subject,
) -> impl FnMut() -> std::future::Ready<Subject> {
    let one = Arc::new(sandbox.clone());
    let mut number = 0;
    move || {
        number += 1;
        let directory = VirtualPath::parse(format!("/workspace/{kind}-{number}")).unwrap();
        std::future::ready(
            make(Arc::clone(&one))
                .directory(directory)
                .one_root()
                .others_use_it(),
        )
    }
}

async fn all_laws(builder: DockerSandboxBuilder) {
    let sandbox = builder.start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let of_files = subjects(&sandbox, "files", Subject::sandbox);
    check(Suite::Files, of_files, &FROM_THE_ROOT).await;
    // Those about the end have a separate test.
    let of_commands = subjects(&sandbox, "commands", Subject::sandbox);
    check(Suite::Commands, of_commands, &[Need::LinksOut, Need::Alone]).await;
    sandbox.stop().await.unwrap();
}

/// If the root of the container is the root of the backend, there is nothing outside.
const FROM_THE_ROOT: [Need; 2] = [Need::LinksOut, Need::HostPaths];

/// Checks a suite, in which a law may be skipped only if it needs one of these.
async fn check(
    suite: Suite,
    subjects: impl FnMut() -> std::future::Ready<Subject>,
    without: &[Need],
) {
    let report = suite.report(CONCURRENCY, subjects).await;
    println!("conformance: sandbox-docker: {report}");
    assert!(report.failed.is_empty(), "{report}");
    let known = |need: &Need| without.contains(need);
    assert!(
        report.skipped.iter().all(|(_, need)| known(need)),
        "{report}"
    );
    assert!(!report.checked.is_empty(), "{report}");
}

/// Returns a sandbox for a law about inherited variables: a variable that both this process and the container have gets another
/// value in the container.
fn roomy(engine: &Engine) -> DockerSandboxBuilder {
    let own = [
        "DEBIAN_FRONTEND",
        "GIT_EDITOR",
        "GIT_PAGER",
        "GIT_TERMINAL_PROMPT",
        "MANPAGER",
        "NO_COLOR",
        "PAGER",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PYTHONUNBUFFERED",
    ];
    let both = own
        .into_iter()
        .filter(|name| std::env::var_os(name).is_some());
    let builder = builder(engine, debian()).memory(4 << 30);
    both.fold(builder, |builder, name| {
        builder.env(name, "of-the-container")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn hold_as_root() {
    let engine = engine_or_skip!();
    all_laws(roomy(&engine)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn hold_under_strict_hardening() {
    let engine = engine_or_skip!();
    all_laws(roomy(&engine).hardening(Hardening::Strict)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn about_files_hold_in_an_image_with_only_the_guest() {
    let engine = engine_or_skip!();
    let sandbox = builder(&engine, scratch())
        .memory(4 << 30)
        .start()
        .await
        .unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let entries = sandbox
        .ls_with(&backend_core::LsRequest::new(VirtualPath::root()))
        .await
        .unwrap();
    let names: Vec<&str> = entries
        .items
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert!(
        !names.contains(&"/bin") && !names.contains(&"/usr"),
        "{names:?}"
    );
    // There is no program that creates a link, either.
    let without = [&FROM_THE_ROOT[..], &[Need::Links]].concat();
    check(
        Suite::Files,
        subjects(&sandbox, "files", Subject::new),
        &without,
    )
    .await;
    sandbox.stop().await.unwrap();
}

/// The laws about the end of a sandbox, each with its own sandbox.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn about_the_end_hold() {
    let engine = engine_or_skip!();
    for hardening in [Hardening::Standard, Hardening::Strict] {
        let one = || Box::pin(builder(&engine, debian()).hardening(hardening).start());
        let shared = one().await.unwrap();
        let _cleaner = Cleaner::of(&shared);
        let shared = Subject::sandbox(shared).one_root().others_use_it();
        let alone = |law: &&Law| law.lacks(&shared) == Some(Need::Alone);
        let mut count = 0;
        for law in Suite::Commands.laws().filter(alone) {
            let sandbox = one().await.unwrap();
            let _cleaner = Cleaner::of(&sandbox);
            law.check(Subject::sandbox(sandbox.clone()).one_root())
                .await;
            sandbox.stop().await.unwrap();
            count += 1;
        }
        assert!(count > 0);
    }
}

async fn provider(hardening: Hardening) -> Result<ProviderSubject<DockerProvider>, String> {
    let engine = engine().await.ok_or("there is no engine")?;
    let template = builder(&engine, debian()).hardening(hardening);
    let provider = DockerProvider::builder(template)
        .namespace(namespace())
        .connect();
    let provider = provider.await.map_err(|error| error.to_string())?;
    let workspaces = tempfile::tempdir().map_err(|error| error.to_string())?;
    Ok(ProviderSubject::new(provider)
        .workspaces(workspaces.path())
        .remove_volume(|name| drop(RemovedVolume(name.to_string())))
        .keep(workspaces))
}

backend_conformance::provider_laws!(provided, || provider(Hardening::Standard));
backend_conformance::provider_laws!(provided_strictly, || provider(Hardening::Strict));
