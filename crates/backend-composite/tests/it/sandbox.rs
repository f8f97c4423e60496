//! A composite over a sandbox is a sandbox.

use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, OutputRequest, ProcessId, Sandbox, SandboxExt,
    Signal, StdinRequest, TerminalSize,
};
use backend_state::StateBackend;

use crate::fakes::FakeSandbox;
use crate::support::{p, refused, store};

async fn sandbox() -> (Arc<FakeSandbox>, CompositeBackend<dyn Sandbox>) {
    let default = Arc::new(FakeSandbox::new(store(&["/agent/f", "/bind/f"]).await));
    let shown: Arc<dyn Sandbox> = Arc::<FakeSandbox>::clone(&default);
    let composite = CompositeBackend::builder(shown)
        .mount("/memories", Arc::new(StateBackend::new()))
        .mount("/bind", Arc::new(store(&["/f"]).await))
        .build()
        .unwrap();
    (default, composite)
}

#[tokio::test]
async fn every_command_goes_to_the_default() {
    let (fake, composite) = sandbox().await;
    let composite: Arc<dyn Sandbox> = Arc::new(composite);
    assert_eq!(composite.id().as_str(), "fake");
    assert!(composite.liveness().await.is_alive());
    composite.execute("true").await.unwrap();
    let process = composite.spawn("true").await.unwrap().id;
    composite.processes().await.unwrap();
    composite
        .read_output(&OutputRequest::new(process.clone()))
        .await
        .unwrap();
    composite
        .write_stdin(&StdinRequest::close(process.clone()))
        .await
        .unwrap();
    composite.signal(&process, Signal::Kill).await.unwrap();
    composite
        .resize(
            &ProcessId::new("1"),
            TerminalSize {
                rows: 1,
                columns: 1,
            },
        )
        .await
        .unwrap();
    composite.stop().await.unwrap();
    assert_eq!(
        fake.take(),
        [
            "liveness",
            "execute in None",
            "spawn in None",
            "processes",
            "read_output 1",
            "write_stdin 1",
            "signal 1 Kill",
            "resize 1",
            "stop",
        ]
    );
}

#[tokio::test]
async fn a_working_directory_must_be_one_that_commands_see() {
    let (fake, composite) = sandbox().await;
    let within = |cwd: &str| ExecRequest::shell("true").cwd(p(cwd));
    for cwd in ["/memories", "/memories/x"] {
        let error = refused(
            composite.execute_with(&within(cwd)).await,
            ErrorKind::InvalidRequest,
            cwd,
        );
        assert!(error.to_string().contains("do not see"), "{error}");
        refused(
            composite.spawn_with(&within(cwd)).await,
            ErrorKind::InvalidRequest,
            cwd,
        );
    }
    assert!(fake.take().is_empty());
    // The default has it too: it is the same directory, mounted in both.
    for cwd in ["/bind", "/agent", "/not/there"] {
        composite.execute_with(&within(cwd)).await.unwrap();
    }
    let asked = ["/bind", "/agent", "/not/there"].map(|cwd| format!("execute in Some({cwd:?})"));
    assert_eq!(fake.take(), asked);
}

#[tokio::test]
async fn files_are_routed_independently_of_commands() {
    let (fake, composite) = sandbox().await;
    composite.write("/memories/a", "a").await.unwrap();
    assert!(!fake.store.exists("/memories/a").await.unwrap());
    composite.write("/agent/b", "b").await.unwrap();
    assert!(fake.store.exists("/agent/b").await.unwrap());
}

#[tokio::test]
async fn a_composite_can_run_whatever_its_default_can() {
    let (fake, composite) = sandbox().await;
    let capabilities = composite.capabilities();
    assert!(capabilities.executes && capabilities.processes && !capabilities.pty);
    // Passed as a plain backend, it does not make a sandbox.
    let files: Arc<dyn Backend> = fake;
    let composite = CompositeBackend::builder(files).build().unwrap();
    assert!(!composite.capabilities().executes);
}
