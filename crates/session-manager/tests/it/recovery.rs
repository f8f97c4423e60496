//! After a crash: a manager that is dropped without a shutdown, and the one that comes after it.

use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{
    BackendExt, ErrorKind, ProviderFeatures, Sandbox, SandboxExt, SandboxId, SandboxProvider,
    SandboxSpec,
};
use session_manager::SessionState;
use tokio::time::sleep;

use crate::support::{MINUTE, broken, builder, provider, stored, with_root};

/// Creates a manager that ends with its runtime, like a process with all its tasks.
fn crash_after<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || {
        // Created and dropped on a separate thread, without another runtime.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(work)
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

#[tokio::test]
async fn running_sandboxes_are_taken_over() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let before = crash_after(async {
        let manager = stored(&provider, here.path()).await;
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        session.spawn("sleep 600").await.unwrap();
        session.sandbox_id()
    });
    let manager = stored(&provider, here.path()).await;
    assert_eq!(manager.recovered().adopted.len(), 1);
    let session = manager.get("a").expect("it is open");
    assert_eq!(session.sandbox_id(), before);
    assert_eq!(session.info().unwrap().state, SessionState::Live);
    assert_eq!(session.processes().await.unwrap().len(), 1);
    assert_eq!(manager.stats().resident, 1);
    manager.release("a").await.unwrap();
    assert_eq!(provider.existing(), []);
}

#[tokio::test]
async fn a_sandbox_of_the_pool_names_no_session_and_is_taken_over() {
    let mut features = ProviderFeatures::none();
    features.workspace_moves = true;
    let provider = provider().with_features(features);
    let here = tempfile::tempdir().unwrap();
    let before = crash_after(async {
        let manager = with_root(&provider, here.path()).warm(None, 1);
        let manager = manager.build().await.unwrap();
        while manager.stats().warm == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        assert_eq!(manager.stats().warm_starts, 1);
        session.sandbox_id().unwrap()
    });
    // The empty label hides one of the image.
    let labels = provider.spec(&before).unwrap().labels;
    assert_eq!(labels["session-manager.session"], "");
    let manager = stored(&provider, here.path()).await;
    assert_eq!(manager.recovered().adopted.len(), 1);
    let session = manager.get("a").expect("it is open");
    assert_eq!(session.sandbox_id(), Some(before));
}

#[tokio::test]
async fn a_sandbox_that_died_meanwhile_is_removed_and_its_files_are_kept() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let sandbox = crash_after(async {
        let manager = stored(&provider, here.path()).await;
        let session = manager.get_or_create("a").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        session.sandbox_id().unwrap()
    });
    provider.kill(&sandbox);
    let manager = stored(&provider, here.path()).await;
    assert_eq!(manager.recovered().ended.len(), 1);
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
    assert_eq!(provider.existing(), [session.sandbox_id().unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn no_new_sandbox_is_created_while_the_old_one_may_run() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    crash_after(async {
        let manager = stored(&provider, here.path()).await;
        drop(manager.get_or_create("a").await.unwrap());
    });
    // It runs, but cannot be reached or stopped.
    provider.faults(|call, _| match call {
        ProviderCall::Attach | ProviderCall::Destroy => Fault::fail(broken()),
        _ => Fault::none(),
    });
    let left = provider.existing();
    let manager = with_root(&provider, here.path()).build().await.unwrap();
    assert_eq!(manager.recovered().unreachable.len(), 1);
    sleep(MINUTE).await;
    let error = manager.get_or_create("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let stats = manager.stats();
    assert_eq!((stats.unreachable, stats.resident, stats.open), (1, 1, 0));
    provider.faults(|_, _| Fault::none());
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(session.sandbox_id(), left.first().cloned());
    assert_eq!(provider.tally().shared_workspaces, 0);
}

#[tokio::test]
async fn orphaned_sandboxes_are_destroyed_and_those_of_others_are_left() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    crash_after(async {
        let manager = stored(&provider, here.path()).await;
        drop(manager.get_or_create("a").await.unwrap());
    });
    let ours = provider.existing().pop().unwrap();
    let name = ours.as_str().split('-').next().unwrap().to_owned();
    let spec = |id: String| SandboxSpec::new(SandboxId::parse(id).unwrap());
    let mut orphan = spec(format!("{name}-{:024x}", 7));
    let mark = provider.spec(&ours).unwrap().labels["session-manager.manager"].clone();
    orphan
        .labels
        .insert("session-manager.manager".to_owned(), mark);
    // Only its name looks like ours, and its creator still exists.
    let unmarked = spec(format!("{name}-{:024x}", 8));
    let others = [
        unmarked.clone(),
        spec(format!("{name}-b-{:024x}", 7)),
        spec(format!("{name}-by-hand")),
        spec("other-000000000000000000000007".to_owned()),
        spec(name.clone()),
    ];
    provider.create(&orphan).await.unwrap();
    for other in &others {
        provider.create(other).await.unwrap();
    }
    let manager = stored(&provider, here.path()).await;
    assert_eq!(manager.recovered().orphans, [orphan.id]);
    assert_eq!(manager.recovered().foreign, [unmarked.id]);
    while manager.stats().orphans > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(provider.existing().len(), 1 + others.len());
    assert!(provider.existing().contains(&ours));
}

#[tokio::test]
async fn a_named_manager_without_a_root_ends_what_it_left() {
    let provider = provider();
    crash_after(async {
        let manager = builder(&provider).name("app").build().await.unwrap();
        drop(manager.get_or_create("a").await.unwrap());
        let nameless = builder(&provider).build().await.unwrap();
        drop(nameless.get_or_create("a").await.unwrap());
    });
    assert_eq!(provider.existing().len(), 2);
    let nameless = builder(&provider).build().await.unwrap();
    assert!(nameless.recovered().orphans.is_empty());
    // While the process that created them exists, it owns them.
    let replica = builder(&provider.another_process()).name("app");
    let replica = replica.build().await.unwrap();
    assert_eq!(replica.recovered().foreign.len(), 1);
    assert!(replica.shutdown().await.failures.is_empty());
    assert_eq!(provider.existing().len(), 2);
    provider.end_process();
    let manager = builder(&provider.another_process()).name("app");
    let manager = manager.build().await.unwrap();
    assert_eq!(manager.recovered().orphans.len(), 1);
    while manager.stats().orphans > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(provider.existing().len(), 1);
    for name in ["", "A", "a/b", "a-name-that-is-longer-than-24"] {
        assert!(builder(&provider).name(name).build().await.is_err());
    }
}

#[tokio::test]
async fn a_suspended_sandbox_is_left_suspended_and_resumed_on_request() {
    let mut features = ProviderFeatures::none();
    features.suspends = true;
    let provider = provider().with_features(features);
    let here = tempfile::tempdir().unwrap();
    let sandbox = crash_after(async {
        let manager = stored(&provider, here.path()).await;
        let sandbox = manager.get_or_create("a").await.unwrap().sandbox_id();
        manager.hibernate("a").await.unwrap();
        sandbox
    });
    let manager = stored(&provider, here.path()).await;
    assert!(manager.recovered().adopted.is_empty() && manager.recovered().ended.is_empty());
    assert_eq!((provider.running().len(), manager.stats().resident), (0, 0));
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(session.sandbox_id(), sandbox);
    // A shutdown suspends it again; a purge destroys it.
    assert!(manager.shutdown().await.failures.is_empty());
    drop((session, manager));
    assert_eq!(
        (provider.running().len(), provider.existing().len()),
        (0, 1)
    );
    let manager = stored(&provider, here.path()).await;
    manager.purge("a").await.unwrap();
    assert_eq!(provider.existing(), []);
}

#[tokio::test]
async fn the_ceiling_holds_when_sandboxes_are_taken_over() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    crash_after(async {
        let manager = stored(&provider, here.path()).await;
        for number in 0..6 {
            let id = format!("s{number}");
            let session = manager.get_or_create(&id).await.unwrap();
            session.write("/f", id).await.unwrap();
        }
    });
    let manager = with_root(&provider, here.path())
        .max_resident(4)
        .build()
        .await
        .unwrap();
    let recovered = manager.recovered();
    assert_eq!((recovered.adopted.len(), recovered.ended.len()), (4, 2));
    while manager.stats().resident > 4 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(provider.existing().len(), 4);
    let files = manager.files(&recovered.ended[0]).await.unwrap();
    assert!(files.read("/f").await.is_ok());
}

#[tokio::test]
async fn an_unresponsive_provider_is_reported_and_the_root_is_released() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    provider.faults(|call, _| match call {
        ProviderCall::List => Fault::fail(broken()),
        _ => Fault::none(),
    });
    assert!(with_root(&provider, here.path()).build().await.is_err());
    provider.faults(|_, _| Fault::none());
    assert!(with_root(&provider, here.path()).build().await.is_ok());
}
