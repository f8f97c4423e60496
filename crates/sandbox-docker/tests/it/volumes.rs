//! Workspaces that are volumes of the engine.

use backend_core::{
    BackendExt, ErrorKind, SandboxExt, SandboxProvider, SandboxSpec, VolumeName, Workspace,
};
use sandbox_docker::{DockerProvider, Engine, Hardening};

use crate::support::{
    Cleaner, RemovedVolume, builder, debian, docker, engine_or_skip, id, namespace,
};

async fn provider(engine: &Engine, hardening: Hardening) -> DockerProvider {
    let template = builder(engine, debian()).hardening(hardening);
    DockerProvider::builder(template)
        .namespace(namespace())
        .without_sweep()
        .connect()
        .await
        .unwrap()
}

/// Returns the name of a volume of this run, and what removes it.
fn volume(part: &str) -> (VolumeName, RemovedVolume) {
    let name = VolumeName::parse(format!("agent-backends-{}-{part}", namespace())).unwrap();
    let removed = RemovedVolume(name.to_string());
    (name, removed)
}

fn spec(name: &str, volume: &VolumeName) -> SandboxSpec {
    SandboxSpec::new(id(name)).workspace(Workspace::Volume(volume.clone()))
}

fn label(volume: &VolumeName, label: &str) -> String {
    let format = format!("{{{{index .Labels \"{label}\"}}}}");
    docker(&["volume", "inspect", "-f", &format, volume.as_str()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_has_our_labels_and_keeps_its_files_after_the_sandbox() {
    let engine = engine_or_skip!();
    let provider = provider(&engine, Hardening::Standard).await;
    let (volume, _removed) = volume("kept");
    let one = spec("volume-one", &volume);
    let sandbox = provider.create(&one).await.unwrap();
    let cleaner = Cleaner::of(&sandbox);
    sandbox.write("by-us", "ours").await.unwrap();
    let output = sandbox.execute("echo theirs > by-a-command; pwd").await;
    assert_eq!(output.unwrap().stdout.to_text(), "/workspace\n");
    provider.destroy(&one.id).await.unwrap();
    drop(cleaner);
    assert_eq!(label(&volume, "agent-backends.kind"), "workspace");
    let pid = std::process::id().to_string();
    assert_eq!(label(&volume, "agent-backends.pid"), pid);
    let sandbox = provider.create(&spec("volume-two", &volume)).await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    assert_eq!(sandbox.read("by-us").await.unwrap().text, "ours");
    assert_eq!(sandbox.read("by-a-command").await.unwrap().text, "theirs\n");
    provider.destroy(&id("volume-two")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_volume_is_writable_by_any_user_of_a_sandbox() {
    let engine = engine_or_skip!();
    let (volume, _removed) = volume("users");
    let strict = provider(&engine, Hardening::Strict).await;
    let sandbox = strict.create(&spec("volume-1000", &volume)).await.unwrap();
    let cleaner = Cleaner::of(&sandbox);
    sandbox.write("f", "of 1000").await.unwrap();
    strict.destroy(&id("volume-1000")).await.unwrap();
    drop(cleaner);
    let standard = provider(&engine, Hardening::Standard).await;
    let sandbox = standard.create(&spec("volume-root", &volume)).await;
    let sandbox = sandbox.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let output = sandbox.execute("stat -c '%u %a' f . | head -1").await;
    assert!(output.unwrap().stdout.to_text().starts_with("1000 "));
    assert_eq!(sandbox.read("f").await.unwrap().text, "of 1000");
    standard.destroy(&id("volume-root")).await.unwrap();
    // Nothing that was needed to set it up is left.
    let filter = "label=agent-backends.kind=workspace";
    let own = format!("volume={volume}");
    let left = docker(&["ps", "-aq", "--filter", filter, "--filter", &own]);
    assert_eq!(left, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_exists_is_used_as_it_is() {
    let engine = engine_or_skip!();
    let (volume, _removed) = volume("found");
    docker(&["volume", "create", "--label", "own=1", volume.as_str()]);
    let provider = provider(&engine, Hardening::Standard).await;
    let sandbox = provider.create(&spec("volume-found", &volume)).await;
    let sandbox = sandbox.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("f", "x").await.unwrap();
    assert_eq!(label(&volume, "own"), "1");
    assert_eq!(label(&volume, "agent-backends.kind"), "");
    provider.destroy(&id("volume-found")).await.unwrap();
    docker(&["volume", "inspect", volume.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_of_the_guest_is_no_workspace() {
    let engine = engine_or_skip!();
    let provider = provider(&engine, Hardening::Standard).await;
    let guest = VolumeName::parse("agent-backends-guest-0123456789abcdef").unwrap();
    let made = provider.create(&spec("volume-guest", &guest)).await;
    assert_eq!(
        made.map(drop).unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}
