//! Streamable HTTP, byte by byte: which requests get in, and what ends.

use std::net::SocketAddr;

use backend_mcp::{McpServer, Token};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::support::{DEADLINE, ENDLESS, Served, appears, is_gone, server};

const TOKEN: &str = "a-token-of-the-tests";

/// A server that listens.
struct Http {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: Served,
}

impl Http {
    async fn start(server: &McpServer) -> Self {
        let token = Token::new(TOKEN).unwrap();
        let http = server.http(token).allow_host("workspace.example");
        let http = http.allow_origin("https://app.example:443");
        let http = http.bind("127.0.0.1:0").await.unwrap();
        let address = http.local_addr();
        assert_eq!(http.url(), format!("http://{address}/mcp"));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(http.serve(async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop,
            served,
        }
    }

    /// Sends a request, and returns the connection.
    async fn send(&self, head: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!("{head}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a request, and returns its status and all that comes until the connection is closed.
    async fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let head = format!("{head}Connection: close\r\n");
        let mut stream = self.send(&head, body).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
        read.unwrap().unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let status = answer
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("{answer:?}"));
        (status.parse().unwrap(), answer)
    }
}

/// The head of an accepted request, without its last line.
fn head(more: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{more}"
    )
}

/// A message of the version without initialization, with the headers for it.
fn modern(method: &str, name: &str, params: Value) -> (String, String) {
    let mut params = params;
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "0" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let name = if name.is_empty() {
        String::new()
    } else {
        format!("Mcp-Name: {name}\r\n")
    };
    let more = format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{name}");
    (head(&more), body.to_string())
}

fn call(name: &str, arguments: Value) -> (String, String) {
    modern(
        "tools/call",
        name,
        json!({ "name": name, "arguments": arguments }),
    )
}

#[tokio::test]
async fn a_request_without_the_token_is_refused() {
    let (_dir, server) = server();
    let http = Http::start(&server).await;
    let (good, body) = call("ls", json!({}));
    let (status, answer) = http.ask(&good, &body).await;
    assert_eq!(status, 200, "{answer}");
    let line = format!("Authorization: Bearer {TOKEN}\r\n");
    let longer = format!("Authorization: Bearer {TOKEN}x\r\n");
    let twice = format!("{line}{line}");
    let basic = format!("Authorization: Basic {TOKEN}\r\n");
    for wrong in [
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer a-token-of-the-test\r\n",
        "Authorization: Bearer \u{e9}\u{e9}\u{e9}\u{e9}\r\n",
        &longer,
        &twice,
        &basic,
    ] {
        let (status, answer) = http.ask(&good.replace(&line, wrong), &body).await;
        assert_eq!(status, 401, "{wrong:?}: {answer}");
        assert!(
            answer
                .to_ascii_lowercase()
                .contains("www-authenticate: bearer"),
            "{answer}"
        );
        assert!(!answer.contains("jsonrpc"), "{answer}");
    }
    // Not even to learn which paths there are, and in no other place than the header.
    for target in ["/", "/other", &format!("/mcp?token={TOKEN}")] {
        let head = good
            .replace(&line, "")
            .replace("POST /mcp", &format!("POST {target}"));
        assert_eq!(http.ask(&head, &body).await.0, 401, "{target}");
    }
    let lower = good.replace("Bearer", "bEARER");
    assert_eq!(http.ask(&lower, &body).await.0, 200);
}

#[tokio::test]
async fn the_token_is_compared_as_bytes() {
    let (_dir, server) = server();
    let http = Http::start(&server).await;
    let mut stream = TcpStream::connect(http.address).await.unwrap();
    let mut request =
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\x80".to_vec();
    request.extend_from_slice(b"aaaaaaaaaaaaaaaaaaaa\r\n\r\n");
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 401"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn requests_by_other_names_and_from_pages_are_refused() {
    let (_dir, server) = server();
    let http = Http::start(&server).await;
    let (good, body) = call("ls", json!({}));
    let ask = async |from: &str, to: &str| http.ask(&good.replace(from, to), &body).await.0;
    let host = "Host: localhost";
    assert_eq!(ask(host, "Host: evil.example").await, 403);
    assert_eq!(ask(host, "Host: localhost.evil.example").await, 403);
    assert_eq!(ask(host, "Host: workspace.example").await, 200);
    assert_eq!(ask(host, &format!("Host: {}", http.address)).await, 200);
    assert_eq!(
        ask(host, "Host: localhost\r\nOrigin: https://evil.example").await,
        403
    );
    assert_eq!(
        ask(host, "Host: localhost\r\nOrigin: http://localhost:3000").await,
        403
    );
    assert_eq!(ask(host, "Host: localhost\r\nOrigin: null").await, 403);
    assert_eq!(
        ask(host, "Host: localhost\r\nOrigin: https://app.example").await,
        200
    );
}

#[tokio::test]
async fn other_paths_and_requests_that_are_too_long_are_refused() {
    let (_dir, server) = server();
    let http = Http::start(&server).await;
    let (good, body) = call("ls", json!({}));
    let elsewhere = good.replace("POST /mcp", "POST /mcp/x");
    assert_eq!(http.ask(&elsewhere, &body).await.0, 404);
    let long = " ".repeat((16 << 20) + 1);
    assert_eq!(http.ask(&good, &long).await.0, 413);
    assert_eq!(http.ask(&good, "not json").await.0, 415);
    let (status, _) = http
        .ask(
            &head(""),
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
        )
        .await;
    // A client of a version with initialization has to initialize.
    assert!((400..500).contains(&status), "{status}");
}

#[tokio::test]
async fn a_session_is_there_until_it_is_ended() {
    let (_dir, server) = server();
    let http = Http::start(&server).await;
    let hello = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" },
        },
    });
    let (status, answer) = http.ask(&head(""), &hello.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    let name = "mcp-session-id: ";
    let line = answer
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with(name));
    let session = line.unwrap().split_at(name.len()).1.trim();
    let more = format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-06-18\r\n");
    let delete = head(&more).replace("POST", "DELETE");
    assert_eq!(http.ask(&delete, "").await.0, 204);
    let list = "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}";
    assert_eq!(http.ask(&head(&more), list).await.0, 404);
    let stranger = more.replace(session, "00000000-0000-0000-0000-000000000000");
    assert_eq!(http.ask(&head(&stranger), list).await.0, 404);
}

#[tokio::test]
async fn an_aborted_request_ends_its_call() {
    let (dir, server) = server();
    let http = Http::start(&server).await;
    let (head, body) = call("execute", json!({ "command": ENDLESS }));
    let stream = http.send(&head, &body).await;
    let pid = appears(&dir.path().join("pid")).await;
    drop(stream);
    is_gone(&pid).await;
}

#[tokio::test]
async fn a_server_that_stops_ends_its_calls_and_connections() {
    let (dir, server) = server();
    let http = Http::start(&server).await;
    let (head, body) = call("execute", json!({ "command": ENDLESS }));
    let mut stream = http.send(&head, &body).await;
    let pid = appears(&dir.path().join("pid")).await;
    http.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, http.served)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    is_gone(&pid).await;
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
    assert!(TcpStream::connect(http.address).await.is_err());
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_its_calls() {
    let (dir, server) = server();
    let http = Http::start(&server).await;
    let (head, body) = call("execute", json!({ "command": ENDLESS }));
    let _stream = http.send(&head, &body).await;
    let pid = appears(&dir.path().join("pid")).await;
    http.served.abort();
    is_gone(&pid).await;
}

#[tokio::test]
async fn an_address_that_others_can_reach_needs_a_name() {
    let (_dir, server) = server();
    let http = || server.http(Token::new(TOKEN).unwrap());
    let error = http().bind("0.0.0.0:0").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    http()
        .allow_host("workspace.example")
        .bind("0.0.0.0:0")
        .await
        .unwrap();
}
