//! Many tasks at once: no edit is lost, and no reader sees a partial change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backend_core::{
    Backend, BackendExt, EditRequest, ErrorKind, Replacement, VirtualPath, WriteMode, WriteRequest,
};
use backend_state::StateBackend;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn edits_from_many_tasks_are_all_applied() {
    const TASKS: usize = 16;
    const EDITS: usize = 25;
    let store = StateBackend::new();
    let slots: String = (0..TASKS).map(|task| format!("{task}:\n")).collect();
    // Padding makes an edit slow enough for others to interleave.
    let padding = "some other line\n".repeat(500);
    store
        .write("/f", format!("{padding}{slots}"))
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..EDITS {
                let (old, new) = (format!("\n{task}:"), format!("\n{task}:x"));
                store.edit("/f", old, new).await.unwrap();
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let text = String::from_utf8(store.read_bytes("/f").await.unwrap().to_vec()).unwrap();
    for task in 0..TASKS {
        let line = format!("\n{task}:{}\n", "x".repeat(EDITS));
        assert!(text.contains(&line), "{task}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_one_whole_content_of_its_version() {
    let store = StateBackend::new();
    store.write("/f", "0".repeat(10_000)).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        let (store, done) = (store.clone(), Arc::clone(&done));
        readers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let bytes = store.read_bytes("/f").await.unwrap();
                assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                assert_eq!(bytes.len(), 10_000 + usize::from(bytes[0] - b'0'));
                let found = store.grep("^[0-9]").await.unwrap();
                assert_eq!(found.searched, 1);
                tokio::task::yield_now().await;
            }
        });
    }
    for round in 0..300 {
        let digit = (round % 10).to_string();
        let content = digit.repeat(10_000 + round % 10);
        store.write("/f", content).await.unwrap();
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_creator_wins() {
    let store = StateBackend::new();
    for round in 0..50 {
        let path = VirtualPath::parse(format!("/d{round}/f")).unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let (store, path) = (store.clone(), path.clone());
            tasks.spawn(async move {
                let request = WriteRequest::new(path, "x").mode(WriteMode::CreateNew);
                store.write_with(&request).await
            });
        }
        let mut created = 0;
        while let Some(outcome) = tasks.join_next().await {
            match outcome.unwrap() {
                Ok(written) => created += u32::from(written.created),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
            }
        }
        assert_eq!(created, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_counter_by_versions_loses_nothing() {
    let store = StateBackend::new();
    store.write("/n", "0").await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut done = 0;
            while done < 50 {
                let page = store.read("/n").await.unwrap();
                let next = page.text.parse::<u64>().unwrap() + 1;
                let request = WriteRequest::new(page.path, next.to_string())
                    .mode(WriteMode::IfVersion(page.version));
                match store.write_with(&request).await {
                    Ok(_) => done += 1,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(store.read_bytes("/n").await.unwrap(), "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sums_stay_right_under_many_changes() {
    let store = StateBackend::new();
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let store = store.clone();
        tasks.spawn(async move {
            for round in 0..100 {
                let (a, b) = (format!("/{task}/{round}/a"), format!("/{round}/{task}/b"));
                store.write(a.as_str(), "12345").await.unwrap();
                store.rename(a.as_str(), b.as_str()).await.unwrap();
                if round % 2 == 0 {
                    store.delete(b.as_str()).await.unwrap();
                }
                let fork = store.fork();
                fork.write("/fork", "x").await.unwrap();
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let usage = store.usage();
    let loaded = StateBackend::from_document(&store.to_document()).unwrap();
    assert_eq!(usage, loaded.usage());
    assert_eq!(usage.files, 200);
}

#[tokio::test]
async fn a_stale_edit_is_a_conflict_and_a_dry_run_changes_nothing() {
    let store = StateBackend::new();
    let path = VirtualPath::parse("/f").unwrap();
    let first = store.write("/f", "one two").await.unwrap().version;
    let dry = EditRequest::exact(path.clone(), vec![Replacement::new("one", "1")]).dry_run();
    let outcome = store.edit_with(&dry).await.unwrap();
    assert_eq!((outcome.version, outcome.replacements), (first, 1));
    assert_eq!(store.read_bytes("/f").await.unwrap(), "one two");
    let second = store.edit("/f", "one", "1").await.unwrap().version;
    let stale = EditRequest::new(path, "two", "2").expect(first);
    let error = store.edit_with(&stale).await.unwrap_err();
    match error {
        backend_core::Error::Conflict { current, .. } => assert_eq!(current, Some(second)),
        other => panic!("{other:?}"),
    }
}
