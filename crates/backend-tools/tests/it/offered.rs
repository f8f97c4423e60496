//! Which tools are offered, and the reply to a call of one that is not.

use std::collections::BTreeSet;
use std::sync::Arc;

use backend_core::{Backend, Capabilities, Error, Sandbox, VirtualPath};
use backend_fs::FsBackend;
use backend_tools::{Reply, ReplyKind, Tool, Toolset};
use serde_json::json;

use crate::fakes::{Fake, Operation, Trouble};
use crate::support::Bench;

fn names(tools: &Toolset) -> Vec<&str> {
    tools
        .definitions()
        .map(|definition| definition.name)
        .collect()
}

const READS: [&str; 5] = ["ls", "read_file", "read_many", "glob", "grep"];

#[track_caller]
fn check_refused(reply: &Reply, reason: &str) {
    assert_eq!(reply.kind, ReplyKind::Refusal, "{reply}");
    assert_eq!(reply.error_kind(), Some("unsupported"));
    assert!(reply.text.contains(reason), "{reply}");
    assert!(
        reply.text.ends_with("Do not try to work around this."),
        "{reply}"
    );
}

#[tokio::test]
async fn a_read_only_workspace_offers_nothing_that_changes_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = FsBackend::builder(dir.path()).read_only().build().unwrap();
    let tools = Toolset::new(Arc::new(files));
    assert_eq!(names(&tools), READS);
    let calls = [
        ("write_file", json!({ "path": "/a", "content": "" })),
        (
            "edit_file",
            json!({ "path": "/a", "old_string": "a", "new_string": "b" }),
        ),
        (
            "hashline_edit",
            json!({ "path": "/a", "edits": [{ "op": "delete", "line": "1:aaaa" }] }),
        ),
        ("apply_patch", json!({ "patch": "" })),
        ("delete", json!({ "path": "/a" })),
        ("move", json!({ "from": "/a", "to": "/b" })),
    ];
    for (name, arguments) in calls {
        check_refused(
            &tools.call(name, arguments).await,
            "this workspace is read-only",
        );
        // Before any other check of the call.
        check_refused(
            &tools.call(name, json!({ "bad": 1 })).await,
            "this workspace is read-only",
        );
    }
}

#[tokio::test]
async fn files_alone_offer_no_commands() {
    let bench = Bench::new();
    let all = names(&bench.tools).into_iter().collect::<BTreeSet<_>>();
    for tool in [
        Tool::Execute,
        Tool::StartProcess,
        Tool::ReadProcess,
        Tool::WriteProcess,
        Tool::ListProcesses,
    ] {
        assert!(!all.contains(tool.name()));
        let reply = bench.call(tool.name(), json!({})).await;
        check_refused(&reply, "this workspace does not");
    }
    assert_eq!(all.len(), 11);
}

#[tokio::test]
async fn a_sandbox_offers_what_it_declares() {
    let with = |change: fn(&mut Capabilities)| {
        let mut fake = Fake::new(|_, _| Trouble::None);
        change(&mut fake.capabilities);
        Toolset::with_commands(Arc::new(fake) as Arc<dyn Sandbox>)
    };
    assert_eq!(with(|_| {}).definitions().len(), Tool::ALL.len());
    let tools = with(|capabilities| capabilities.processes = false);
    assert!(
        tools.definition(Tool::Execute).is_some() && tools.definition(Tool::StartProcess).is_none()
    );
    let tools = with(|capabilities| capabilities.executes = false);
    assert!(
        tools.definition(Tool::Execute).is_none() && tools.definition(Tool::StopProcess).is_none()
    );
    let tools = with(|capabilities| capabilities.read_only = true);
    assert!(
        tools.definition(Tool::Execute).is_some() && tools.definition(Tool::WriteFile).is_none()
    );
}

#[tokio::test]
async fn an_excluded_tool_is_refused() {
    let bench = Bench::with(&[("/a", "x")]).await;
    let files = || Arc::clone(&bench.files) as Arc<dyn Backend>;
    let tools = Toolset::builder(files())
        .without([Tool::Delete, Tool::Move])
        .build();
    assert!(!names(&tools).contains(&"delete"));
    check_refused(
        &tools.call("delete", json!({ "path": "/a" })).await,
        "this tool is not available",
    );
    let tools = Toolset::builder(files())
        .only([Tool::Grep, Tool::Ls, Tool::Execute])
        .build();
    assert_eq!(names(&tools), ["ls", "grep"]);
    check_refused(
        &tools.call("read_file", json!({ "path": "/a" })).await,
        "this tool is not available",
    );
    assert_eq!(names(&Toolset::builder(files()).only([]).build()), [""; 0]);
    assert_eq!(bench.text("/a").await, "x");
}

#[tokio::test]
async fn a_mistake_a_refusal_and_a_failure_are_distinguished() {
    let path = || VirtualPath::parse("/a").unwrap();
    let errors: [(Error, ReplyKind); 6] = [
        (
            Error::permission_denied(&path(), "by a rule"),
            ReplyKind::Refusal,
        ),
        (Error::not_found(&path()), ReplyKind::Mistake),
        (Error::unsupported("that"), ReplyKind::Mistake),
        (
            Error::unavailable_from("gone", std::io::Error::other("/host/secret")),
            ReplyKind::Failure,
        ),
        (
            Error::internal_from(None, "broken", std::io::Error::other("/host/secret")),
            ReplyKind::Failure,
        ),
        (
            Error::TimedOut {
                what: "it".to_owned(),
                after: std::time::Duration::from_secs(1),
            },
            ReplyKind::Failure,
        ),
    ];
    for (error, kind) in errors {
        let wanted = error.for_model();
        let name = error.kind();
        let fake = Fake::new(move |_, operation| match operation {
            Operation::Look => Trouble::Fail(error.clone()),
            _ => Trouble::None,
        });
        let tools = Toolset::new(Arc::new(fake));
        let reply = tools.call("ls", json!({ "path": "/a" })).await;
        assert_eq!((reply.kind, reply.text.as_str()), (kind, wanted.as_str()));
        assert_eq!(reply.error_kind(), Some(name.as_str()));
        assert!(!format!("{reply:?}").contains("/host/secret"));
    }
}

#[tokio::test]
async fn a_reply_fits_into_a_message_of_each_model_api() {
    let bench = Bench::with(&[("/a", "x\n")]).await;
    let good = bench.ok("read_file", json!({ "path": "/a" })).await;
    let bad = bench.mistake("read_file", json!({ "path": "/b" })).await;
    assert_eq!(
        good.anthropic("call-1"),
        json!({
            "type": "tool_result", "tool_use_id": "call-1", "is_error": false,
            "content": [{ "type": "text", "text": "     1\tx" }],
        })
    );
    assert_eq!(bad.anthropic("call-2")["is_error"], true);
    assert_eq!(
        good.openai("call-1"),
        json!({ "role": "tool", "tool_call_id": "call-1", "content": "     1\tx" })
    );
}
