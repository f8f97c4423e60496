//! A workspace, a server of it, and a client.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backend_core::Sandbox;
use backend_fs::FsBackend;
use backend_mcp::McpServer;
use backend_tools::Toolset;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService, ServiceExt};
use sandbox_local::LocalSandbox;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

/// Far longer than anything here takes: a longer wait is a hang.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A directory in which commands run.
pub(crate) fn workshop() -> (TempDir, Arc<dyn Sandbox>) {
    let dir = tempfile::tempdir().unwrap();
    let files = FsBackend::open(dir.path()).unwrap();
    let sandbox = LocalSandbox::without_isolation(files, dir.path()).unwrap();
    (dir, Arc::new(sandbox))
}

/// A server of a directory in which commands run.
pub(crate) fn server() -> (TempDir, McpServer) {
    let (dir, sandbox) = workshop();
    (dir, McpServer::new(Toolset::with_commands(sandbox)))
}

/// The server's end of a connection.
pub(crate) type Served = JoinHandle<std::io::Result<()>>;

/// Connects streams to a server.
pub(crate) fn open(server: &McpServer) -> (DuplexStream, Served) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let server = server.clone();
    let (input, output) = tokio::io::split(theirs);
    let served = tokio::spawn(async move { server.serve(input, output).await });
    (ours, served)
}

/// Connects a client, which initializes.
pub(crate) async fn connect<H: ClientHandler>(
    server: &McpServer,
    handler: H,
) -> (RunningService<RoleClient, H>, Served) {
    let (stream, served) = open(server);
    (handler.serve(stream).await.unwrap(), served)
}

/// The parameters of a call.
pub(crate) fn params(name: &str, arguments: Value) -> CallToolRequestParams {
    let params = CallToolRequestParams::new(name.to_owned());
    match arguments {
        Value::Object(arguments) => params.with_arguments(arguments),
        Value::Null => params,
        other => panic!("{other} are no arguments"),
    }
}

/// Calls a tool.
pub(crate) async fn call<H: ClientHandler>(
    client: &RunningService<RoleClient, H>,
    name: &str,
    arguments: Value,
) -> CallToolResult {
    client.call_tool(params(name, arguments)).await.unwrap()
}

/// The text of a result.
pub(crate) fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}

/// The metadata of a result.
pub(crate) fn meta(result: &CallToolResult) -> Map<String, Value> {
    result.meta.clone().unwrap_or_default().0
}

/// Waits until a file exists, and returns its content.
pub(crate) async fn appears(path: &Path) -> String {
    let wait = async {
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) if text.ends_with('\n') => return text,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap()
}

/// Waits until no process has this id.
pub(crate) async fn is_gone(pid: &str) {
    let path = format!("/proc/{}/stat", pid.trim());
    let wait = async {
        loop {
            match std::fs::read_to_string(&path) {
                // Dead, and waiting for its parent.
                Ok(stat) if stat.contains(") Z ") => return,
                Err(_) => return,
                Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap();
}

/// A shell command that writes its process id to `pid`, and keeps running for long, ignoring signals.
pub(crate) const ENDLESS: &str =
    "setsid sh -c 'trap \"\" TERM INT HUP; echo $$ > pid; exec sleep 600' & wait";
