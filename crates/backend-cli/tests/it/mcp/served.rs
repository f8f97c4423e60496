//! The program as a server, and rmcp's own client of it.

use std::process::Stdio;
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService, ServiceExt,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::Place;

/// Far longer than anything here takes: a longer wait is a hang.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A client that has initialized.
pub(crate) type Client = RunningService<RoleClient, ()>;

/// Starts the program with its standard streams open.
pub(crate) fn start(place: &Place, args: &[&str]) -> Child {
    let command = place.command(["mcp"].iter().chain(args));
    let mut command = Command::from(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Starts the program, and connects a client over its standard streams.
pub(crate) async fn connect(place: &Place, args: &[&str]) -> (Client, Child) {
    let mut child = start(place, args);
    let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    (().serve(streams).await.unwrap(), child)
}

/// The program as a server over HTTP.
pub(crate) struct Http {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Http {
    pub(crate) async fn start(place: &Place, args: &[&str]) -> Self {
        let args: Vec<_> = ["--http", "0", "--json"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let mut child = start(place, &args);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            url: told["url"].as_str().unwrap().to_owned(),
            token: told["token"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// Connects a client that initializes and has a session.
    pub(crate) async fn connect(&self) -> Client {
        ().serve(self.transport()).await.unwrap()
    }

    /// Connects a client of the version without initialization.
    pub(crate) async fn connect_without_session(&self) -> Client {
        let preferred_versions = vec![rmcp::model::ProtocolVersion::V_2026_07_28];
        let lifecycle = ClientLifecycleMode::Discover { preferred_versions };
        let connected = ().serve_with_lifecycle(self.transport(), lifecycle);
        connected.await.unwrap()
    }

    fn transport(
        &self,
    ) -> impl rmcp::transport::Transport<
        RoleClient,
        Error = impl std::error::Error + Send + Sync + 'static,
    > + 'static {
        let config = StreamableHttpClientTransportConfig::with_uri(self.url.clone());
        StreamableHttpClientTransport::from_config(config.auth_header(self.token.clone()))
    }
}

/// The parameters of a call.
pub(crate) fn params(name: &str, arguments: Value) -> CallToolRequestParams {
    let params = CallToolRequestParams::new(name.to_owned());
    match arguments {
        Value::Object(arguments) => params.with_arguments(arguments),
        other => panic!("{other} are no arguments"),
    }
}

/// Calls a tool.
pub(crate) async fn call(client: &Client, name: &str, arguments: Value) -> CallToolResult {
    client.call_tool(params(name, arguments)).await.unwrap()
}

/// The text of a result.
pub(crate) fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}

/// Waits until the program has ended, and returns its code.
pub(crate) async fn ended(child: &mut Child) -> Option<i32> {
    let status = tokio::time::timeout(DEADLINE, child.wait()).await;
    status.unwrap().unwrap().code()
}
