//! Time: an unresponsive workspace does not block a call forever.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{BackendExt, Sandbox};
use backend_tools::{ReplyKind, Toolset};
use serde_json::json;

use crate::fakes::{Fake, Operation, Trouble};

fn hanging() -> Toolset {
    let fake = Fake::new(|_, _| Trouble::Hang);
    Toolset::with_commands(Arc::new(fake) as Arc<dyn Sandbox>)
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_does_not_answer_is_given_up() {
    let tools = hanging();
    let calls = [
        ("ls", json!({}), 30),
        ("read_file", json!({ "path": "/a" }), 30),
        ("read_many", json!({ "paths": ["/a"] }), 30),
        ("glob", json!({ "pattern": "*" }), 150),
        ("grep", json!({ "pattern": "x" }), 150),
        ("execute", json!({ "command": "true" }), 150),
        ("execute", json!({ "command": "true", "timeout": 5 }), 35),
    ];
    for (name, arguments, seconds) in calls {
        let started = tokio::time::Instant::now();
        let reply = tools.call(name, arguments).await;
        assert_eq!(started.elapsed().as_secs(), seconds, "{name}");
        assert_eq!(reply.kind, ReplyKind::Failure, "{name}: {reply}");
        assert_eq!(reply.error_kind(), Some("timed_out"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_timed_out_is_reported_as_unknown() {
    let fake = Fake::new(|_, operation| match operation {
        Operation::Look => Trouble::None,
        _ => Trouble::Hang,
    });
    fake.files.write("/a", "x\n").await.unwrap();
    let tools = Toolset::new(Arc::new(fake));
    let calls = [
        ("write_file", json!({ "path": "/new", "content": "" })),
        (
            "edit_file",
            json!({ "path": "/a", "old_string": "x", "new_string": "y" }),
        ),
        ("delete", json!({ "path": "/a" })),
        ("move", json!({ "from": "/a", "to": "/b" })),
        (
            "apply_patch",
            json!({ "patch": "*** Begin Patch\n*** Add File: /c\n+x\n*** End Patch" }),
        ),
    ];
    for (name, arguments) in calls {
        let reply = tools.call(name, arguments).await;
        assert_eq!(reply.kind, ReplyKind::Failure, "{name}: {reply}");
        assert!(
            reply
                .text
                .contains("timed out after 30s\nIt may or may not have been done: check"),
            "{name}: {reply}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_ceilings_can_be_set() {
    let fake = Fake::new(|_, _| Trouble::Hang);
    let tools = Toolset::builder(Arc::new(fake))
        .file_timeout(Duration::from_secs(2))
        .search_timeout(Duration::MAX)
        .build();
    let started = tokio::time::Instant::now();
    assert_eq!(tools.call("ls", json!({})).await.kind, ReplyKind::Failure);
    assert_eq!(started.elapsed().as_secs(), 2);
}

#[test]
fn outside_of_a_runtime_a_store_in_memory_still_answers() {
    // A future that is polled by hand has no clock, and so no time limit.
    let bench = crate::support::Bench::new();
    let mut call = Box::pin(bench.tools.call("ls", json!({})));
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    let polled = std::future::Future::poll(call.as_mut(), &mut context);
    assert!(matches!(polled, std::task::Poll::Ready(reply) if reply.is_ok()));
}
