//! A patch that cannot be applied completely leaves nothing behind, or says what.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend_core::{BackendExt, Error, WriteMode};
use backend_state::StateBackend;
use backend_tools::{ReplyKind, Toolset};
use serde_json::{Value, json};

use crate::fakes::{Fake, Operation, Trouble};
use crate::support::Bench;

const PATCH: &str = "*** Begin Patch\n*** Update File: a\n@@\n-1\n+one\n*** Update File: b\n@@\n-2\n+two\n*** Add File: c\n+three\n\
                     *** Update File: d\n*** Move to: e\n@@\n-4\n+four\n*** Delete File: f\n*** End Patch";

fn patch() -> Value {
    json!({ "patch": PATCH })
}

async fn fill(files: &StateBackend) {
    for (path, content) in [("/a", "1\n"), ("/b", "2\n"), ("/d", "4\n"), ("/f", "6\n")] {
        files.write(path, content).await.unwrap();
    }
}

async fn content(files: &StateBackend) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in files.glob("**").await.unwrap() {
        let bytes = files.read_bytes(&entry.path).await.unwrap();
        all.push((
            entry.path.to_string(),
            String::from_utf8(bytes.to_vec()).unwrap(),
        ));
    }
    all
}

#[tokio::test]
async fn nothing_is_changed_before_everything_is_checked() {
    for (path, told) in [
        ("/b", "line 7 of the patch"),
        ("/f", "/f: not found"),
        ("/d", "/d: not found"),
    ] {
        let fake = Fake::new(|_, _| Trouble::None);
        let files = Arc::clone(&fake.files);
        fill(&files).await;
        match path {
            "/b" => drop(files.write(path, "changed\n").await.unwrap()),
            _ => drop(files.delete(path).await.unwrap()),
        }
        let before = content(&files).await;
        let fake = Arc::new(fake);
        let reply = Toolset::new(Arc::clone(&fake) as _)
            .call("apply_patch", patch())
            .await;
        assert_eq!(reply.kind, ReplyKind::Mistake, "{reply}");
        assert!(reply.text.contains(told), "{reply}");
        assert!(
            reply.text.ends_with("Nothing in the patch was applied."),
            "{reply}"
        );
        assert_eq!(content(&files).await, before);
        assert_eq!(
            fake.changes.load(Ordering::SeqCst),
            0,
            "nothing was even tried"
        );
    }
}

#[tokio::test]
async fn a_failure_at_any_step_undoes_the_earlier_ones() {
    // Two updates, the update of the moved one, a new file, a move, a deletion.
    for failing in 1..=6 {
        let fake = Fake::new(move |fake, operation| {
            let is_change = !matches!(operation, Operation::Look);
            if is_change && fake.changes.load(Ordering::SeqCst) == failing {
                let path = backend_core::VirtualPath::parse("/a").unwrap();
                return Trouble::Fail(Error::permission_denied(&path, "by a rule"));
            }
            Trouble::None
        });
        let files = Arc::clone(&fake.files);
        fill(&files).await;
        let before = content(&files).await;
        let reply = Toolset::new(Arc::new(fake))
            .call("apply_patch", patch())
            .await;
        assert_eq!(reply.kind, ReplyKind::Refusal, "{failing}: {reply}");
        assert!(
            reply
                .text
                .ends_with("The patch was not applied: what it had changed was restored."),
            "{reply}"
        );
        assert_eq!(content(&files).await, before, "{failing}");
    }
    let fake = Fake::new(|_, _| Trouble::None);
    let files = Arc::clone(&fake.files);
    fill(&files).await;
    let fake = Arc::new(fake);
    let tools = Toolset::new(Arc::clone(&fake) as _);
    assert!(tools.call("apply_patch", patch()).await.is_ok());
    assert_eq!(fake.changes.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn a_file_changed_in_the_middle_is_a_conflict() {
    let fake = Fake::new(|fake, operation| {
        // While the first file is written, another writer changes the second.
        if let Operation::Write(request) = operation
            && request.path == "/a"
            && fake.changes.load(Ordering::SeqCst) == 1
        {
            let files = Arc::clone(&fake.files);
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .build()
                        .unwrap();
                    runtime.block_on(files.write("/b", "theirs\n")).unwrap();
                });
            });
        }
        Trouble::None
    });
    let files = Arc::clone(&fake.files);
    fill(&files).await;
    let reply = Toolset::new(Arc::new(fake))
        .call("apply_patch", patch())
        .await;
    assert_eq!(reply.error_kind(), Some("conflict"), "{reply}");
    assert_eq!(files.read_bytes("/a").await.unwrap(), "1\n");
    assert_eq!(files.read_bytes("/b").await.unwrap(), "theirs\n");
    assert!(!files.exists("/c").await.unwrap());
}

#[tokio::test]
async fn changes_that_could_not_be_undone_are_reported() {
    let fake = Fake::new(|_, operation| match operation {
        // The second file cannot be written, and the first not written back.
        Operation::Write(request) if request.path == "/b" => Trouble::Fail(Error::QuotaExceeded {
            what: "bytes".to_owned(),
            limit: 1,
        }),
        Operation::Write(request)
            if request.path == "/a"
                && &request.content[..] == b"1\n"
                && request.mode != WriteMode::CreateNew =>
        {
            Trouble::Fail(Error::unavailable("gone"))
        }
        _ => Trouble::None,
    });
    let files = Arc::clone(&fake.files);
    fill(&files).await;
    let reply = Toolset::new(Arc::new(fake))
        .call("apply_patch", patch())
        .await;
    assert_eq!(reply.error_kind(), Some("quota_exceeded"));
    assert!(
        reply.text.ends_with(
            "The patch was not applied, but these files could not be restored; check them:\n- /a: unavailable"
        ),
        "{reply}"
    );
}

#[tokio::test]
async fn an_edit_after_an_undone_patch_is_not_stale() {
    let bench = Bench::with(&[("/a", "1\n"), ("/b", "2\n")]).await;
    bench.ok("read_file", json!({ "path": "/a" })).await;
    let patch =
        "*** Begin Patch\n*** Update File: a\n@@\n-1\n+one\n*** Add File: b/c\n+x\n*** End Patch";
    // A file is not a directory, which shows only when it is written.
    let reply = bench
        .mistake("apply_patch", json!({ "patch": patch }))
        .await;
    assert_eq!(reply.error_kind(), Some("not_a_directory"), "{reply}");
    assert_eq!(bench.text("/a").await, "1\n");
    bench
        .ok(
            "edit_file",
            json!({ "path": "/a", "old_string": "1", "new_string": "one" }),
        )
        .await;
}
