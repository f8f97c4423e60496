//! Programs that are connected to one sandbox at the same time.

use backend_core::{Sandbox, SandboxProvider, SandboxSpec};
use sandbox_docker::DockerProvider;

use crate::support::{Cleaner, builder, container, debian, engine_or_skip, id, namespace};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_beyond_the_limit_reports_how_many_are_connected() {
    let engine = engine_or_skip!();
    let provider = DockerProvider::builder(builder(&engine, debian()))
        .namespace(namespace())
        .connect()
        .await
        .unwrap();
    let first = provider
        .create(&SandboxSpec::new(id("places")))
        .await
        .unwrap();
    let _cleaner = Cleaner(container(&first));
    let mut others = Vec::new();
    for _ in 0..15 {
        others.push(provider.attach(&id("places")).await.unwrap());
    }
    let error = provider.attach(&id("places")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("16 programs are connected"), "{text}");
    // A closed connection frees a slot, also for one that is already waiting.
    let name = id("places");
    let next = provider.attach(&name);
    let (next, ()) = tokio::join!(next, async { drop(others.pop()) });
    assert!(next.unwrap().liveness().await.is_alive());
    assert!(first.liveness().await.is_alive());
    provider.destroy(&id("places")).await.unwrap();
}
