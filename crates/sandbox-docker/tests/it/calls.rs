//! The requests to the engine, and the handling of missing or wrong answers.

use std::sync::Mutex;
use std::time::Duration;

use backend_core::{
    BackendExt, ErrorKind, ExecRequest, ExecStatus, RuntimeConfig, Sandbox, SandboxExt,
};
use sandbox_docker::{BuildOptions, Engine, ImageProgress, Images, PullPolicy};

use crate::relay::{At, Relay};
use crate::support::{Cleaner, builder, container, debian, docker, engine_or_skip};

/// Much longer than needed.
const SOON: Duration = Duration::from_secs(60);

/// Returns a relay and the engine behind it, or skips the test.
macro_rules! relay_or_skip {
    ($at:expr) => {{
        let _engine = engine_or_skip!();
        let Some(relay) = Relay::start($at).await else {
            return;
        };
        let engine = Engine::connect_to(relay.address()).await.unwrap();
        (relay, engine)
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_sandbox_sends_no_requests_to_the_engine_and_keeps_one_stream() {
    let (relay, engine) = relay_or_skip!(At::Socket);
    let sandbox = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    let before = relay.open();
    relay.take_requests();
    for round in 0..5 {
        sandbox.write("a", round.to_string()).await.unwrap();
        assert_eq!(sandbox.read("a").await.unwrap().text, round.to_string());
        assert!(sandbox.read("missing").await.is_err());
        assert!(sandbox.liveness().await.is_alive());
        for line in [
            "true",
            "exit 3",
            "exit 137",
            "kill -9 $$",
            "yes | head -c 3000000",
        ] {
            sandbox.execute(line).await.unwrap();
        }
        let short = ExecRequest::shell("sleep 600").timeout(Duration::from_millis(20));
        let output = sandbox.execute_with(&short).await.unwrap();
        assert_eq!(output.status, ExecStatus::TimedOut);
        // One whose caller cancels.
        let dropped = tokio::time::timeout(Duration::from_millis(20), sandbox.execute("sleep 600"));
        assert!(dropped.await.is_err());
        assert!(sandbox.spawn("no such command \"").await.is_ok());
    }
    assert_eq!(relay.take_requests(), [""; 0]);
    assert!(relay.open() <= before, "{} {before}", relay.open());

    // A broken stream is closed on both sides.
    for _ in 0..3 {
        relay.cut().await;
        let again = async {
            while sandbox.execute("true").await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, again).await.unwrap();
        assert!(relay.open() <= before, "{} {before}", relay.open());
    }
    // Only process 1, its child and the process connecting this stream are left.
    let helpers = "ls /proc | grep -c '^[0-9]' ; pgrep -fc 'agent-guest connec[t]'";
    let one = async {
        loop {
            let output = sandbox.execute(helpers).await.unwrap().stdout.to_text();
            if output.lines().last() == Some("1") {
                break;
            }
        }
    };
    tokio::time::timeout(SOON, one)
        .await
        .expect("streams are left inside");
    sandbox.stop().await.unwrap();
    drop((sandbox, engine));
    let closed = async {
        while relay.open() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, closed)
        .await
        .expect("connections are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_hold_if_the_engine_does_not_answer_also_over_tcp() {
    let (relay, engine) = relay_or_skip!(At::Port);
    let sandbox = builder(&engine, debian()).start().await.unwrap();
    let _cleaner = Cleaner::of(&sandbox);
    assert_eq!(
        sandbox
            .execute("echo $((1+1))")
            .await
            .unwrap()
            .stdout
            .to_text(),
        "2\n"
    );
    relay.cut().await;
    // The loss of the stream has to be noticed first, or the call is on a breaking stream.
    tokio::time::sleep(Duration::from_millis(200)).await;
    relay.stall(true);
    let request = ExecRequest::shell("true").timeout(Duration::from_millis(300));
    let output = tokio::time::timeout(SOON, sandbox.execute_with(&request))
        .await
        .unwrap();
    match output {
        Ok(output) => assert_eq!(output.status, ExecStatus::TimedOut),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
    }
    relay.stall(false);
    let again = async {
        while sandbox.execute("true").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, again).await.unwrap();
    sandbox.stop().await.unwrap();
    let name = format!("name={}", container(&sandbox));
    assert_eq!(docker(&["ps", "-aq", "--filter", &name]), "");
}

#[tokio::test]
async fn a_build_at_which_the_engine_fails_is_retried_once() {
    let (relay, engine) = relay_or_skip!(At::Socket);
    let name = format!("test-stumbles-{}", std::process::id());
    let line = format!("echo {name}");
    let runtime = RuntimeConfig::builder(&name)
        .base_image(debian())
        .setup(line);
    let runtime = runtime.build().unwrap();
    let told = Mutex::new(Vec::new());
    let hear = |progress: ImageProgress| told.lock().unwrap().push(progress);
    let options = BuildOptions::new()
        .with_network("none")
        .with_pull(PullPolicy::Never);
    let images = Images::new(engine).with_options(options);
    let stumble = r#"{"errorDetail":{"message":"CreateDiff: mount callback failed"},"error":"CreateDiff: mount callback failed"}"#;
    relay.answer("/build?", stumble);
    relay.take_requests();
    let image = images.build(&runtime, Some(&hear)).await.unwrap();
    let builds = relay.take_requests();
    let builds = builds.iter().filter(|request| request.contains("/build?"));
    assert_eq!(builds.count(), 2);
    assert!(told.lock().unwrap().contains(&ImageProgress::Retry));
    docker(&["rmi", &image]);
}
