//! An engine that is temporarily unreachable: only its own report can end a sandbox.

use std::time::Duration;

use backend_core::{
    BackendExt, Error, ErrorKind, Liveness, Sandbox, SandboxExt, SandboxProvider, SandboxSpec,
};
use sandbox_docker::{DockerProvider, DockerSandbox, Engine, Lifetime};

use crate::relay::{At, Relay};
use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip, id};

/// Time limit of a query to a silent engine: the guest has 5 seconds, the engine 15.
const BOUND: Duration = Duration::from_secs(40);

/// A sandbox behind a relay, with access to the engine through the relay and around it.
struct Behind {
    relay: Relay,
    provider: DockerProvider,
    sandbox: std::sync::Arc<DockerSandbox>,
    key: String,
    _cleaner: Cleaner,
}

impl Behind {
    async fn start(at: At, name: &str) -> Option<Self> {
        let relay = Relay::start(at).await?;
        let engine = Engine::connect_to(relay.address()).await.unwrap();
        let template = builder(&engine, debian()).lifetime(Lifetime::Kept);
        let provider = DockerProvider::builder(template)
            .without_sweep()
            .connect()
            .await
            .unwrap();
        let sandbox = provider.create(&SandboxSpec::new(id(name))).await.unwrap();
        let cleaner = Cleaner::of(&sandbox);
        sandbox.write("thesis", "months of work").await.unwrap();
        let key = docker(&["inspect", "-f", "{{.Id}}", &container(&sandbox)]);
        Some(Self {
            relay,
            provider,
            sandbox,
            key,
            _cleaner: cleaner,
        })
    }

    /// Makes sure that everything fails, that the state is reported as unknown, and that nothing hangs.
    async fn cannot_be_told(&self) {
        let asked = async {
            tokio::join!(
                self.sandbox.liveness(),
                self.provider.inspect(self.sandbox.id()),
                self.provider.attach(self.sandbox.id()),
                self.provider.suspend(self.sandbox.id()),
                self.provider.destroy(self.sandbox.id()),
                self.provider.list(),
            )
        };
        let (liveness, info, attach, suspend, destroy, list) =
            tokio::time::timeout(BOUND, asked).await.expect("it hangs");
        assert!(liveness.is_unknown(), "{liveness:?}");
        assert!(info.liveness.is_unknown(), "{info:?}");
        is_unavailable(attach.map(drop));
        is_unavailable(suspend);
        is_unavailable(destroy);
        is_unavailable(list.map(drop));
    }

    /// Makes sure that it is the same container with the same file.
    async fn is_as_it_was(&self) {
        let liveness = self.sandbox.liveness().await;
        assert_eq!(liveness, Liveness::Alive);
        let info = self.provider.inspect(self.sandbox.id()).await;
        assert_eq!(info.liveness, Liveness::Alive);
        let page = self.sandbox.read("thesis").await.unwrap();
        assert_eq!(page.text, "months of work");
        let attached = self.provider.attach(self.sandbox.id()).await.unwrap();
        let page = attached.read("thesis").await.unwrap();
        assert_eq!(page.text, "months of work");
        let name = container(&self.sandbox);
        assert_eq!(docker(&["inspect", "-f", "{{.Id}}", &name]), self.key);
    }
}

#[track_caller]
fn is_unavailable(outcome: Result<(), Error>) {
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_refuses_connections_does_not_end_a_sandbox() {
    let _engine = engine_or_skip!();
    for (at, name) in [(At::Port, "refused-port"), (At::Socket, "refused-socket")] {
        let Some(behind) = Behind::start(at, name).await else {
            return;
        };
        for _ in 0..2 {
            behind.relay.refuse().await;
            is_unavailable(behind.sandbox.read("thesis").await.map(drop));
            is_unavailable(behind.sandbox.execute("true").await.map(drop));
            behind.cannot_be_told().await;
            behind.relay.accept().await;
            behind.is_as_it_was().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_engine_does_not_end_a_sandbox_or_block_callers_for_long() {
    let _engine = engine_or_skip!();
    let Some(behind) = Behind::start(At::Socket, "stalled").await else {
        return;
    };
    behind.relay.stall(true);
    behind.cannot_be_told().await;
    behind.relay.stall(false);
    behind.is_as_it_was().await;

    // The connection to the guest is gone too, and the engine accepts new ones without answering.
    behind.relay.cut().await;
    behind.relay.stall(true);
    let read = tokio::time::timeout(BOUND, async {
        while behind.sandbox.read("thesis").await.is_ok() {}
    });
    let (read, ()) = tokio::join!(read, behind.cannot_be_told());
    read.expect("it hangs");
    behind.relay.stall(false);
    behind.is_as_it_was().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_still_used() {
    let _engine = engine_or_skip!();
    let Some(behind) = Behind::start(At::Socket, "late").await else {
        return;
    };
    behind.relay.hold(true);
    let read = {
        let sandbox = std::sync::Arc::clone(&behind.sandbox);
        tokio::spawn(async move { sandbox.read("thesis").await })
    };
    let inspect = {
        let (provider, id) = (behind.provider.clone(), behind.sandbox.id().clone());
        tokio::spawn(async move { provider.inspect(&id).await })
    };
    behind.relay.take_requests();
    let destroy = {
        let (provider, id) = (behind.provider.clone(), behind.sandbox.id().clone());
        tokio::spawn(async move { provider.destroy(&id).await })
    };
    while behind.relay.take_requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!read.is_finished() && !inspect.is_finished() && !destroy.is_finished());
    behind.relay.hold(false);
    // Either the whole file is read, or the end is reported.
    match read.await.unwrap() {
        Ok(page) => assert_eq!(page.text, "months of work"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
    }
    assert!(!inspect.await.unwrap().liveness.is_unknown());
    destroy.await.unwrap().unwrap();
    let info = behind.provider.inspect(behind.sandbox.id()).await;
    assert!(info.liveness.is_gone(), "{info:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_broken_connection_the_next_call_reconnects_at_once() {
    let _engine = engine_or_skip!();
    let Some(behind) = Behind::start(At::Socket, "cut").await else {
        return;
    };
    for round in 0..10 {
        behind.relay.cut().await;
        // This one may still be on the connection that broke.
        let _ = behind.sandbox.read("thesis").await;
        let read = behind.sandbox.read("thesis").await;
        assert!(read.is_ok(), "round {round}: {read:?}");
    }
    // The same where it ends inside, and the engine's side of the stream stays open.
    let cut = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline | grep -q '^/.agent-backends/agent-guest connect' \
               && kill -9 ${p#/proc/}; done 2>/dev/null; true";
    for round in 0..3 {
        docker(&["exec", &container(&behind.sandbox), "sh", "-c", cut]);
        let _ = behind.sandbox.read("thesis").await;
        let read = behind.sandbox.read("thesis").await;
        assert!(read.is_ok(), "round {round}, inside: {read:?}");
    }
    behind.is_as_it_was().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impostor_of_the_engine_cannot_report_a_container_gone() {
    let _engine = engine_or_skip!();
    let Some(behind) = Behind::start(At::Socket, "imposed").await else {
        return;
    };
    let body = "<html>404 page not found</html>";
    let answer = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    behind.relay.answer_as("/containers/", &answer);
    let info = behind.provider.inspect(behind.sandbox.id()).await;
    assert!(info.liveness.is_unknown(), "{info:?}");
    behind.relay.answer_as("/containers/", &answer);
    let destroyed = behind.provider.destroy(behind.sandbox.id()).await;
    is_unavailable(destroyed);
    behind.is_as_it_was().await;
}
