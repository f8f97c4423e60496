//! rmcp's own client lists and calls every tool, over standard streams and over HTTP with and without a session.

use std::collections::BTreeSet;

use rmcp::model::{CallToolRequest, ClientRequest, ReadResourceRequestParams};
use rmcp::service::PeerRequestOptions;
use serde_json::{Value, json};

use super::served::{Client, Http, call, connect, params, text};
use crate::support::Place;

/// Calls that work, in an order in which each finds what it needs. The texts are parts of the replies.
fn steps() -> Vec<(&'static str, Value, &'static str)> {
    let patch = "*** Begin Patch\n*** Update File: a.txt\n two\n-three\n+drei\n*** End Patch";
    vec![
        (
            "write_file",
            json!({ "path": "a.txt", "content": "one\ntwo\nthree\n" }),
            "created /a.txt",
        ),
        ("ls", json!({}), "a.txt"),
        ("read_file", json!({ "path": "a.txt" }), "\tone"),
        ("read_many", json!({ "paths": ["a.txt"] }), "==> "),
        ("glob", json!({ "pattern": "*.txt" }), "/a.txt"),
        ("grep", json!({ "pattern": "t[wh]" }), "two"),
        (
            "edit_file",
            json!({ "path": "a.txt", "old_string": "one", "new_string": "eins" }),
            "+eins",
        ),
        ("apply_patch", json!({ "patch": patch }), "a.txt"),
        ("move", json!({ "from": "a.txt", "to": "b.txt" }), "b.txt"),
        (
            "execute",
            json!({ "command": "cat b.txt" }),
            "eins\ntwo\ndrei\n",
        ),
        ("delete", json!({ "path": "b.txt" }), "b.txt"),
    ]
}

async fn exercise(client: &Client) {
    let listed = client.list_all_tools().await.unwrap();
    let listed: BTreeSet<_> = listed.iter().map(|tool| tool.name.to_string()).collect();
    let mut called = BTreeSet::new();
    let mut ok = async |name: &'static str, arguments: Value, want: &str| {
        called.insert(name.to_owned());
        let result = call(client, name, arguments).await;
        let told = text(&result).to_owned();
        assert_eq!(result.is_error, Some(false), "{name}: {told}");
        assert!(told.contains(want), "{name}: {told}");
        result.structured_content.unwrap()
    };
    for (name, arguments, want) in steps() {
        ok(name, arguments, want).await;
    }
    // Lines by their hashes.
    ok(
        "write_file",
        json!({ "path": "h.txt", "content": "x\ny\n" }),
        "h.txt",
    )
    .await;
    let read = call(
        client,
        "read_file",
        json!({ "path": "h.txt", "hashes": true }),
    )
    .await;
    let line = text(&read).lines().next().unwrap();
    let line = line.split_once('|').unwrap().0.trim();
    let edit =
        json!({ "path": "h.txt", "edits": [{ "op": "replace", "line": line, "text": "z" }] });
    ok("hashline_edit", edit, "+z").await;
    // A process from its start to its end.
    let started = ok("start_process", json!({ "command": "cat" }), "started").await;
    let process = started["process"].as_str().unwrap().to_owned();
    ok("list_processes", json!({}), &process).await;
    ok(
        "write_process",
        json!({ "process": process, "text": "hello\n" }),
        "",
    )
    .await;
    ok(
        "read_process",
        json!({ "process": process, "wait": 60 }),
        "hello",
    )
    .await;
    ok("stop_process", json!({ "process": process }), "").await;
    ok("delete", json!({ "path": "h.txt" }), "h.txt").await;
    assert_eq!(called, listed);
}

async fn errors(client: &Client) {
    for (name, arguments, want) in [
        ("read_file", json!({ "path": "no" }), "not found"),
        ("read_file", json!({ "path": "../../etc/passwd" }), "'..'"),
        ("read_file", json!({ "file": "a" }), "`path`"),
        ("no_such_tool", json!({}), "unknown tool"),
    ] {
        let result = call(client, name, arguments).await;
        assert_eq!(result.is_error, Some(true));
        assert!(text(&result).contains(want), "{}", text(&result));
    }
    let gone = client
        .read_resource(ReadResourceRequestParams::new("workspace:///no"))
        .await;
    assert!(gone.unwrap_err().to_string().contains("not found"));
}

async fn concurrency(client: &Client) {
    let answers = (0..20).map(|number| async move {
        let command = json!({ "command": format!("echo {number}") });
        let result = call(client, "execute", command).await;
        (number, text(&result).lines().next().unwrap().to_owned())
    });
    for (number, answer) in futures_util::future::join_all(answers).await {
        assert_eq!(answer, number.to_string());
    }
}

async fn cancellation(client: &Client, place: &Place) {
    let line = "setsid sh -c 'trap \"\" TERM INT HUP; echo $$ > pid; exec sleep 600' & wait";
    let request = CallToolRequest::new(params("execute", json!({ "command": line })));
    let request = ClientRequest::CallToolRequest(request);
    let options = PeerRequestOptions::no_options();
    let sent = client
        .send_cancellable_request(request, options)
        .await
        .unwrap();
    let pid = super::ends::appears(&place.at("pid")).await;
    sent.cancel(None).await.unwrap();
    super::ends::is_gone(&pid).await;
    std::fs::remove_file(place.at("pid")).unwrap();
    call(client, "ls", json!({})).await;
}

async fn everything(client: &Client, place: &Place) {
    exercise(client).await;
    errors(client).await;
    concurrency(client).await;
    cancellation(client, place).await;
}

#[tokio::test]
async fn over_standard_streams() {
    let place = Place::new();
    let (client, mut child) = connect(&place, &["--no-isolation"]).await;
    everything(&client, &place).await;
    client.cancel().await.unwrap();
    assert_eq!(super::served::ended(&mut child).await, Some(0));
}

#[tokio::test]
async fn over_http_with_a_session() {
    let place = Place::new();
    let http = Http::start(&place, &["--no-isolation"]).await;
    let client = http.connect().await;
    everything(&client, &place).await;
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn over_http_without_a_session() {
    let place = Place::new();
    let http = Http::start(&place, &["--no-isolation"]).await;
    let client = http.connect_without_session().await;
    everything(&client, &place).await;
    client.cancel().await.unwrap();
}
