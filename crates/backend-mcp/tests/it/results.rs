//! The definitions and results that a client gets.

use std::sync::Arc;

use backend_core::{Backend, BackendExt};
use backend_guard::{Action, Answer, Guarded, Permissions, Preset, Question};
use backend_mcp::McpServer;
use backend_state::StateBackend;
use backend_tools::{Tool, Toolset};
use serde_json::json;

use crate::support::{call, connect, meta, server, text};

#[tokio::test]
async fn every_tool_is_listed_as_the_toolset_defines_it() {
    let (_dir, server) = server();
    let (client, _served) = connect(&server, ()).await;
    let listed = client.list_all_tools().await.unwrap();
    let defined: Vec<_> = server.toolset().definitions().collect();
    assert_eq!(listed.len(), Tool::ALL.len());
    assert_eq!(listed.len(), defined.len());
    for (tool, definition) in listed.iter().zip(defined) {
        assert_eq!(tool.name, definition.name);
        assert_eq!(tool.title.as_deref(), Some(definition.title));
        assert_eq!(tool.description.as_deref(), Some(&*definition.description));
        assert_eq!(*tool.input_schema, definition.input_schema);
        assert_eq!(
            tool.output_schema.as_deref(),
            Some(&definition.output_schema)
        );
        assert_eq!(tool.output_schema.as_ref().unwrap()["type"], "object");
        let hints = tool.annotations.as_ref().unwrap();
        let does = definition.annotations;
        assert_eq!(hints.read_only_hint, Some(does.read_only), "{}", tool.name);
        assert_eq!(hints.destructive_hint, Some(does.destructive));
        assert_eq!(hints.idempotent_hint, Some(does.idempotent));
        assert_eq!(hints.open_world_hint, Some(does.open_world));
    }
}

#[tokio::test]
async fn the_server_describes_itself_and_the_workspace() {
    let (_dir, server) = server();
    let (client, _served) = connect(&server, ()).await;
    let info = client.peer_info().unwrap();
    assert_eq!(info.server_info.as_ref().unwrap().name, "agent-backends");
    let told = info.instructions.as_deref().unwrap();
    assert!(
        told.contains("relative to /") && told.contains("Commands run"),
        "{told}"
    );
    assert!(info.capabilities.tools.is_some() && info.capabilities.resources.is_some());
    assert!(info.capabilities.prompts.is_none() && info.capabilities.logging.is_none());
}

#[tokio::test]
async fn a_result_is_text_for_a_model_and_structured_for_a_program() {
    let (_dir, server) = server();
    let (client, _served) = connect(&server, ()).await;
    let result = call(
        &client,
        "write_file",
        json!({ "path": "a.txt", "content": "one\n" }),
    )
    .await;
    assert_eq!(result.is_error, Some(false));
    assert_eq!(text(&result), "created /a.txt: 1 line, 4 bytes");
    assert_eq!(
        result.structured_content.as_ref().unwrap()["path"],
        "/a.txt"
    );
    assert!(result.meta.is_none());
    // A command that fails was run.
    let result = call(&client, "execute", json!({ "command": "echo no; exit 3" })).await;
    assert_eq!(result.is_error, Some(false));
    assert_eq!(result.structured_content.unwrap()["exit_code"], 3);
}

#[tokio::test]
async fn an_error_is_a_result_with_its_kind() {
    let (_dir, server) = server();
    let (client, _served) = connect(&server, ()).await;
    for (name, arguments, kind, error) in [
        (
            "read_file",
            json!({ "path": "no.txt" }),
            "mistake",
            "not_found",
        ),
        (
            "read_file",
            json!({ "path": "../up" }),
            "mistake",
            "invalid_path",
        ),
        ("read_file", json!({}), "mistake", "invalid_request"),
        (
            "read_file",
            json!({ "path": 7 }),
            "mistake",
            "invalid_request",
        ),
        (
            "read_flie",
            json!({ "path": "a" }),
            "mistake",
            "invalid_request",
        ),
        ("", json!({}), "mistake", "invalid_request"),
        (
            "grep",
            json!({ "pattern": "(" }),
            "mistake",
            "invalid_pattern",
        ),
        (
            "delete",
            json!({ "path": "/" }),
            "mistake",
            "invalid_request",
        ),
    ] {
        let result = call(&client, name, arguments.clone()).await;
        assert_eq!(result.is_error, Some(true), "{name} {arguments}");
        // Clients validate this against the schema of a successful call.
        assert_eq!(result.structured_content, None);
        let meta = meta(&result);
        assert_eq!(
            meta["agent-backends/kind"],
            kind,
            "{name} {arguments}: {}",
            text(&result)
        );
        assert_eq!(
            meta["agent-backends/error"]["kind"], error,
            "{name} {arguments}"
        );
    }
    let result = call(&client, "read_flie", json!({})).await;
    assert!(text(&result).contains("did you mean read_file?"));
}

#[tokio::test]
async fn forbidden_calls_are_refusals_and_fully_forbidden_tools_are_not_offered() {
    let files = StateBackend::new();
    files.write("/.env", "TOKEN=1\n").await.unwrap();
    let guarded: Arc<dyn Backend> = Arc::new(Guarded::new(files, Preset::ReadOnly));
    let server = McpServer::new(Toolset::new(guarded));
    let (client, _served) = connect(&server, ()).await;
    let listed = client.list_all_tools().await.unwrap();
    let names: Vec<_> = listed.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["ls", "read_file", "read_many", "glob", "grep"]);
    let told = client.peer_info().unwrap();
    let told = told.instructions.as_deref().unwrap();
    assert!(told.contains("It is read-only") && told.contains("does not run commands"));
    for (name, arguments) in [
        ("read_file", json!({ "path": ".env" })),
        ("write_file", json!({ "path": "a", "content": "" })),
        ("execute", json!({ "command": "true" })),
    ] {
        let result = call(&client, name, arguments).await;
        assert_eq!(result.is_error, Some(true), "{name}");
        assert_eq!(meta(&result)["agent-backends/kind"], "refusal", "{name}");
        assert!(!text(&result).contains("TOKEN"));
    }
}

#[tokio::test]
async fn a_panic_in_a_call_is_its_result_and_ends_nothing_else() {
    let files = StateBackend::new();
    files.write("/a.txt", "A\n").await.unwrap();
    let guarded = Guarded::new(files, Permissions::all(Action::Ask));
    let guarded = guarded.with_approver(|_: &Question| -> Answer { panic!("xyzzy") });
    let server = McpServer::new(Toolset::new(Arc::new(guarded)));
    let (client, _served) = connect(&server, ()).await;
    for _ in 0..2 {
        let result = call(&client, "read_file", json!({ "path": "a.txt" })).await;
        assert_eq!(result.is_error, Some(true));
        assert_eq!(meta(&result)["agent-backends/kind"], "failure");
        assert!(!text(&result).contains("xyzzy"), "{}", text(&result));
    }
    client.list_all_tools().await.unwrap();
}

#[tokio::test]
async fn an_image_is_separate_content() {
    let (dir, server) = server();
    std::fs::write(dir.path().join("a.png"), b"\x89PNG\r\n\x1a\nrest").unwrap();
    let (client, _served) = connect(&server, ()).await;
    let result = call(&client, "read_file", json!({ "path": "a.png" })).await;
    let image = result.content[1].as_image().unwrap();
    assert_eq!(image.mime_type, "image/png");
    assert_eq!(image.data, "iVBORw0KGgpyZXN0");
}

#[tokio::test]
async fn no_text_is_empty() {
    let (dir, server) = server();
    std::fs::write(dir.path().join("empty"), "").unwrap();
    let (client, _served) = connect(&server, ()).await;
    for (name, arguments) in [
        ("read_file", json!({ "path": "empty" })),
        ("list_processes", json!({})),
        ("execute", json!({ "command": "true" })),
    ] {
        let result = call(&client, name, arguments).await;
        assert!(!text(&result).is_empty(), "{name}");
    }
}
