//! Files as resources.

use std::collections::BTreeSet;
use std::sync::Arc;

use backend_core::{Backend, BackendExt};
use backend_guard::{Guarded, Preset};
use backend_mcp::{LISTED_RESOURCES, McpServer};
use backend_state::StateBackend;
use backend_tools::{Tool, Toolset};
use rmcp::ErrorData;
use rmcp::RoleClient;
use rmcp::model::{ErrorCode, PaginatedRequestParams, ReadResourceRequestParams, ResourceContents};
use rmcp::service::{RunningService, ServiceError};
use serde_json::Value;

use crate::support::{connect, server};

async fn read(client: &RunningService<RoleClient, ()>, uri: &str) -> Result<Value, ErrorData> {
    let params = ReadResourceRequestParams::new(uri);
    match client.read_resource(params).await {
        Ok(result) => Ok(serde_json::to_value(&result.contents).unwrap()),
        Err(ServiceError::McpError(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn files_are_listed_and_read_by_their_uris() {
    let (dir, server) = server();
    let root = dir.path();
    std::fs::create_dir_all(root.join("src")).unwrap();
    std::fs::write(root.join("src/a b.rs"), "fn main() {}\n").unwrap();
    std::fs::write(root.join("data.bin"), b"\xff\x00").unwrap();
    std::fs::write(root.join(".hidden"), "").unwrap();
    std::fs::write(root.join(".gitignore"), "*.log\n").unwrap();
    std::fs::write(root.join("x.log"), "").unwrap();
    std::os::unix::fs::symlink("src/a b.rs", root.join("link.rs")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("out")).unwrap();
    let (client, _served) = connect(&server, ()).await;
    let listed = client.list_all_resources().await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|resource| (&*resource.uri, &*resource.name, resource.size))
        .collect();
    assert_eq!(
        listed,
        [
            ("workspace:///data.bin", "data.bin", Some(2)),
            ("workspace:///link.rs", "link.rs", Some(13)),
            ("workspace:///src/a%20b.rs", "src/a b.rs", Some(13)),
        ]
    );
    let text = read(&client, "workspace:///src/a%20b.rs").await.unwrap();
    assert_eq!(text[0]["text"], "fn main() {}\n");
    assert_eq!(text[0]["uri"], "workspace:///src/a%20b.rs");
    let bytes = read(&client, "workspace:///data.bin").await.unwrap();
    assert_eq!(bytes[0]["blob"], "/wA=");
    let templates = client.list_all_resource_templates().await.unwrap();
    assert_eq!(templates[0].uri_template, "workspace:///{+path}");
}

#[tokio::test]
async fn a_failed_read_is_reported_with_its_kind_and_without_host_paths() {
    let (dir, server) = server();
    let root = dir.path();
    std::fs::create_dir(root.join("d")).unwrap();
    std::fs::write(root.join("big"), vec![b'x'; (1 << 20) + 1]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("out")).unwrap();
    let (client, _served) = connect(&server, ()).await;
    for (uri, code, kind) in [
        (
            "workspace:///no",
            ErrorCode::RESOURCE_NOT_FOUND,
            "not_found",
        ),
        (
            "workspace:///d",
            ErrorCode::INVALID_PARAMS,
            "is_a_directory",
        ),
        ("workspace:///big", ErrorCode::INVALID_PARAMS, "too_large"),
        (
            "workspace:///out",
            ErrorCode::INVALID_PARAMS,
            "permission_denied",
        ),
        (
            "workspace:///../a",
            ErrorCode::INVALID_PARAMS,
            "invalid_path",
        ),
        (
            "file:///etc/passwd",
            ErrorCode::INVALID_PARAMS,
            "invalid_request",
        ),
        ("", ErrorCode::INVALID_PARAMS, "invalid_request"),
    ] {
        let error = read(&client, uri).await.unwrap_err();
        assert_eq!(error.code, code, "{uri}: {error:?}");
        assert_eq!(error.data.as_ref().unwrap()["kind"], kind, "{uri}");
        let host = root.to_str().unwrap();
        assert!(!error.message.contains(host), "{error:?}");
    }
}

#[tokio::test]
async fn the_list_has_pages_and_an_end() {
    let files = StateBackend::new();
    for number in 0..LISTED_RESOURCES + 7 {
        files.write(&format!("/{number:05}"), "").await.unwrap();
    }
    let server = McpServer::new(Toolset::new(Arc::new(files)));
    let (client, _served) = connect(&server, ()).await;
    let first = client.list_resources(None).await.unwrap();
    assert!(first.resources.len() < LISTED_RESOURCES && first.next_cursor.is_some());
    let all = client.list_all_resources().await.unwrap();
    let uris: BTreeSet<_> = all.iter().map(|resource| &resource.uri).collect();
    assert_eq!(uris.len(), LISTED_RESOURCES);
    assert_eq!(all.len(), LISTED_RESOURCES);
    for cursor in ["", "x", "-1", "1000000", "99999999999999999999"] {
        let page = PaginatedRequestParams::default().with_cursor(Some(cursor.to_owned()));
        let error = client.list_resources(Some(page)).await.unwrap_err();
        assert!(error.to_string().contains("cursor"), "{error}");
    }
}

#[tokio::test]
async fn rules_hold_for_resources() {
    let files = StateBackend::new();
    files.write("/.env", "TOKEN=1\n").await.unwrap();
    files.write("/deploy/id_rsa", "KEY\n").await.unwrap();
    files.write("/a.txt", "A\n").await.unwrap();
    let guarded: Arc<dyn Backend> = Arc::new(Guarded::new(files, Preset::ReadOnly));
    let server = McpServer::new(Toolset::new(guarded));
    let (client, _served) = connect(&server, ()).await;
    let listed = client.list_all_resources().await.unwrap();
    assert!(
        listed
            .iter()
            .any(|resource| resource.uri == "workspace:///a.txt")
    );
    for uri in [
        "workspace:///.env",
        "workspace:///%2eenv",
        "workspace:///./.env",
    ] {
        let error = read(&client, uri).await.unwrap_err();
        assert_eq!(error.data.unwrap()["kind"], "permission_denied", "{uri}");
    }
    let error = read(&client, "workspace:///deploy/id_rsa")
        .await
        .unwrap_err();
    assert_eq!(error.data.unwrap()["kind"], "permission_denied");
}

#[tokio::test]
async fn without_the_tools_for_them_there_are_no_resources() {
    let files = StateBackend::new();
    files.write("/a.txt", "A\n").await.unwrap();
    let toolset = Toolset::builder(Arc::new(files.clone()));
    let server = McpServer::new(toolset.without([Tool::ReadFile]).build());
    let (client, _served) = connect(&server, ()).await;
    assert!(client.peer_info().unwrap().capabilities.resources.is_none());
    assert_eq!(
        read(&client, "workspace:///a.txt").await.unwrap_err().code,
        ErrorCode::METHOD_NOT_FOUND
    );
    // A client that may not search can read known paths.
    let toolset = Toolset::builder(Arc::new(files))
        .without([Tool::Glob])
        .build();
    let (client, _served) = connect(&McpServer::new(toolset), ()).await;
    assert!(client.list_all_resources().await.unwrap().is_empty());
    let contents = read(&client, "workspace:///a.txt").await.unwrap();
    let contents: Vec<ResourceContents> = serde_json::from_value(contents).unwrap();
    assert_eq!(contents.len(), 1);
}
