//! Concurrent calls do not lose each other's changes.

use backend_tools::ReplyKind;
use serde_json::json;

use crate::support::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn edits_of_one_file_at_once_are_all_made() {
    let names: Vec<String> = (0..40).map(|number| format!("<{number}>")).collect();
    let bench = Bench::with(&[("/a", &names.join("\n"))]).await;
    bench.ok("read_file", json!({ "path": "/a" })).await;
    let calls: Vec<_> = names
        .iter()
        .map(|name| {
            let tools = bench.tools.clone();
            let edit =
                json!({ "path": "/a", "old_string": name, "new_string": format!("{name} done") });
            tokio::spawn(async move { tools.call("edit_file", edit).await })
        })
        .collect();
    for call in calls {
        let reply = call.await.unwrap();
        assert!(reply.is_ok(), "{reply}");
    }
    assert_eq!(bench.text("/a").await.matches("done").count(), names.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_toolsets_overwrite_nothing_of_each_other() {
    let bench = Bench::with(&[("/a", "0\n")]).await;
    let toolsets: Vec<_> = (0..4).map(|_| bench.tools.fresh()).collect();
    let workers: Vec<_> = toolsets
        .into_iter()
        .map(|tools| {
            tokio::spawn(async move {
                let mut done = 0u32;
                while done < 25 {
                    let read = tools.call("read_file", json!({ "path": "/a" })).await;
                    let text = read.structured["text"]["content"].as_str().unwrap();
                    let next = text.trim().parse::<u32>().unwrap() + 1;
                    let write = json!({ "path": "/a", "content": format!("{next}\n") });
                    let reply = tools.call("write_file", write).await;
                    match reply.kind {
                        ReplyKind::Ok => done += 1,
                        _ => assert_eq!(reply.error_kind(), Some("conflict"), "{reply}"),
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(bench.text("/a").await, "100\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn patches_over_several_files_at_once_do_not_wait_for_each_other_for_ever() {
    let bench = Bench::with(&[("/a", "a\n"), ("/b", "b\n"), ("/c", "c\n")]).await;
    let files = ["a", "b", "c"];
    let calls: Vec<_> = (0..30)
        .map(|number| {
            let tools = bench.tools.clone();
            let (first, second) = (files[number % 3], files[(number + 1) % 3]);
            let patch = format!(
                "*** Begin Patch\n*** Update File: {first}\n@@\n {first}\n+{number}\n*** Update File: {second}\n@@\n \
                 {second}\n+{number}\n*** End Patch"
            );
            tokio::spawn(async move { tools.call("apply_patch", json!({ "patch": patch })).await })
        })
        .collect();
    for call in calls {
        let reply = call.await.unwrap();
        assert!(reply.is_ok(), "{reply}");
    }
    let mut lines = 0;
    for file in files {
        lines += bench.text(file).await.lines().count() - 1;
    }
    assert_eq!(lines, 60);
}

#[tokio::test]
async fn a_call_is_send_and_can_be_dropped() {
    fn check<T: Send>(value: T) -> T {
        value
    }
    let bench = Bench::with(&[("/a", "one\n")]).await;
    let edit = json!({ "path": "/a", "old_string": "one", "new_string": "two" });
    drop(check(bench.tools.call("edit_file", edit.clone())));
    assert_eq!(bench.text("/a").await, "one\n");
    bench.ok("edit_file", edit).await;
}
