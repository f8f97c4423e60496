//! Every guard is necessary: without it a simulated day fails, or a short scenario here does.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{BackendExt, Error, ProviderFeatures, SandboxId};
use tokio::time::{Instant, sleep};

use super::skew::Skewed;
use super::world::{Manager, Provider, in_memory, provider};
use super::{Size, day};
use crate::guard::{Guard, switch_off};
use crate::{Eviction, SessionManager, SessionManagerBuilder};

/// Maximum number of days to try.
const DAYS: u64 = 400;

/// Returns the first day that fails without a guard.
fn first_failure(guard: Guard) -> Option<u64> {
    switch_off(Some(guard));
    let failed = (0..DAYS)
        .find(|&seed| catch_unwind(AssertUnwindSafe(|| day(seed, Size::Small, false))).is_err());
    switch_off(None);
    failed
}

macro_rules! needed {
    ($($name:ident: $guard:ident,)*) => {
        $(
            #[test]
            fn $name() {
                let failed = first_failure(Guard::$guard);
                assert!(failed.is_some(), "nothing fails without it");
            }
        )*
    };
}

needed! {
    unknown_is_not_gone: UnknownIsNotGone,
    asleep_is_not_gone: AsleepIsNotGone,
    places_are_given_back: PlaceGivenBack,
    resting_sandboxes_are_not_replaced: NeverReplaceResting,
    orphans_have_no_owner: OrphanOwner,
    a_root_knows_that_it_is_a_copy: RootIdentity,
}

/// Runs a scenario with all guards, and without one: it holds, and then it does not.
fn needs<F: Future<Output = bool>>(guard: Guard, scenario: impl Fn() -> F) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(scenario())
    };
    assert!(run(), "it does not hold with all guards");
    switch_off(Some(guard));
    let held = catch_unwind(AssertUnwindSafe(run)).unwrap_or(false);
    switch_off(None);
    assert!(!held, "it holds without {guard:?}");
}

/// Returns the only existing sandbox.
fn id_of(provider: &Provider) -> SandboxId {
    provider.existing().pop().unwrap()
}

fn resting() -> Provider {
    let mut features = ProviderFeatures::none();
    features.suspends = true;
    provider().with_features(features)
}

fn settings(provider: &Provider, boot: u64) -> SessionManagerBuilder<Provider> {
    SessionManager::builder(provider.clone())
        .cleanup_interval(None)
        .without_fsync()
        .inline(boot)
}

async fn with_root(provider: &Provider, root: &Path, boot: u64) -> Manager {
    let builder = settings(provider, boot).workspace_root(root);
    builder.build().await.unwrap()
}

fn broken() -> Fault {
    Fault::fail(Error::unavailable("it is broken"))
}

/// Copies the record of a session for another one.
fn copy_record(root: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(root.join(from).join("session.json")).unwrap();
    let text = text.replace(&format!("\"{from}\""), &format!("\"{to}\""));
    std::fs::create_dir_all(root.join(to).join("workspace")).unwrap();
    std::fs::write(root.join(to).join("session.json"), text).unwrap();
}

#[test]
fn a_sandbox_removed_by_hand_is_not_stuck() {
    needs(Guard::AskAfterFailedStop, || async {
        let provider = resting();
        let manager = settings(&provider, 0).build().await.unwrap();
        manager.get_or_create("a").await.unwrap();
        // It is removed while it is being suspended.
        provider.faults(|call, _| match call {
            ProviderCall::Suspend => Fault::none().after(Duration::from_secs(5)),
            _ => Fault::none(),
        });
        let removed = async {
            sleep(Duration::from_secs(1)).await;
            provider.remove_by_hand(&id_of(&provider));
        };
        let _ = tokio::join!(manager.hibernate("a"), removed);
        sleep(Duration::from_secs(100)).await;
        let stats = manager.stats();
        (stats.stuck, stats.resident) == (0, 0)
    });
}

#[test]
fn a_request_hurries_a_stop() {
    needs(Guard::Nudge, || async {
        let provider = resting();
        let manager = settings(&provider, 0).build().await.unwrap();
        let session = manager.get_or_create("a").await.unwrap();
        provider.faults(|call, _| match call {
            ProviderCall::Suspend => broken(),
            _ => Fault::none(),
        });
        let _ = manager.hibernate("a").await;
        sleep(Duration::from_secs(600)).await;
        provider.faults(|_, _| Fault::none());
        let began = Instant::now();
        session.write("/f", "x").await.is_ok() && began.elapsed().is_zero()
    });
}

#[test]
fn a_copied_record_names_no_sandbox() {
    needs(Guard::RecordIdentity, || async {
        let (provider, root) = (resting(), in_memory());
        let manager = with_root(&provider, root.path(), 0).await;
        let one = manager.get_or_create("one").await.unwrap();
        one.write("/f", "one").await.unwrap();
        manager.hibernate("one").await.unwrap();
        copy_record(root.path(), "one", "two");
        // While the sandbox's state is unknown, its label is unknown too.
        provider.faults(|call, _| match call {
            ProviderCall::Inspect => broken(),
            _ => Fault::none(),
        });
        manager.get_or_create("two").await.is_ok() && manager.purge("two").await.is_ok() && {
            provider.faults(|_, _| Fault::none());
            !provider.existing().is_empty() && one.read("/f").await.is_ok()
        }
    });
}

#[test]
fn a_sandbox_belongs_to_the_session_that_its_label_names() {
    needs(Guard::SessionLabel, || async {
        let (provider, root) = (resting(), in_memory());
        let manager = with_root(&provider, root.path(), 0).await;
        let one = manager.get_or_create("one").await.unwrap();
        let sandbox = one.sandbox_id();
        manager.hibernate("one").await.unwrap();
        copy_record(root.path(), "one", "two");
        // Like a record of the first version, which does not have its directory.
        let path = root.path().join("two/session.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
        record.as_object_mut().unwrap().remove("directory");
        std::fs::write(&path, record.to_string()).unwrap();
        let two = manager.get_or_create("two").await.unwrap();
        two.sandbox_id() != sandbox
    });
}

#[test]
fn an_unreachable_sandbox_is_not_idle() {
    needs(Guard::SilenceIsNotIdle, || async {
        let (provider, root) = (provider(), in_memory());
        let manager = settings(&provider, 0)
            .workspace_root(root.path())
            .max_resident(1)
            .eviction(Eviction::LeastRecentlyUsed {
                idle_for: Duration::ZERO,
            })
            .build()
            .await
            .unwrap();
        let session = manager.get_or_create("a").await.unwrap();
        let sandbox = session.sandbox_id().unwrap();
        provider.pause_by_hand(&sandbox);
        let refused = manager.get_or_create("b").await.is_err();
        refused && provider.existing() == [sandbox]
    });
}

#[test]
fn a_record_names_a_sandbox_before_it_is_made() {
    needs(Guard::RecordFirst, || async {
        let (provider, root) = (provider(), in_memory());
        let manager = with_root(&provider, root.path(), 0).await;
        let sandbox = manager.get_or_create("a").await.unwrap().sandbox_id();
        manager.inner().crash();
        tokio::task::yield_now().await;
        let next = with_root(&provider, root.path(), 1).await;
        next.get("a").and_then(|session| session.sandbox_id()) == sandbox
    });
}

#[test]
fn an_unreachable_sandbox_at_startup_is_kept() {
    needs(Guard::UnreachableIsKept, || async {
        let (provider, root) = (provider(), in_memory());
        let manager = with_root(&provider, root.path(), 0).await;
        let sandbox = manager.get_or_create("a").await.unwrap().sandbox_id();
        manager.inner().crash();
        tokio::task::yield_now().await;
        provider.faults(|call, _| match call {
            ProviderCall::Attach => broken(),
            _ => Fault::none(),
        });
        let next = with_root(&provider, root.path(), 1).await;
        sleep(Duration::from_secs(600)).await;
        provider.faults(|_, _| Fault::none());
        let session = next.get_or_create("a").await.unwrap();
        session.sandbox_id() == sandbox
    });
}

#[test]
fn a_root_is_locked_even_without_its_lock_file() {
    needs(Guard::RootLock, || async {
        let (provider, root) = (provider(), in_memory());
        let _manager = with_root(&provider, root.path(), 0).await;
        std::fs::remove_file(root.path().join(".lock")).unwrap();
        let second = settings(&provider, 1).workspace_root(root.path());
        second.build().await.is_err()
    });
}

#[test]
fn a_jump_of_the_wall_clock_does_not_count_as_elapsed_time() {
    needs(Guard::ClockJump, || async {
        let (provider, root, clock) = (provider(), in_memory(), Skewed::new());
        let manager = settings(&provider, 0)
            .workspace_root(root.path())
            .clock(clock.clone())
            .purge_after(Duration::from_secs(1_000_000))
            .build()
            .await
            .unwrap();
        manager.get_or_create("a").await.unwrap();
        manager.release("a").await.unwrap();
        clock.set(10_000_000);
        sleep(Duration::from_secs(7_200)).await;
        let purged = manager.cleanup_idle().await.purged;
        let id = SandboxId::parse("a").unwrap();
        !purged.contains(&id) && root.path().join("a").exists()
    });
}
