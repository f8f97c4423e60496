//! Ownership of sandboxes: copies of roots and sessions, replicas of one configuration, backups, and changed clocks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::{BackendExt, ProviderFeatures, SandboxId, SandboxProvider, SandboxSpec};
use session_manager::{EventKind, ListSessions, WorkspaceRoot};

use crate::support::{
    MINUTE, Manager, Provider, Turned, broken, builder, provider, stored, told, with_root,
};

fn id(text: &str) -> SandboxId {
    SandboxId::parse(text).unwrap()
}

/// Copies with `cp -a`. A record that is being replaced can disappear under it: then it starts again.
fn copy(from: &Path, to: &Path) {
    let to = match from.file_name() {
        Some(name) if to.is_dir() => to.join(name),
        _ => to.to_owned(),
    };
    for _ in 0..10 {
        let done = std::process::Command::new("cp")
            .arg("-aT")
            .arg(from)
            .arg(&to)
            .status();
        if done.unwrap().success() {
            return;
        }
        fs::remove_dir_all(&to).unwrap();
    }
    panic!("{} cannot be copied", from.display());
}

/// Drops a manager like a crash of its process. If it were the only one in its runtime, the runtime would have to be dropped as
/// well; here it has nothing in progress.
async fn crash(manager: Manager, provider: &Provider) -> Provider {
    drop(manager);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let next = provider.another_process();
    provider.end_process();
    next
}

#[tokio::test]
async fn a_copied_root_does_not_take_over_or_end_anything() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let root = here.path().join("root");
    let manager = stored(&provider, &root).await;
    let alice = manager.get_or_create("alice").await.unwrap();
    alice.write("/f", "of the original").await.unwrap();
    let bob = manager.get_or_create("bob").await.unwrap();
    manager.release("bob").await.unwrap();
    let copied = here.path().join("copy");
    copy(&root, &copied);
    // Used only by the original: its record did not exist when the copy was made.
    let bob_again = manager.get_or_create("bob").await.unwrap();
    drop(bob);
    let before = provider.existing();
    let second = with_root(&provider.another_process(), &copied);
    let second = second.build().await.unwrap();
    let recovered = second.recovered();
    assert!(recovered.copied);
    assert!(
        recovered.adopted.is_empty() && recovered.orphans.is_empty(),
        "{recovered:?}"
    );
    let theirs = second.get_or_create("alice").await.unwrap();
    assert_ne!(theirs.sandbox_id(), alice.sandbox_id());
    assert_eq!(theirs.read("/f").await.unwrap().text, "of the original");
    theirs.write("/f", "of the copy").await.unwrap();
    assert!(second.shutdown().await.failures.is_empty());
    drop((theirs, second));
    assert_eq!(
        provider.existing(),
        before,
        "the original's are as they were"
    );
    assert_eq!(alice.read("/f").await.unwrap().text, "of the original");
    assert!(bob_again.write("/g", "x").await.is_ok());
    // From now on it is an independent root.
    let second = stored(&provider.another_process(), &copied).await;
    assert!(!second.recovered().copied);
}

#[tokio::test]
async fn a_copy_with_the_same_name_does_not_end_anything_either() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let root = here.path().join("root");
    let manager = with_root(&provider, &root)
        .name("app")
        .build()
        .await
        .unwrap();
    let alice = manager.get_or_create("alice").await.unwrap();
    let copied = here.path().join("copy");
    copy(&root, &copied);
    for _ in 0..2 {
        let second = with_root(&provider.another_process(), &copied).name("app");
        let second = second.build().await.unwrap();
        assert_eq!(second.recovered().foreign.len(), 1);
        assert!(second.shutdown().await.failures.is_empty());
    }
    assert!(alice.write("/f", "x").await.is_ok());
}

#[tokio::test]
async fn a_root_that_was_moved_is_the_same_one() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let root = here.path().join("root");
    let manager = stored(&provider, &root).await;
    let session = manager.get_or_create("a").await.unwrap();
    let sandbox = session.sandbox_id();
    drop(session);
    let next = crash(manager, &provider).await;
    let moved = here.path().join("moved");
    fs::rename(&root, &moved).unwrap();
    let manager = stored(&next, &moved).await;
    assert!(!manager.recovered().copied);
    assert_eq!(manager.get("a").unwrap().sandbox_id(), sandbox);
}

#[tokio::test]
async fn a_root_of_an_older_version_is_treated_as_an_original() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    drop(manager.get_or_create("a").await.unwrap());
    let next = crash(manager, &provider).await;
    fs::remove_file(here.path().join(".identity")).unwrap();
    let manager = stored(&next, here.path()).await;
    assert!(!manager.recovered().copied);
    assert_eq!(manager.recovered().adopted, [id("a")]);
    assert!(here.path().join(".identity").exists());
}

#[tokio::test]
async fn a_copied_session_gets_its_own_sandbox() {
    for running in [false, true] {
        let mut features = ProviderFeatures::none();
        features.suspends = true;
        let (mut provider, here) = (
            provider().with_features(features),
            tempfile::tempdir().unwrap(),
        );
        let mut manager = stored(&provider, here.path()).await;
        let session = manager.get_or_create("one").await.unwrap();
        session.write("/f", "one").await.unwrap();
        let sandbox = session.sandbox_id();
        manager.hibernate("one").await.unwrap();
        drop(session);
        if running {
            drop(manager.get_or_create("one").await.unwrap());
        }
        let (from, to) = (here.path().join("one"), here.path().join("two"));
        copy(&from, &to);
        let record = to.join("session.json");
        let text = fs::read_to_string(&record)
            .unwrap()
            .replace("\"one\"", "\"two\"");
        fs::write(&record, text).unwrap();
        if running {
            provider = crash(manager, &provider).await;
            manager = stored(&provider, here.path()).await;
            assert_eq!(manager.recovered().copies, [id("two")]);
            assert_eq!(manager.recovered().adopted, [id("one")]);
        }
        let mut events = manager.subscribe();
        let two = manager.get_or_create("two").await.unwrap();
        assert_eq!(two.read("/f").await.unwrap().text, "one", "its own copy");
        two.write("/f", "two").await.unwrap();
        let one = manager.get_or_create("one").await.unwrap();
        assert_eq!(one.sandbox_id(), sandbox, "the original keeps it");
        assert_eq!(one.read("/f").await.unwrap().text, "one");
        let copied = told(&mut events, |kind| matches!(kind, EventKind::RecordCopied));
        assert_eq!(copied.len(), 1);
        manager.purge("two").await.unwrap();
        assert!(one.read("/f").await.is_ok());
    }
}

#[tokio::test]
async fn a_record_that_names_another_sessions_sandbox_is_detected_by_the_label() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let one = manager.get_or_create("one").await.unwrap();
    one.write("/f", "one").await.unwrap();
    let sandbox = one.sandbox_id();
    let two = manager.get_or_create("two").await.unwrap();
    two.write("/f", "two").await.unwrap();
    manager.release("two").await.unwrap();
    drop((one, two));
    let next = crash(manager, &provider).await;
    // Edited manually, in its own directory.
    let record = here.path().join("two/session.json");
    let text = fs::read_to_string(&record).unwrap();
    let named = format!("{{\n  \"sandbox\": \"{}\",", sandbox.as_ref().unwrap());
    fs::write(&record, text.replacen('{', &named, 1)).unwrap();
    let manager = stored(&next, here.path()).await;
    assert_eq!(manager.recovered().copies, [id("two")]);
    // Purging it does not end anything of the other one.
    let two = manager.get_or_create("two").await.unwrap();
    assert_ne!(two.sandbox_id(), sandbox);
    assert_eq!(two.read("/f").await.unwrap().text, "two");
    manager.purge("two").await.unwrap();
    let one = manager.get_or_create("one").await.unwrap();
    assert_eq!(
        (one.sandbox_id(), one.read("/f").await.unwrap().text),
        (sandbox, "one".into())
    );
}

#[tokio::test]
async fn a_renamed_session_gets_a_new_sandbox_once_the_old_one_is_destroyed() {
    for reached in [true, false] {
        let (provider, here) = (provider(), tempfile::tempdir().unwrap());
        let manager = stored(&provider, here.path()).await;
        let session = manager.get_or_create("one").await.unwrap();
        session.write("/f", "kept").await.unwrap();
        drop(session);
        let old = provider.existing();
        let next = crash(manager, &provider).await;
        let renamed = here.path().join("two");
        fs::rename(here.path().join("one"), &renamed).unwrap();
        let record = renamed.join("session.json");
        let text = fs::read_to_string(&record).unwrap();
        fs::write(&record, text.replace("\"one\"", "\"two\"")).unwrap();
        if !reached {
            next.faults(|call, _| match call {
                ProviderCall::Inspect => Fault::fail(broken()),
                _ => Fault::none(),
            });
        }
        let manager = with_root(&next, here.path()).max_resident(1);
        let manager = manager.build().await.unwrap();
        let recovered = manager.recovered();
        assert_eq!(
            (recovered.ended.len(), recovered.unreachable.len()),
            if reached { (1, 0) } else { (0, 1) }
        );
        let slots = usize::from(!reached);
        assert!(manager.stats().resident >= slots, "it may still run");
        next.faults(|_, _| Fault::none());
        let session = manager.get_or_create("two").await.unwrap();
        assert_eq!(next.existing(), [session.sandbox_id().unwrap()]);
        assert_ne!(next.existing(), old);
        assert_eq!(session.read("/f").await.unwrap().text, "kept");
    }
}

#[tokio::test]
async fn a_session_restored_in_place_gets_its_own_sandbox() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "then").await.unwrap();
    let old = session.sandbox_id();
    let backup = tempfile::tempdir().unwrap();
    copy(&here.path().join("a"), backup.path());
    session.write("/f", "now").await.unwrap();
    drop(session);
    let next = crash(manager, &provider).await;
    fs::remove_dir_all(here.path().join("a")).unwrap();
    copy(&backup.path().join("a"), here.path());
    let manager = stored(&next, here.path()).await;
    assert_eq!(manager.recovered().copies, [id("a")]);
    let session = manager.get_or_create("a").await.unwrap();
    assert_ne!(session.sandbox_id(), old, "that one has other files");
    assert_eq!(session.read("/f").await.unwrap().text, "then");
}

#[tokio::test]
async fn a_second_replica_without_a_root_leaves_the_first_alone() {
    let provider = provider();
    let first = builder(&provider).name("app").build().await.unwrap();
    let session = first.get_or_create("a").await.unwrap();
    session.write("/f", "x").await.unwrap();
    let other = provider.another_process();
    let second = builder(&other).name("app").build().await.unwrap();
    assert_eq!(second.recovered().foreign, [session.sandbox_id().unwrap()]);
    assert!(second.recovered().orphans.is_empty());
    let theirs = second.get_or_create("a").await.unwrap();
    assert_ne!(theirs.sandbox_id(), session.sandbox_id());
    let _ = second.cleanup_idle().await;
    assert!(second.shutdown().await.failures.is_empty());
    assert_eq!(session.read("/f").await.unwrap().text, "x");
}

#[tokio::test]
async fn an_unlinked_lock_does_not_let_a_second_manager_in() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    fs::remove_file(here.path().join(".lock")).unwrap();
    assert!(with_root(&provider, here.path()).build().await.is_err());
    assert!(
        WorkspaceRoot::open(here.path())
            .unwrap()
            .is_owned()
            .unwrap()
    );
    assert!(manager.shutdown().await.failures.is_empty());
    assert!(
        !WorkspaceRoot::open(here.path())
            .unwrap()
            .is_owned()
            .unwrap()
    );
}

#[tokio::test]
async fn the_sandbox_of_an_unreadable_record_is_left_alone() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let sandbox = manager
        .get_or_create("a")
        .await
        .unwrap()
        .sandbox_id()
        .unwrap();
    let next = crash(manager, &provider).await;
    let record = here.path().join("a/session.json");
    let whole = fs::read_to_string(&record).unwrap();
    fs::write(
        &record,
        whole.replacen("\"version\": 2", "\"version\": 9", 1),
    )
    .unwrap();
    let manager = stored(&next, here.path()).await;
    assert_eq!(manager.recovered().foreign, std::slice::from_ref(&sandbox));
    let error = manager.get_or_create("a").await.unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    assert!(error.to_string().contains("do not purge"), "{error}");
    let _ = manager.shutdown().await;
    drop(manager);
    fs::write(&record, whole).unwrap();
    let manager = stored(&next, here.path()).await;
    assert_eq!(manager.get("a").unwrap().sandbox_id(), Some(sandbox));
}

#[tokio::test]
async fn neither_is_that_of_an_unreadable_record_ended_if_it_came_from_the_pool() {
    let mut features = ProviderFeatures::none();
    features.workspace_moves = true;
    let (provider, here) = (
        provider().with_features(features),
        tempfile::tempdir().unwrap(),
    );
    let manager = with_root(&provider, here.path()).warm(None, 1);
    let manager = manager.build().await.unwrap();
    while manager.stats().warm == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    let sandbox = session.sandbox_id().unwrap();
    assert_eq!(manager.stats().warm_starts, 1);
    while manager.stats().warm == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(session);
    let next = crash(manager, &provider).await;
    let record = here.path().join("a/session.json");
    let whole = fs::read_to_string(&record).unwrap();
    fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    let manager = stored(&next, here.path()).await;
    assert!(manager.recovered().orphans.is_empty());
    assert!(manager.recovered().foreign.contains(&sandbox));
    assert!(manager.shutdown().await.failures.is_empty());
    drop(manager);
    fs::write(&record, whole).unwrap();
    // Now it is known that the other one has no session.
    let manager = stored(&next, here.path()).await;
    assert_eq!(manager.recovered().orphans.len(), 1);
    let session = manager.get("a").unwrap();
    assert_eq!(session.sandbox_id(), Some(sandbox));
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
}

#[tokio::test]
async fn a_session_hibernated_when_the_application_ended_is_closed_by_the_next() {
    let mut features = ProviderFeatures::none();
    features.suspends = true;
    let (provider, here) = (
        provider().with_features(features),
        tempfile::tempdir().unwrap(),
    );
    let clock = Turned::default();
    let open = |provider: &Provider| {
        with_root(provider, here.path())
            .clock(clock.clone())
            .close_after(10 * MINUTE)
            .build()
    };
    let manager = open(&provider).await.unwrap();
    let session = manager.get_or_create("a").await.unwrap();
    session.write("/f", "kept").await.unwrap();
    drop(session);
    assert!(manager.shutdown().await.failures.is_empty());
    drop(manager);
    assert_eq!(provider.existing().len(), 1);
    clock.turn(9 * MINUTE);
    let manager = open(&provider).await.unwrap();
    assert!(manager.shutdown().await.failures.is_empty());
    drop(manager);
    assert_eq!(provider.existing().len(), 1, "not yet");
    clock.turn(2 * MINUTE);
    let manager = open(&provider).await.unwrap();
    while !provider.existing().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let session = manager.get_or_create("a").await.unwrap();
    assert_eq!(session.read("/f").await.unwrap().text, "kept");
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_purges_nothing() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let calendar = Calendar::default();
    let day = MINUTE * 60 * 24;
    let open = |provider: &Provider| {
        with_root(provider, here.path())
            .clock(calendar.clone())
            .purge_after(30 * day)
            .build()
    };
    let manager = open(&provider).await.unwrap();
    manager.get_or_create("a").await.unwrap();
    manager.release("a").await.unwrap();
    // The clock is set while the manager runs.
    calendar.jump(400 * day);
    calendar.count(2 * MINUTE * 60);
    assert!(manager.cleanup_idle().await.purged.is_empty());
    assert!(manager.shutdown().await.failures.is_empty());
    drop(manager);
    // Or while no manager runs: then nothing is purged for a day.
    let manager = open(&provider).await.unwrap();
    for _ in 0..20 {
        calendar.count(MINUTE * 60);
        assert!(manager.cleanup_idle().await.purged.is_empty());
    }
    let page = manager.list(&ListSessions::new()).await.unwrap();
    assert_eq!(page.sessions.len(), 1);
    calendar.count(day);
    assert_eq!(manager.cleanup_idle().await.purged, [id("a")]);
}

#[tokio::test]
async fn a_wrong_date_is_distrusted_again_after_each_restart_until_a_manager_ran_for_a_day() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let calendar = Calendar::default();
    let (hour, day) = (MINUTE * 60, MINUTE * 60 * 24);
    let open = || async {
        with_root(&provider, here.path())
            .clock(calendar.clone())
            .purge_after(30 * day)
            .build()
            .await
            .unwrap()
    };
    let close = |manager: Manager| async move {
        assert!(manager.shutdown().await.failures.is_empty());
    };
    let manager = open().await;
    manager.get_or_create("a").await.unwrap();
    close(manager).await;
    calendar.jump(400 * day);
    for _ in 0..3 {
        let manager = open().await;
        for _ in 0..5 {
            calendar.count(2 * hour);
            assert!(manager.cleanup_idle().await.purged.is_empty());
        }
        close(manager).await;
        assert!(here.path().join("a").exists());
    }
    // After a day it counts, also for the managers that follow: none of them was away for long.
    let manager = open().await;
    assert!(manager.cleanup_idle().await.purged.is_empty());
    calendar.count(day);
    assert_eq!(manager.cleanup_idle().await.purged, [id("a")]);
    manager.get_or_create("b").await.unwrap();
    close(manager).await;
    for kept in [true, true, false] {
        calendar.count(11 * day);
        let manager = open().await;
        let _ = manager.cleanup_idle().await;
        while !kept && here.path().join("b").exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        close(manager).await;
        assert_eq!(here.path().join("b").exists(), kept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_is_not_ended_before_its_owner_is_known() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let manager = stored(&provider, here.path()).await;
    let one = manager.get_or_create("one").await.unwrap();
    let sandbox = one.sandbox_id().unwrap();
    drop(manager.get_or_create("two").await.unwrap());
    manager.release("two").await.unwrap();
    // Edited by hand: it names the sandbox of the other one.
    let record = here.path().join("two/session.json");
    let text = fs::read_to_string(&record).unwrap();
    let named = format!("{{\n  \"sandbox\": \"{sandbox}\",");
    fs::write(&record, text.replacen('{', &named, 1)).unwrap();
    provider.faults(|call, _| match call {
        ProviderCall::Inspect => Fault::fail(broken()),
        _ => Fault::none(),
    });
    let error = manager.purge("two").await.unwrap_err();
    assert!(error.to_string().contains("not known"), "{error}");
    assert_eq!(provider.existing(), std::slice::from_ref(&sandbox));
    assert_eq!(manager.stats().stuck, 1);
    provider.faults(|_, _| Fault::none());
    manager.purge("two").await.unwrap();
    assert!(!here.path().join("two").exists());
    assert_eq!(provider.existing(), [sandbox]);
    assert!(one.write("/f", "x").await.is_ok());
}

#[tokio::test]
async fn a_disputed_sandbox_belongs_to_the_session_that_is_left() {
    let (provider, here) = (provider(), tempfile::tempdir().unwrap());
    let spec = SandboxSpec::new(id("unlabelled"));
    let sandbox = provider.create(&spec).await.unwrap();
    sandbox.write("/f", "kept").await.unwrap();
    // It only makes the root. With an age limit it could still close the old sessions below while it ends.
    let manager = with_root(&provider, here.path()).close_after(None);
    let manager = manager.build().await.unwrap();
    let next = crash(manager, &provider).await;
    // Records of the first version, which do not have their directory.
    for session in ["one", "two", "three"] {
        let text = format!(
            r#"{{"version": 1, "id": "{session}", "created_ms": 1, "used_ms": 2, "sandbox": "unlabelled"}}"#
        );
        fs::create_dir_all(here.path().join(session).join("workspace")).unwrap();
        fs::write(here.path().join(session).join("session.json"), text).unwrap();
    }
    let manager = with_root(&next, here.path()).close_after(None);
    let manager = manager.build().await.unwrap();
    let disputed = [id("one"), id("three"), id("two")];
    assert_eq!(manager.recovered().disputed, disputed);
    for release in ["two", "three"] {
        let error = manager.get_or_create("one").await.unwrap_err();
        let why = "two sessions name its sandbox";
        assert!(error.to_string().contains(why), "{error}");
        manager.release(release).await.unwrap();
        assert_eq!(next.existing(), [id("unlabelled")]);
    }
    let one = manager.get_or_create("one").await.unwrap();
    assert_eq!(one.sandbox_id(), Some(id("unlabelled")));
    assert_eq!(one.read("/f").await.unwrap().text, "kept");
    let two = manager.get_or_create("two").await.unwrap();
    assert_ne!(two.sandbox_id(), one.sandbox_id());
}

/// A clock whose date can be set.
#[derive(Clone, Debug, Default)]
struct Calendar {
    counted: Turned,
    jumped: Turned,
}

impl Calendar {
    fn jump(&self, by: Duration) {
        self.jumped.turn(by);
    }

    fn count(&self, by: Duration) {
        self.counted.turn(by);
    }
}

impl session_manager::Clock for Calendar {
    fn elapsed(&self) -> Duration {
        self.counted.elapsed()
    }

    fn now(&self) -> std::time::SystemTime {
        self.counted.now() + self.jumped.elapsed()
    }
}
