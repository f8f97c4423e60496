//! Manual changes to a container: it is stopped, paused, removed, renamed, or another one takes its name.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use backend_core::{
    BackendExt, ErrorKind, Liveness, Sandbox, SandboxExt, SandboxId, SandboxProvider, SandboxSpec,
    Workspace,
};
use sandbox_docker::{DockerProvider, DockerSandbox, Engine, Hardening, Lifetime};

use crate::relay::{At, Relay};
use crate::support::{
    Cleaner, builder, container, debian, docker, engine_or_skip, id, namespace, scratch,
};

async fn provider(engine: &Engine, lifetime: Lifetime) -> DockerProvider {
    let template = builder(engine, debian()).lifetime(lifetime);
    DockerProvider::builder(template)
        .without_sweep()
        .connect()
        .await
        .unwrap()
}

async fn made(provider: &DockerProvider, name: &str) -> (Arc<DockerSandbox>, Cleaner) {
    let sandbox = provider.create(&SandboxSpec::new(id(name))).await.unwrap();
    let cleaner = Cleaner::of(&sandbox);
    sandbox.write("f", "kept").await.unwrap();
    (sandbox, cleaner)
}

fn key(container: &str) -> String {
    docker(&["inspect", "-f", "{{.Id}}", container])
}

#[track_caller]
fn is_unavailable<T>(outcome: backend_core::Result<T>) -> String {
    let error = outcome.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_sandbox_is_asleep_when_stopped_and_resumes_unchanged() {
    let engine = engine_or_skip!();
    let provider = provider(&engine, Lifetime::Kept).await;
    let (mut sandbox, _cleaner) = made(&provider, "stopped").await;
    let (name, before) = (container(&sandbox), key(&container(&sandbox)));
    for deed in ["stop", "kill", "restart"] {
        docker(&[deed, &name]);
        let asleep = deed != "restart";
        let info = provider.inspect(sandbox.id()).await;
        assert_eq!(info.liveness.is_asleep(), asleep, "{deed}: {info:?}");
        assert!(!sandbox.liveness().await.is_gone(), "{deed}");
        if asleep {
            is_unavailable(sandbox.read("f").await);
            is_unavailable(provider.attach(sandbox.id()).await);
            // It is already stopped.
            provider.suspend(sandbox.id()).await.unwrap();
        }
        sandbox = provider.resume(sandbox.id()).await.unwrap();
        assert_eq!(sandbox.read("f").await.unwrap().text, "kept", "{deed}");
        assert_eq!(sandbox.liveness().await, Liveness::Alive);
        assert_eq!(key(&name), before, "{deed}");
    }
    sandbox.destroy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_out_of_memory_is_asleep_with_its_files() {
    let engine = engine_or_skip!();
    let template = builder(&engine, debian())
        .lifetime(Lifetime::Kept)
        .memory(48 << 20)
        .tmpfs("/memory", 100 << 20);
    let provider = DockerProvider::builder(template).without_sweep();
    let provider = provider.connect().await.unwrap();
    let (sandbox, _cleaner) = made(&provider, "out-of-memory").await;
    let name = container(&sandbox);
    let before = key(&name);
    // The kernel is told to choose process 1, which it would not do otherwise.
    let first = docker(&["inspect", "-f", "{{.State.Pid}}", &name]);
    if std::fs::write(format!("/proc/{first}/oom_score_adj"), "1000").is_err() {
        eprintln!("skipped: the engine's processes cannot be reached from here");
        return;
    }
    // A file in memory stays there, whichever process is killed for it.
    while provider.inspect(sandbox.id()).await.liveness.is_alive() {
        let fill = sandbox.execute("dd if=/dev/zero of=/memory/fill bs=4k");
        let _ = tokio::time::timeout(Duration::from_secs(5), fill).await;
    }
    let info = provider.inspect(sandbox.id()).await;
    let Liveness::Asleep { reason } = &info.liveness else {
        panic!("{info:?}");
    };
    assert!(reason.contains("memory"), "{reason}");
    assert!(sandbox.liveness().await.is_asleep());
    let resumed = provider.resume(sandbox.id()).await.unwrap();
    assert_eq!(resumed.read("f").await.unwrap().text, "kept");
    assert_eq!(key(&name), before);
    provider.destroy(sandbox.id()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_whose_files_were_in_memory_is_gone_when_it_ends() {
    let engine = engine_or_skip!();
    let strict = builder(&engine, debian()).hardening(Hardening::Strict);
    let chosen = builder(&engine, debian()).tmpfs("/workspace", 8 << 20);
    for (template, name) in [(strict, "memory-strict"), (chosen, "memory-chosen")] {
        let provider = DockerProvider::builder(template.lifetime(Lifetime::Kept)).without_sweep();
        let provider = provider.connect().await.unwrap();
        let (sandbox, _cleaner) = made(&provider, name).await;
        let name = container(&sandbox);
        provider.suspend(sandbox.id()).await.unwrap();
        let resumed = provider.resume(sandbox.id()).await.unwrap();
        assert_eq!(resumed.read("f").await.unwrap().text, "kept");
        docker(&["stop", &name]);
        for liveness in [
            resumed.liveness().await,
            provider.inspect(sandbox.id()).await.liveness,
        ] {
            let Liveness::Gone { reason } = &liveness else {
                panic!("{liveness:?}");
            };
            assert!(reason.contains("memory"), "{reason}");
        }
        // It is not started with an empty work directory.
        for why in [
            is_unavailable(provider.resume(sandbox.id()).await),
            is_unavailable(provider.suspend(sandbox.id()).await),
        ] {
            assert!(why.contains("its files were in memory"), "{why}");
        }
        let state = docker(&["inspect", "-f", "{{.State.Status}}", &name]);
        assert_eq!(state, "exited");
        provider.destroy(sandbox.id()).await.unwrap();
        nothing_to_be_had(&provider, sandbox.id()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_whose_directory_was_removed_says_so_and_resumes_once_it_is_back() {
    let engine = engine_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let bound = here.path().join("bound");
    std::fs::create_dir(&bound).unwrap();
    let provider = provider(&engine, Lifetime::Kept).await;
    let mut spec = SandboxSpec::new(id("bound"));
    spec.workspace = Some(Workspace::HostDirectory(bound.clone()));
    let sandbox = provider.create(&spec).await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    provider.suspend(sandbox.id()).await.unwrap();
    std::fs::remove_dir_all(&bound).unwrap();
    let why = is_unavailable(provider.resume(sandbox.id()).await);
    assert!(why.contains("bind source path does not exist"), "{why}");
    assert!(!why.contains(bound.to_str().unwrap()), "{why}");
    assert!(provider.inspect(sandbox.id()).await.liveness.is_asleep());
    std::fs::create_dir(&bound).unwrap();
    let resumed = provider.resume(sandbox.id()).await.unwrap();
    resumed.write("f", "x").await.unwrap();
    provider.destroy(sandbox.id()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_was_never_started_is_not_a_sandbox_to_resume() {
    let engine = engine_or_skip!();
    let provider = provider(&engine, Lifetime::Kept).await;
    let (sandbox, _cleaner) = made(&provider, "never-started").await;
    let name = container(&sandbox);
    // As a process leaves it that ends between the creation and the start.
    let labels = docker(&["inspect", "-f", "{{json .Config.Labels}}", &name]);
    let mut labels: HashMap<String, String> = serde_json::from_str(&labels).unwrap();
    provider.destroy(sandbox.id()).await.unwrap();
    labels.insert("agent-backends.started".to_owned(), "1".to_owned());
    create(&name, &labels);
    let info = provider.inspect(sandbox.id()).await;
    let Liveness::Gone { reason } = &info.liveness else {
        panic!("{info:?}");
    };
    assert!(reason.contains("never started"), "{reason}");
    for why in [
        is_unavailable(provider.resume(sandbox.id()).await),
        is_unavailable(provider.attach(sandbox.id()).await),
        is_unavailable(provider.suspend(sandbox.id()).await),
    ] {
        assert!(why.contains("never started"), "{why}");
    }
    let state = docker(&["inspect", "-f", "{{.State.Status}}", &name]);
    assert_eq!(state, "created");
    provider.destroy(sandbox.id()).await.unwrap();
    nothing_to_be_had(&provider, sandbox.id()).await;
}

/// Creates a container with some labels, and does not start it.
fn create(name: &str, labels: &HashMap<String, String>) {
    let mut create = vec!["create".to_owned(), "--name".to_owned(), name.to_owned()];
    let labels = labels.iter();
    create.extend(labels.map(|(name, value)| format!("--label={name}={value}")));
    create.extend([debian(), "sleep".to_owned(), "600".to_owned()]);
    let create: Vec<&str> = create.iter().map(String::as_str).collect();
    docker(&create);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_a_running_process_is_about_to_start_is_waited_for() {
    let engine = engine_or_skip!();
    let provider = provider(&engine, Lifetime::Kept).await;
    let (sandbox, _cleaner) = made(&provider, "starting").await;
    let name = container(&sandbox);
    let labels = docker(&["inspect", "-f", "{{json .Config.Labels}}", &name]);
    let labels: HashMap<String, String> = serde_json::from_str(&labels).unwrap();
    provider.destroy(sandbox.id()).await.unwrap();
    create(&name, &labels);
    let start = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        docker(&["start", &name])
    };
    let (resumed, _) = tokio::join!(provider.resume(sandbox.id()), start);
    // It runs, and only lacks a guest.
    let why = is_unavailable(resumed);
    assert!(!why.contains("never started"), "{why}");
    assert_eq!(
        provider.inspect(sandbox.id()).await.liveness,
        Liveness::Alive
    );
    provider.destroy(sandbox.id()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_sandbox_with_its_workspace_on_disk_is_asleep_when_stopped() {
    let engine = engine_or_skip!();
    let workspace = tempfile::tempdir().unwrap();
    let owner = workspace.path().metadata().unwrap();
    let template = builder(&engine, debian())
        .lifetime(Lifetime::Kept)
        .hardening(Hardening::Strict)
        .user(format!("{}:{}", owner.uid(), owner.gid()));
    let provider = DockerProvider::builder(template).without_sweep();
    let provider = provider.connect().await.unwrap();
    let mut spec = SandboxSpec::new(id("memory-bound"));
    spec.workspace = Some(Workspace::HostDirectory(workspace.path().to_owned()));
    let sandbox = provider.create(&spec).await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    sandbox.write("f", "kept").await.unwrap();
    docker(&["stop", &container(&sandbox)]);
    assert!(provider.inspect(sandbox.id()).await.liveness.is_asleep());
    let resumed = provider.resume(sandbox.id()).await.unwrap();
    assert_eq!(resumed.read("f").await.unwrap().text, "kept");
    provider.destroy(sandbox.id()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_or_removed_sandbox_is_gone() {
    let engine = engine_or_skip!();
    let ephemeral = provider(&engine, Lifetime::Ephemeral).await;
    let kept = provider(&engine, Lifetime::Kept).await;
    for (provider, name, deed) in [
        (&ephemeral, "gone-stopped", vec!["stop"]),
        (&ephemeral, "gone-killed", vec!["kill"]),
        (&kept, "gone-removed", vec!["rm", "-f"]),
    ] {
        let (sandbox, _cleaner) = made(provider, name).await;
        let mut words = deed.clone();
        let container = container(&sandbox);
        words.push(&container);
        docker(&words);
        assert!(sandbox.liveness().await.is_gone(), "{deed:?}");
        let info = provider.inspect(sandbox.id()).await;
        assert!(info.liveness.is_gone(), "{deed:?}: {info:?}");
        is_unavailable(sandbox.read("f").await);
        provider.destroy(sandbox.id()).await.unwrap();
        nothing_to_be_had(provider, sandbox.id()).await;
    }
}

/// Makes sure that a provider reports a sandbox as nonexistent.
async fn nothing_to_be_had(provider: &DockerProvider, id: &SandboxId) {
    assert!(provider.inspect(id).await.liveness.is_gone());
    assert!(!provider.list().await.unwrap().contains(id));
    is_unavailable(provider.attach(id).await);
    is_unavailable(provider.resume(id).await);
    is_unavailable(provider.suspend(id).await);
    provider.destroy(id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_paused_by_hand_is_unknown_and_continues_after_unpausing() {
    let _engine = engine_or_skip!();
    let Some(relay) = Relay::start(At::Socket).await else {
        return;
    };
    let engine = Engine::connect_to(relay.address()).await.unwrap();
    let provider = provider(&engine, Lifetime::Kept).await;
    let (sandbox, _cleaner) = made(&provider, "paused").await;
    let (name, before) = (container(&sandbox), key(&container(&sandbox)));
    sandbox.spawn("sleep 600").await.unwrap();
    for broken in [false, true] {
        docker(&["pause", &name]);
        if broken {
            relay.cut().await;
            let why = is_unavailable(sandbox.read("f").await);
            let again = is_unavailable(sandbox.read("f").await);
            assert!(again.contains("paused"), "{why}; {again}");
        }
        assert!(sandbox.liveness().await.is_unknown());
        let info = provider.inspect(sandbox.id()).await;
        assert!(info.liveness.is_unknown(), "{info:?}");
        let why = is_unavailable(provider.attach(sandbox.id()).await);
        assert!(why.contains("paused"), "{why}");
        docker(&["unpause", &name]);
        assert_eq!(sandbox.liveness().await, Liveness::Alive);
        assert_eq!(sandbox.read("f").await.unwrap().text, "kept");
        let processes = sandbox.processes().await.unwrap();
        assert!(processes.iter().any(|process| process.status.is_none()));
    }
    // It can be suspended while it is paused, and resumes unchanged.
    docker(&["pause", &name]);
    provider.suspend(sandbox.id()).await.unwrap();
    assert!(provider.inspect(sandbox.id()).await.liveness.is_asleep());
    let resumed = provider.resume(sandbox.id()).await.unwrap();
    assert_eq!(resumed.read("f").await.unwrap().text, "kept");
    docker(&["pause", &name]);
    // Not running and unknown are different: a stop that succeeds has really stopped it.
    match resumed.stop().await {
        Ok(()) => assert!(provider.inspect(sandbox.id()).await.liveness.is_asleep()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
    }
    let resumed = provider.resume(sandbox.id()).await.unwrap();
    assert_eq!(resumed.read("f").await.unwrap().text, "kept");
    assert_eq!(key(&name), before);
    provider.destroy(sandbox.id()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_paused_for_long_is_unavailable_until_it_continues() {
    if std::env::var_os("AGENT_BACKENDS_LONG").is_none_or(|v| v != "1") {
        eprintln!("skipped: AGENT_BACKENDS_LONG=1 waits for longer than a connection is kept");
        return;
    }
    let engine = engine_or_skip!();
    let provider = provider(&engine, Lifetime::Kept).await;
    let (sandbox, _cleaner) = made(&provider, "paused-long").await;
    docker(&["pause", &container(&sandbox)]);
    let read = tokio::time::timeout(Duration::from_secs(150), sandbox.read("f"));
    let why = is_unavailable(read.await.expect("it hangs"));
    assert!(why.contains("paused"), "{why}");
    docker(&["unpause", &container(&sandbox)]);
    assert_eq!(sandbox.read("f").await.unwrap().text, "kept");
    sandbox.destroy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_container_is_still_the_same_sandbox() {
    let engine = engine_or_skip!();
    let provider = provider(&engine, Lifetime::Kept).await;
    let (sandbox, _cleaner) = made(&provider, "renamed").await;
    let before = key(&container(&sandbox));
    let _renamed = Cleaner(before.clone());
    let other = format!("test-renamed-{}", std::process::id());
    docker(&["rename", &container(&sandbox), &other]);
    assert_eq!(sandbox.liveness().await, Liveness::Alive);
    assert_eq!(
        provider.inspect(sandbox.id()).await.liveness,
        Liveness::Alive
    );
    assert!(provider.list().await.unwrap().contains(sandbox.id()));
    let attached = provider.attach(sandbox.id()).await.unwrap();
    assert_eq!(attached.read("f").await.unwrap().text, "kept");
    provider.suspend(sandbox.id()).await.unwrap();
    assert!(provider.inspect(sandbox.id()).await.liveness.is_asleep());
    let resumed = provider.resume(sandbox.id()).await.unwrap();
    assert_eq!(resumed.read("f").await.unwrap().text, "kept");
    assert_eq!(key(&other), before);
    provider.destroy(sandbox.id()).await.unwrap();
    let left = docker(&["ps", "-aq", "--filter", &format!("name={other}")]);
    assert_eq!(left, "");
    nothing_to_be_had(&provider, sandbox.id()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_only_looks_like_a_sandbox_is_left_alone() {
    let engine = engine_or_skip!();
    let provider = provider(&engine, Lifetime::Kept).await;
    let wanted = id("looks-like");
    let name = format!("agent-backends.{}.{wanted}", namespace());
    // It has only the name.
    let guest = "/agent-guest";
    let decoy = docker(&["create", "--name", &name, &scratch(), guest]);
    let _decoy = Cleaner(decoy.clone());
    nothing_to_be_had(&provider, &wanted).await;
    let error = provider
        .create(&SandboxSpec::new(wanted.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert_eq!(key(&name), decoy);

    // It has all the labels, from its image.
    let image = format!("agent-backends-test/marked-{}", std::process::id());
    let mut import = vec!["import".to_owned()];
    let labels = [
        ("kind", "sandbox"),
        ("namespace", namespace().as_str()),
        ("id", wanted.as_str()),
        ("lifetime", "kept"),
    ]
    .map(|(name, value)| format!("LABEL agent-backends.{name}={value}"));
    for label in &labels {
        import.extend(["--change".to_owned(), label.clone()]);
    }
    let here = tempfile::tempdir().unwrap();
    let empty = here.path().join("empty.tar");
    std::fs::write(&empty, [0; 1024]).unwrap();
    import.extend([empty.to_str().unwrap().to_owned(), image.clone()]);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    docker(&import);
    let marked = docker(&["create", &image, guest]);
    let cleaner = Cleaner(marked.clone());
    nothing_to_be_had(&provider, &wanted).await;
    assert_eq!(key(&marked), marked);
    drop(cleaner);
    docker(&["rmi", &image]);
}
