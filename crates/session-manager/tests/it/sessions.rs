//! Getting sessions: one start for all callers, no access to another tenant's session, no conflicting options.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{BackendExt, ErrorKind, PackageManager, RuntimeConfig, SandboxExt};
use session_manager::{EventKind, SessionOptions, SessionState};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{broken, manager, provider, stored, told};

const SLOW: Duration = Duration::from_secs(30);

fn runtime(name: &str, package: &str) -> RuntimeConfig {
    RuntimeConfig::builder(name)
        .base_image("python:3.12-slim")
        .packages(PackageManager::Pip, [package])
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn all_callers_of_an_id_wait_for_one_start() {
    let provider = provider();
    provider.faults(|call, _| match call {
        ProviderCall::Create => Fault::none().after(SLOW),
        _ => Fault::none(),
    });
    let manager = manager(&provider).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let manager = manager.clone();
        asking.spawn(async move { manager.get_or_create("a").await.unwrap().sandbox_id() });
    }
    let ids = asking.join_all().await;
    assert!(ids.iter().all(|id| id.is_some() && *id == ids[0]));
    assert_eq!(provider.tally().created, 1);
    assert_eq!(manager.stats().starts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_does_not_block_other_ids() {
    let provider = provider();
    provider.faults(|call, id| {
        let slow = call == ProviderCall::Create && id.as_str().ends_with("00000000");
        Fault::none().after(if slow { SLOW } else { Duration::ZERO })
    });
    let manager = manager(&provider).await;
    let slow = tokio::spawn({
        let manager = manager.clone();
        async move { manager.get_or_create("slow").await }
    });
    sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    manager.get_or_create("quick").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(manager.get("slow").is_none() && manager.get("quick").is_some());
    slow.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_is_reported_to_all_callers_and_leaves_nothing() {
    let provider = provider();
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    provider.faults(move |call, _| match call {
        ProviderCall::Create if count.fetch_add(1, Ordering::Relaxed) == 0 => {
            Fault::lose(broken()).after(SLOW)
        }
        _ => Fault::none(),
    });
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider, here.path()).await;
    let mut events = manager.subscribe();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let manager = manager.clone();
        asking.spawn(async move { manager.get_or_create("a").await.map(|_| ()) });
    }
    for outcome in asking.join_all().await {
        assert!(
            outcome
                .unwrap_err()
                .to_string()
                .contains("engine is broken")
        );
    }
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    assert_eq!(provider.existing(), []);
    assert!(!here.path().join("a").exists());
    assert_eq!(manager.info("a").await.unwrap(), None);
    let stats = manager.stats();
    assert_eq!((stats.resident, stats.open, stats.failed_starts), (0, 0, 1));
    let failed = told(&mut events, |kind| {
        matches!(kind, EventKind::StartFailed(_))
    });
    assert_eq!(failed.len(), 1);
    manager.get_or_create("a").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hanging_start_times_out() {
    let provider = provider();
    provider.faults(|call, _| match call {
        ProviderCall::Create => Fault::none().lingering(Duration::from_secs(1_000_000)),
        _ => Fault::none(),
    });
    let manager = manager(&provider).await;
    let error = manager.get_or_create("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(provider.existing(), []);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_cancels_does_not_end_the_start() {
    let provider = provider();
    provider.faults(|call, _| match call {
        ProviderCall::Create => Fault::none().after(SLOW),
        _ => Fault::none(),
    });
    let manager = manager(&provider).await;
    let impatient = timeout(Duration::from_secs(1), manager.get_or_create("a")).await;
    assert!(impatient.is_err());
    sleep(SLOW).await;
    // The start continued, and its sandbox belongs to the session.
    assert_eq!(provider.existing().len(), 1);
    assert_eq!(manager.stats().live, 1);
    manager.get_or_create("a").await.unwrap();
    assert_eq!(provider.tally().created, 1);
    manager.release("a").await.unwrap();
    assert_eq!(provider.existing(), []);
}

#[tokio::test]
async fn another_runtime_is_an_error() {
    let manager = manager(&provider()).await;
    let python = SessionOptions::new().runtime(runtime("python", "numpy"));
    manager.get_or_create_with("a", &python).await.unwrap();
    manager.get_or_create("a").await.unwrap();
    manager.get_or_create_with("a", &python).await.unwrap();
    let node = SessionOptions::new().runtime(runtime("node", "numpy"));
    let error = manager.get_or_create_with("a", &node).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("'python', not 'node'"),
        "{error}"
    );
    // The same name with other packages is a conflict too, as long as the sandbox runs.
    let other = SessionOptions::new().runtime(runtime("python", "pandas"));
    let error = manager.get_or_create_with("a", &other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let plain = manager.get_or_create("b").await.unwrap();
    assert_eq!(plain.info().unwrap().runtime, None);
    assert!(manager.get_or_create_with("b", &python).await.is_err());
}

#[tokio::test]
async fn a_redefined_runtime_applies_to_the_next_sandbox() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let old = SessionOptions::new()
        .runtime(runtime("python", "numpy"))
        .env("A", "1");
    let new = SessionOptions::new()
        .runtime(runtime("python", "pandas"))
        .env("A", "2");
    manager.get_or_create_with("a", &old).await.unwrap();
    assert!(manager.get_or_create_with("a", &new).await.is_err());
    manager.release("a").await.unwrap();
    let session = manager.get_or_create_with("a", &new).await.unwrap();
    let spec = provider.spec(&session.sandbox_id().unwrap()).unwrap();
    assert_eq!(spec.runtime, Some(runtime("python", "pandas")));
    assert_eq!(spec.env["A"], "2");
    let output = session.execute("printenv A").await.unwrap();
    assert_eq!(output.stdout.to_text(), "2\n");
    // The session keeps it from now on.
    manager.release("a").await.unwrap();
    let session = manager.attach("a").await.unwrap();
    let spec = provider.spec(&session.sandbox_id().unwrap()).unwrap();
    assert_eq!(spec.runtime, Some(runtime("python", "pandas")));
}

#[tokio::test]
async fn other_variables_or_labels_of_a_live_session_are_an_error() {
    let manager = manager(&provider()).await;
    let options = SessionOptions::new().env("A", "1").label("team", "x");
    manager.get_or_create_with("a", &options).await.unwrap();
    manager.get_or_create_with("a", &options).await.unwrap();
    for other in [
        SessionOptions::new().env("A", "2"),
        SessionOptions::new().label("team", "y"),
    ] {
        let error = manager.get_or_create_with("a", &other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
}

#[tokio::test]
async fn a_sandbox_is_labelled_with_its_session_and_tenant() {
    let provider = provider();
    let manager = manager(&provider).await;
    let options = SessionOptions::new().tenant("acme").label("team", "x");
    let session = manager.get_or_create_with("a", &options).await.unwrap();
    let spec = provider.spec(&session.sandbox_id().unwrap()).unwrap();
    assert_eq!(spec.labels["session-manager.session"], "a");
    assert_eq!(spec.labels["session-manager.tenant"], "acme");
    assert_eq!(spec.labels["team"], "x");
}

#[tokio::test]
async fn a_tenant_cannot_reach_or_detect_the_session_of_another() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    let acme = manager.scoped("acme").unwrap();
    let other = manager.scoped("other").unwrap();
    let session = acme.get_or_create("a").await.unwrap();
    session.write("/secret", "acme's").await.unwrap();
    let mut events = other.subscribe();
    for state in [
        SessionState::Live,
        SessionState::Hibernated,
        SessionState::Stored,
    ] {
        match state {
            SessionState::Hibernated => acme.hibernate("a").await.unwrap(),
            SessionState::Stored => acme.release("a").await.unwrap(),
            _ => {}
        }
        let error = other.get_or_create("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{state:?}");
        assert!(!error.to_string().contains("acme"));
        let error = manager.get_or_create("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        for error in [
            other.attach("a").await.map(|_| ()).unwrap_err(),
            other.release("a").await.unwrap_err(),
            other.purge("a").await.unwrap_err(),
            other.hibernate("a").await.unwrap_err(),
            other.files("a").await.map(|_| ()).unwrap_err(),
        ] {
            // The same as for an unused id.
            let nobody = other.attach("zz").await.unwrap_err().to_string();
            assert_eq!(error.to_string().replace("'a'", "'zz'"), nobody);
        }
        assert!(other.get("a").is_none() && !other.touch("a"));
        assert_eq!(other.info("a").await.unwrap(), None);
        let page = other.list(&Default::default()).await.unwrap();
        assert!(page.sessions.is_empty());
        let info = manager.info("a").await.unwrap().unwrap();
        assert_eq!((info.state, info.tenant.as_deref()), (state, Some("acme")));
    }
    assert!(told(&mut events, |_| true).is_empty());
    assert!(other.scoped("acme").is_err());
    let options = SessionOptions::new().tenant("acme");
    assert!(other.get_or_create_with("b", &options).await.is_err());
    assert!(acme.attach("a").await.is_ok());
}

#[tokio::test]
async fn attaching_never_creates_a_session() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let error = manager.attach("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(provider.tally().created, 0);
    assert!(!here.path().join("a").exists());
    manager.get_or_create("a").await.unwrap();
    assert!(manager.attach("a").await.is_ok());
    manager.release("a").await.unwrap();
    assert!(manager.attach("a").await.is_ok());
    manager.purge("a").await.unwrap();
    assert!(manager.attach("a").await.is_err());
}

#[tokio::test]
async fn releasing_and_purging_nothing_is_not_an_error() {
    let here = tempfile::tempdir().unwrap();
    let manager = stored(&provider(), here.path()).await;
    manager.release("a").await.unwrap();
    manager.purge("a").await.unwrap();
    assert_eq!(manager.stats().open, 0);
}
