//! Many users at once.

use backend_core::{BackendExt, ErrorKind, SandboxExt};
use tokio::task::JoinSet;

use super::place_or_skip;

const USERS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_sessions_at_once_each_have_their_own_files_and_end_together() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let manager = place.stored(here.path()).await.build().await.unwrap();
    let began = std::time::Instant::now();
    let mut users = JoinSet::new();
    for number in 0..USERS {
        // Each user has two tabs open.
        for _ in 0..2 {
            let manager = manager.clone();
            users.spawn(async move {
                let id = format!("user-{number}");
                let session = manager.get_or_create(&id).await.unwrap();
                session.write("mine", id.as_str()).await.unwrap();
                let output = session.execute("cat mine; ls").await.unwrap();
                assert_eq!(output.stdout.to_text(), format!("{id}mine\n"));
                session.sandbox_id().unwrap()
            });
        }
    }
    let mut sandboxes = users.join_all().await;
    let started = began.elapsed();
    sandboxes.sort();
    sandboxes.dedup();
    assert_eq!(sandboxes.len(), USERS, "one sandbox for each user");
    assert_eq!(place.containers(false).len(), USERS);
    assert_eq!(manager.stats().resident, USERS);
    let report = manager.shutdown().await;
    println!(
        "{USERS} sessions started in {started:.1?} and stopped in {:.1?}",
        report.took
    );
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!(report.stopped, USERS);
    assert_eq!(place.containers(false).len(), 0);
    drop(manager);
    // All files are there for the next run, which does not need a container to read them.
    let next = place.stored(here.path()).await.build().await.unwrap();
    assert_eq!(next.recovered().stored, USERS);
    let mut ends = JoinSet::new();
    for number in 0..USERS {
        let next = next.clone();
        ends.spawn(async move {
            let id = format!("user-{number}");
            let files = next.files(&id).await.unwrap();
            assert_eq!(files.read("/mine").await.unwrap().text, id);
            next.purge(&id).await.unwrap();
        });
    }
    ends.join_all().await;
    assert_eq!(place.containers(true).len(), 0);
    assert_eq!(next.stats().open, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_finds_nothing_of_another() {
    let place = place_or_skip!();
    let here = tempfile::tempdir().unwrap();
    let manager = place.stored(here.path()).await.build().await.unwrap();
    let one = manager.get_or_create("one").await.unwrap();
    let two = manager.get_or_create("two").await.unwrap();
    one.write("secret-of-one", "treasure").await.unwrap();
    let error = two.read("secret-of-one").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let host = here.path().join("one/workspace/secret-of-one");
    assert!(host.is_file());
    assert!(two.read(host.to_str().unwrap()).await.is_err());
    let search =
        "find / -xdev -name 'secret-of*' 2>/dev/null; grep -rs treasure /workspace /tmp /mnt";
    let output = two.execute(search).await.unwrap();
    assert_eq!(output.stdout.to_text(), "");
    let output = two
        .execute("ln -s ../../one/workspace/secret-of-one link; cat link")
        .await;
    assert!(!output.unwrap().status.is_success());
    // Reading stored files does not follow a link to those of another session.
    let files = manager.files("two").await.unwrap();
    assert!(files.read("/link").await.is_err());
    assert!(manager.shutdown().await.failures.is_empty());
}
