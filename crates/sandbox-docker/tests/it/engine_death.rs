//! An engine that goes away while a sandbox is in use. The test starts and ends its own engine.

use std::time::Duration;

use backend_core::{
    BackendExt, ErrorKind, ExecRequest, Sandbox, SandboxId, SandboxProvider, SandboxSpec,
};
use sandbox_docker::{DockerProvider, DockerSandbox, Engine, Lifetime};

use crate::dockerd::Dockerd;

const SOON: Duration = Duration::from_secs(30);

/// The only program in an empty image, as one that does not end. It creates its socket when it runs.
const FOREVER: [&str; 4] = [
    "/.agent-backends/agent-guest",
    "init",
    "--socket",
    "/dev/shm/other",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_whose_engine_ends_is_unavailable_at_once() {
    let Some((mut dockerd, engine)) = Dockerd::start(&[]).await else {
        return;
    };
    dockerd.import_empty();
    let sandbox = DockerSandbox::builder("empty:latest")
        .engine(engine.clone())
        .start()
        .await
        .unwrap();
    sandbox.write("a", "x").await.unwrap();
    let command = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { sandbox.execute_with(&ExecRequest::argv(FOREVER)).await })
    };
    while !sandbox.exists("/dev/shm/other").await.unwrap() {
        tokio::task::yield_now().await;
    }
    dockerd.stop();
    let soon = |what| tokio::time::timeout(SOON, what);
    let error = soon(command).await.expect("it hangs").unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let begun = std::time::Instant::now();
    let error = sandbox.read("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    println!("{error} ({:?})", begun.elapsed());
    assert!(!sandbox.liveness().await.is_alive());
    let error = DockerSandbox::builder("empty:latest")
        .engine(engine)
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = error.to_string();
    assert!(
        text.contains("is it running?") && text.contains("DOCKER_HOST"),
        "{text}"
    );
    assert!(
        !text.contains(dockerd.directory().to_str().unwrap()),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_sandbox_does_not_come_back_empty_with_its_engine() {
    let Some((mut dockerd, engine)) = Dockerd::start(&[]).await else {
        return;
    };
    dockerd.import_empty();
    let provider = |engine| {
        let template = DockerSandbox::builder("empty:latest").engine(engine);
        DockerProvider::builder(template).connect()
    };
    let name = SandboxId::parse("kept").unwrap();
    let before = provider(engine).await.unwrap();
    let sandbox = before
        .create(&SandboxSpec::new(name.clone()))
        .await
        .unwrap();
    sandbox.write("a", "x").await.unwrap();
    dockerd.stop();
    let engine = dockerd.start_again().await;
    let error = sandbox.read("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!sandbox.liveness().await.is_alive());
    assert_eq!(dockerd.docker(&["ps", "-q"]), "", "nothing takes its place");
    let after = provider(engine).await.unwrap();
    assert_eq!(after.list().await.unwrap(), std::slice::from_ref(&name));
    let resumed = after.resume(&name).await.unwrap();
    assert_eq!(resumed.read("a").await.unwrap().text, "x");
    let error = sandbox.read("a").await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Unavailable,
        "gone is gone: {error}"
    );
    after.destroy(&name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_outlives_an_engine_with_live_restore() {
    let options = ["--live-restore"];
    let Some((mut dockerd, engine)) = Dockerd::start(&options).await else {
        return;
    };
    dockerd.import_empty();
    let sandbox = DockerSandbox::builder("empty:latest").engine(engine);
    let sandbox = sandbox.lifetime(Lifetime::Kept).start().await.unwrap();
    sandbox.write("a", "x").await.unwrap();
    let process = sandbox
        .spawn_with(&ExecRequest::argv(FOREVER))
        .await
        .unwrap();
    dockerd.stop();
    let soon = |what| tokio::time::timeout(SOON, what);
    let error = soon(sandbox.read("a")).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    dockerd.start_again().await;
    let back = async { while sandbox.read("a").await.is_err() {} };
    tokio::time::timeout(SOON, back)
        .await
        .expect("it does not come back");
    assert_eq!(sandbox.read("a").await.unwrap().text, "x");
    assert_eq!(sandbox.processes().await.unwrap()[0].id, process.id);
    sandbox.destroy().await.unwrap();
}

#[tokio::test]
async fn without_an_engine_the_error_says_what_to_do() {
    for address in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let error = Engine::connect_to(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{address}");
        assert!(error.to_string().contains("is it running?"), "{error}");
        assert!(!error.to_string().contains("nowhere"), "{error}");
    }
    for address in [
        "",
        "docker",
        "gopher://x",
        "/var/run/docker.sock",
        "ssh://host",
    ] {
        let error = Engine::connect_to(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_engine_is_reported_without_its_directories() {
    let Some((dockerd, engine)) = Dockerd::start_on(&[], Some(200 << 20)).await else {
        return;
    };
    dockerd.import_empty();
    let start = || {
        DockerSandbox::builder("empty:latest")
            .engine(engine.clone())
            .start()
    };
    let first = start().await.unwrap();
    first.write("a", "x").await.unwrap();
    dockerd.disk().fill();
    let error = start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let text = error.to_string();
    assert!(text.contains("full"), "{text}");
    let directory = dockerd.directory().display().to_string();
    assert!(
        !text.contains(&directory) && !text.contains("overlay"),
        "{text}"
    );
    // Building hits the same problem.
    let runtime = backend_core::RuntimeConfig::builder("full")
        .base_image("empty:latest")
        .setup("true")
        .build()
        .unwrap();
    let images = sandbox_docker::Images::new(engine.clone());
    let error = images.build(&runtime, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let text = error.to_string();
    assert!(!text.contains(&directory), "{text}");
    // Existing data is not lost.
    assert_eq!(first.read("a").await.unwrap().text, "x");
    first.stop().await.unwrap();
}
