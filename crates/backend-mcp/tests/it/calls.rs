//! Concurrent calls, long calls, and cancelled calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend_mcp::McpServer;
use backend_tools::Toolset;
use rmcp::RoleClient;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{CallToolRequest, ClientRequest, ProgressNotificationParam, ServerResult};
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestHandle, RunningService};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, ENDLESS, appears, call, connect, is_gone, params, server, text, workshop,
};

/// Sends a call, and does not wait for its result.
async fn send<H: ClientHandler>(
    client: &RunningService<RoleClient, H>,
    name: &str,
    arguments: Value,
) -> RequestHandle<RoleClient> {
    let request = CallToolRequest::new(params(name, arguments));
    let request = ClientRequest::CallToolRequest(request);
    let sent = client.send_cancellable_request(request, PeerRequestOptions::no_options());
    sent.await.unwrap()
}

#[tokio::test]
async fn a_cancelled_call_ends_with_everything_it_started() {
    let (dir, server) = server();
    let (client, _served) = connect(&server, ()).await;
    let sent = send(&client, "execute", json!({ "command": ENDLESS })).await;
    let pid = appears(&dir.path().join("pid")).await;
    sent.cancel(Some("enough".to_owned())).await.unwrap();
    is_gone(&pid).await;
    // The connection is unaffected.
    let result = call(&client, "execute", json!({ "command": "echo on" })).await;
    assert!(text(&result).starts_with("on\n"), "{}", text(&result));
}

#[tokio::test]
async fn calls_run_at_once_and_each_gets_its_own_answer() {
    let (dir, server) = server();
    let (client, _served) = connect(&server, ()).await;
    // Neither ends without the other.
    let first = json!({ "command": "mkfifo one two; echo 1 > one; cat two" });
    let first = send(&client, "execute", first).await;
    let second = json!({ "command": "until [ -p one ] && [ -p two ]; do sleep 0.01; done; cat one; echo 2 > two" });
    let second = send(&client, "execute", second).await;
    let answer = async |sent: RequestHandle<RoleClient>| {
        let response = tokio::time::timeout(DEADLINE, sent.await_response()).await;
        match response.unwrap().unwrap() {
            ServerResult::CallToolResult(result) => text(&result).to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert!(answer(first).await.starts_with("2\n"));
    assert!(answer(second).await.starts_with("1\n"));

    std::fs::write(dir.path().join("n.txt"), "0\n").unwrap();
    let mut sent = Vec::new();
    for number in 0..40 {
        let arguments = json!({ "path": format!("{number}.txt"), "content": number.to_string() });
        sent.push((number, send(&client, "write_file", arguments).await));
    }
    for (number, sent) in sent {
        let told = answer(sent).await;
        assert!(
            told.starts_with(&format!("created /{number}.txt")),
            "{told}"
        );
    }
}

#[tokio::test]
async fn more_calls_than_may_run_wait_and_one_that_waits_can_be_cancelled() {
    let (dir, sandbox) = workshop();
    let server = McpServer::builder(Toolset::with_commands(sandbox))
        .max_calls(1)
        .build();
    let (client, _served) = connect(&server, ()).await;
    let running = send(&client, "execute", json!({ "command": ENDLESS })).await;
    let pid = appears(&dir.path().join("pid")).await;
    let waiting = send(
        &client,
        "write_file",
        json!({ "path": "a", "content": "A" }),
    )
    .await;
    waiting.cancel(None).await.unwrap();
    // It has its answer while nothing but a call would wait.
    client.list_all_tools().await.unwrap();
    assert!(!dir.path().join("a").exists());
    running.cancel(None).await.unwrap();
    is_gone(&pid).await;
    call(
        &client,
        "write_file",
        json!({ "path": "b", "content": "B" }),
    )
    .await;
    assert!(!dir.path().join("a").exists());
}

/// Records the progress notifications.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<ProgressNotificationParam>>>);

impl ClientHandler for Told {
    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.0.lock().unwrap().push(progress);
    }
}

#[tokio::test]
async fn a_long_call_reports_progress() {
    let (dir, sandbox) = workshop();
    let server = McpServer::builder(Toolset::with_commands(sandbox))
        .progress_interval(Duration::from_millis(10))
        .build();
    let told = Told::default();
    let (client, _served) = connect(&server, told.clone()).await;
    let wait = json!({ "command": "until [ -e go ]; do sleep 0.01; done; echo done" });
    let sent = send(&client, "execute", wait).await;
    let token = sent.progress_token.clone();
    let several = async {
        while told.0.lock().unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, several).await.unwrap();
    std::fs::write(dir.path().join("go"), "").unwrap();
    sent.await_response().await.unwrap();
    let told = told.0.lock().unwrap();
    assert!(told.iter().all(|progress| progress.progress_token == token));
    assert!(
        told.windows(2)
            .all(|pair| pair[0].progress < pair[1].progress)
    );
    let message = told[0].message.as_deref().unwrap();
    assert!(message.starts_with("execute has been running"), "{message}");
}
