//! A model may replace only what it has seen.

use std::sync::Arc;

use backend_core::{Backend, BackendExt, VirtualPath};
use backend_fs::FsBackend;
use backend_tools::{Toolset, UnreadFiles};
use serde_json::json;

use crate::support::Bench;

#[tokio::test]
async fn a_file_that_was_never_read_is_not_replaced() {
    let bench = Bench::with(&[("/a", "theirs\n")]).await;
    let write = json!({ "path": "/a", "content": "mine\n" });
    let reply = bench.mistake("write_file", write.clone()).await;
    assert_eq!(reply.error_kind(), Some("already_exists"));
    assert!(
        reply
            .text
            .starts_with("/a: already exists, and you have not read it\nRead /a first;"),
        "{}",
        reply.text
    );
    assert_eq!(bench.text("/a").await, "theirs\n");
    bench
        .ok("read_file", json!({ "path": "/a", "limit": 1 }))
        .await;
    assert_eq!(
        bench.ok("write_file", write).await.text,
        "replaced /a: 1 line, 5 bytes"
    );
}

#[tokio::test]
async fn written_files_count_as_read() {
    let bench = Bench::new();
    for content in ["1\n", "2\n", "3\n"] {
        bench
            .ok("write_file", json!({ "path": "/a", "content": content }))
            .await;
    }
    bench
        .ok(
            "edit_file",
            json!({ "path": "/a", "old_string": "3", "new_string": "4" }),
        )
        .await;
    bench
        .ok("write_file", json!({ "path": "/a", "content": "5\n" }))
        .await;
    bench.ok("move", json!({ "from": "/a", "to": "/b" })).await;
    bench
        .ok("write_file", json!({ "path": "/b", "content": "6\n" }))
        .await;
    // Deleted files are forgotten too.
    bench.ok("delete", json!({ "path": "/b" })).await;
    bench.put("/b", "theirs\n").await;
    bench
        .mistake("write_file", json!({ "path": "/b", "content": "7\n" }))
        .await;
}

#[tokio::test]
async fn an_empty_file_has_nothing_to_lose() {
    let bench = Bench::with(&[("/a", "")]).await;
    bench
        .ok("write_file", json!({ "path": "/a", "content": "x" }))
        .await;
    bench.put("/d/x", "").await;
    let reply = bench
        .mistake("write_file", json!({ "path": "/d", "content": "x" }))
        .await;
    assert_eq!(reply.error_kind(), Some("is_a_directory"));
}

#[tokio::test]
async fn protection_can_be_left_out() {
    let bench = Bench::with(&[("/a", "theirs\n")]).await;
    let files = Arc::clone(&bench.files) as Arc<dyn Backend>;
    let tools = Toolset::builder(files)
        .unread_files(UnreadFiles::Replace)
        .build();
    let write = json!({ "path": "/a", "content": "mine\n" });
    assert!(tools.call("write_file", write.clone()).await.is_ok());
    // A file that it has seen is still protected.
    bench.put("/a", "theirs again\n").await;
    let reply = tools.call("write_file", write).await;
    assert_eq!(reply.error_kind(), Some("conflict"));
}

#[tokio::test]
async fn a_change_since_the_read_is_shown_and_then_counts_as_read() {
    let bench = Bench::with(&[("/a", "one\ntwo\nthree\n")]).await;
    for (tool, arguments) in [
        (
            "edit_file",
            json!({ "path": "/a", "old_string": "one", "new_string": "1" }),
        ),
        ("write_file", json!({ "path": "/a", "content": "mine\n" })),
        (
            "apply_patch",
            json!({ "patch": "*** Begin Patch\n*** Update File: a\n@@\n-mine\n+yours\n*** End Patch" }),
        ),
    ] {
        bench.ok("read_file", json!({ "path": "/a" })).await;
        let before = bench.text("/a").await;
        bench.put("/a", before.clone() + "theirs\n").await;
        let reply = bench.mistake(tool, arguments.clone()).await;
        assert_eq!(reply.error_kind(), Some("conflict"), "{tool}");
        assert!(reply.text.starts_with(
            "/a: conflict: the file changed since you read it\nWhat changed:\n--- a/a\n"
        ));
        assert!(reply.text.contains("\n+theirs\n"), "{tool}: {}", reply.text);
        assert!(
            reply
                .text
                .ends_with("This counts as a read: repeat the change on the current content.")
        );
        assert_eq!(bench.text("/a").await, before + "theirs\n", "{tool}");
        bench.ok(tool, arguments).await;
    }
    assert_eq!(bench.text("/a").await, "yours\ntheirs\n");
}

#[tokio::test]
async fn a_change_that_cannot_be_shown_must_be_read() {
    let long: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    let bench = Bench::with(&[("/long", &long), ("/part", "1\n2\n3\n")]).await;
    bench
        .ok("read_file", json!({ "path": "/part", "limit": 1 }))
        .await;
    bench.ok("read_file", json!({ "path": "/long" })).await;
    for path in ["/part", "/long"] {
        bench.put(path, "theirs\n").await;
        let write = json!({ "path": path, "content": "mine\n" });
        for _ in 0..2 {
            let reply = bench.mistake("write_file", write.clone()).await;
            assert!(
                reply
                    .text
                    .ends_with("Read it again and repeat the change on what is there now."),
                "{}",
                reply.text
            );
        }
        bench.ok("read_file", json!({ "path": path })).await;
        bench.ok("write_file", write).await;
    }
}

#[tokio::test]
async fn a_file_that_went_away_is_written_anew_and_not_edited() {
    let bench = Bench::with(&[("/a", "1\n")]).await;
    bench.ok("read_file", json!({ "path": "/a" })).await;
    bench.files.delete("/a").await.unwrap();
    let reply = bench
        .mistake(
            "edit_file",
            json!({ "path": "/a", "old_string": "1", "new_string": "2" }),
        )
        .await;
    assert_eq!(reply.error_kind(), Some("not_found"));
    let reply = bench
        .ok("write_file", json!({ "path": "/a", "content": "2\n" }))
        .await;
    assert_eq!(reply.structured["created"], true);
}

#[tokio::test]
async fn a_file_that_was_only_touched_is_the_file_that_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let files = FsBackend::open(dir.path()).unwrap();
    files.write("/a", "one\n").await.unwrap();
    let tools = Toolset::new(Arc::new(files));
    assert!(
        tools
            .call("read_file", json!({ "path": "/a" }))
            .await
            .is_ok()
    );
    // Another inode and other times, and the same text.
    let copy = std::fs::read(dir.path().join("a")).unwrap();
    std::fs::remove_file(dir.path().join("a")).unwrap();
    std::fs::write(dir.path().join("a"), copy).unwrap();
    let edit = json!({ "path": "/a", "old_string": "one", "new_string": "two" });
    let reply = tools.call("edit_file", edit).await;
    assert!(reply.is_ok(), "{reply}");
}

#[tokio::test]
async fn an_edit_by_exact_text_needs_no_read() {
    let bench = Bench::with(&[("/a", "one\n")]).await;
    bench
        .ok(
            "edit_file",
            json!({ "path": "/a", "old_string": "one", "new_string": "two" }),
        )
        .await;
}

#[tokio::test]
async fn a_fresh_toolset_has_read_nothing() {
    let bench = Bench::with(&[("/a", "theirs\n")]).await;
    bench.ok("read_file", json!({ "path": "/a" })).await;
    let write = json!({ "path": "/a", "content": "mine\n" });
    assert!(
        !bench
            .tools
            .fresh()
            .call("write_file", write.clone())
            .await
            .is_ok()
    );
    assert!(bench.tools.clone().call("write_file", write).await.is_ok());
}

#[tokio::test]
async fn many_reads_are_remembered_within_bounds() {
    let bench = Bench::new();
    for number in 0..5000 {
        let path = VirtualPath::parse(format!("/{number}")).unwrap();
        bench
            .ok(
                "write_file",
                json!({ "path": path.as_str(), "content": "x\n" }),
            )
            .await;
    }
    // The first ones are forgotten, so they count as unread; the last ones are known.
    bench
        .mistake("write_file", json!({ "path": "/0", "content": "y\n" }))
        .await;
    bench
        .ok("write_file", json!({ "path": "/4999", "content": "y\n" }))
        .await;
}
