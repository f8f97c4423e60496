//! The beginning and the end of a connection, message by message, with clients that violate the protocol.

use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines};
use tokio::io::{ReadHalf, WriteHalf};

use crate::support::{DEADLINE, ENDLESS, Served, appears, is_gone, open, server};

/// A client that writes and reads lines.
struct Wire {
    input: Lines<BufReader<ReadHalf<DuplexStream>>>,
    output: WriteHalf<DuplexStream>,
    served: Served,
}

impl Wire {
    fn open(server: &backend_mcp::McpServer) -> Self {
        let (stream, served) = open(server);
        let (input, output) = tokio::io::split(stream);
        Self {
            input: BufReader::new(input).lines(),
            output,
            served,
        }
    }

    /// A client that has initialized.
    async fn introduced(server: &backend_mcp::McpServer) -> Self {
        let mut wire = Self::open(server);
        let hello = wire.ask(1, "initialize", hello("2025-06-18")).await;
        assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
        wire.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}")
            .await;
        wire
    }

    async fn send(&mut self, line: &[u8]) {
        self.output.write_all(line).await.unwrap();
        self.output.write_all(b"\n").await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(DEADLINE, self.input.next_line()).await;
        serde_json::from_str(&line.unwrap().unwrap().unwrap()).unwrap()
    }

    async fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(message.to_string().as_bytes()).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn call(&mut self, id: u64, name: &str, arguments: Value) -> Value {
        let params = json!({ "name": name, "arguments": arguments });
        self.ask(id, "tools/call", params).await
    }

    /// Closes the input of the server, and returns how it ended.
    async fn close(mut self) -> io::Result<()> {
        self.output.shutdown().await.unwrap();
        ended(self.served).await
    }
}

async fn ended(served: Served) -> io::Result<()> {
    tokio::time::timeout(DEADLINE, served)
        .await
        .unwrap()
        .unwrap()
}

fn hello(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": { "roots": { "listChanged": true } },
        "clientInfo": { "name": "test", "version": "0" },
    })
}

#[tokio::test]
async fn a_client_that_disconnects_at_once_is_not_a_failure() {
    let (_dir, server) = server();
    Wire::open(&server).close().await.unwrap();
    Wire::introduced(&server).await.close().await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_initialize_is_an_error() {
    let (_dir, server) = server();
    let mut wire = Wire::open(&server);
    wire.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}")
        .await;
    let error = ended(wire.served).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn the_versions_of_the_protocol_with_introductions_are_spoken() {
    let (_dir, server) = server();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut wire = Wire::open(&server);
        let answer = wire.ask(1, "initialize", hello(version)).await;
        assert_eq!(answer["result"]["protocolVersion"], version);
    }
}

#[tokio::test]
async fn the_version_without_introductions_is_spoken() {
    let (_dir, server) = server();
    let mut wire = Wire::open(&server);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "0" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let found = wire
        .ask(1, "server/discover", json!({ "_meta": meta }))
        .await;
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&"2026-07-28".into()), "{found}");
    let params = json!({
        "_meta": meta, "name": "write_file", "arguments": { "path": "a", "content": "A" },
    });
    let done = wire.ask(2, "tools/call", params).await;
    assert_eq!(done["result"]["isError"], false, "{done}");
    assert_eq!(done["result"]["resultType"], "complete");
    wire.close().await.unwrap();
}

#[tokio::test]
async fn arguments_of_any_shape_are_answered_for_the_model() {
    let (_dir, server) = server();
    let mut wire = Wire::introduced(&server).await;
    let mut deep = json!("x");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let all = [
        json!([]),
        json!("{\"path\": 1}"),
        json!("nonsense"),
        json!(5),
        json!(true),
        json!({ "path": deep }),
        json!({ "path": "a".repeat(1 << 20) }),
        json!({ "path": { "path": "a" }, "limit": 1e300, "other": null }),
        json!({ "path": "\u{0}", "limit": -1 }),
    ];
    for (id, arguments) in (10..).zip(all) {
        let answer = wire.call(id, "read_file", arguments.clone()).await;
        let shown: String = arguments.to_string().chars().take(80).collect();
        assert_eq!(answer["result"]["isError"], true, "{shown}: {answer}");
        let kind = &answer["result"]["_meta"]["agent-backends/kind"];
        assert_eq!(kind, "mistake", "{shown}: {answer}");
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.len() < 40_000);
    }
    let answer = wire.call(90, "ls", Value::Null).await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
}

#[tokio::test]
async fn an_invalid_message_does_not_end_the_connection() {
    let (_dir, server) = server();
    let mut wire = Wire::introduced(&server).await;
    let deep = "[".repeat(100_000);
    for line in [
        &b"not json"[..],
        b"",
        b"\xff\xfe",
        deep.as_bytes(),
        b"{\"jsonrpc\":\"2.0\"",
    ] {
        wire.send(line).await;
    }
    let answer = wire.call(7, "ls", json!({})).await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let answer = wire.ask(8, "no/such/method", json!({})).await;
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    // Its roots are not requested, although it has announced some: the next message is the next answer.
    let answer = wire.ask(9, "ping", json!({})).await;
    assert_eq!(answer["result"], json!({}));
}

#[tokio::test]
async fn a_client_that_disconnects_ends_its_calls() {
    let (dir, server) = server();
    let mut wire = Wire::introduced(&server).await;
    let call = json!({
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": "execute", "arguments": { "command": ENDLESS } },
    });
    wire.send(call.to_string().as_bytes()).await;
    let pid = appears(&dir.path().join("pid")).await;
    wire.close().await.unwrap();
    is_gone(&pid).await;
}

#[tokio::test]
async fn the_last_request_is_answered_after_the_input_has_ended() {
    let (_dir, server) = server();
    let mut wire = Wire::introduced(&server).await;
    let call = json!({
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": "write_file", "arguments": { "path": "a", "content": "A" } },
    });
    wire.send(call.to_string().as_bytes()).await;
    wire.output.shutdown().await.unwrap();
    let answer = wire.next().await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    ended(wire.served).await.unwrap();
}

#[tokio::test]
async fn a_dropped_server_ends_its_calls() {
    let (dir, server) = server();
    let mut wire = Wire::introduced(&server).await;
    let call = json!({
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": "execute", "arguments": { "command": ENDLESS } },
    });
    wire.send(call.to_string().as_bytes()).await;
    let pid = appears(&dir.path().join("pid")).await;
    wire.served.abort();
    is_gone(&pid).await;
}
