//! The tools offered for a workspace, by its options; its output, by stream.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::served::{Http, call, connect, ended, start, text};
use crate::support::Place;

async fn offered(place: &Place, args: &[&str]) -> Vec<String> {
    let (client, _child) = connect(place, args).await;
    let listed = client.list_all_tools().await.unwrap();
    listed.iter().map(|tool| tool.name.to_string()).collect()
}

#[tokio::test]
async fn unsupported_tools_are_not_offered() {
    let place = Place::with(&[("a.txt", "A\n")]);
    let files = offered(&place, &["--root", "."]).await;
    assert!(files.contains(&"write_file".to_owned()) && !files.contains(&"execute".to_owned()));
    let all = offered(&place, &["--no-isolation"]).await;
    assert_eq!(all.len(), 17);
    let looks = ["ls", "read_file", "read_many", "glob", "grep"];
    assert_eq!(offered(&place, &["--read-only"]).await, looks);
    let preset = ["--no-isolation", "--permissions", "read-only"];
    assert_eq!(offered(&place, &preset).await, looks);
}

#[tokio::test]
async fn tools_that_the_rules_rule_out_are_not_offered() {
    let rules = r#"
        default = "allow"
        rules = [
            { operations = ["delete"], action = "deny" },
            { operations = ["execute"], action = "ask" },
        ]
    "#;
    let place = Place::with(&[("rules.toml", rules)]);
    let args = ["--no-isolation", "--permissions", "rules.toml"];
    let left = offered(&place, &args).await;
    for name in ["delete", "move", "execute", "start_process"] {
        assert!(!left.contains(&name.to_owned()), "{name}: {left:?}");
    }
    assert!(left.contains(&"write_file".to_owned()));
    // Calling it anyway is refused.
    let (client, _child) = connect(&place, &args).await;
    for (name, arguments) in [
        ("delete", json!({ "path": "rules.toml" })),
        ("execute", json!({ "command": "true" })),
    ] {
        let result = call(&client, name, arguments).await;
        assert_eq!(result.is_error, Some(true), "{name}");
        let meta = serde_json::to_value(&result.meta).unwrap();
        assert_eq!(meta["agent-backends/kind"], "refusal", "{}", text(&result));
    }
    assert!(place.at("rules.toml").exists());
}

#[tokio::test]
async fn nothing_but_the_protocol_is_printed() {
    let place = Place::new();
    // Not even errors.
    let ran = place.run(["mcp", "--root", "nowhere", "--json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stdout.is_empty() && ran.stderr.starts_with("error: "),
        "{ran:?}"
    );
    let hello = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" },
        },
    });
    let ran = place.feed(format!("{hello}\n"), ["mcp", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<Value> = ran
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["result"]["serverInfo"]["name"], "agent-backends");
    assert_eq!(ran.stderr, "");
    let ran = place.feed(
        "GET / HTTP/1.1\n{\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n",
        ["mcp"],
    );
    ran.told(18);
}

#[tokio::test]
async fn the_token_is_given_or_made() {
    let place = Place::with(&[("token", "  a-token-of-the-tests\n"), ("short", "short")]);
    let made = Http::start(&place, &[]).await;
    assert_eq!(made.token.len(), 64);
    let mut given = Http::start(&place, &["--token-file", "token"]).await;
    assert_eq!(given.token, "");
    given.token = "a-token-of-the-tests".to_owned();
    given.connect().await.list_all_tools().await.unwrap();
    let told = place
        .run(["mcp", "--http", "0", "--token-file", "short"])
        .told(2);
    assert!(
        told.contains("at least 16") && !told.contains("short\""),
        "{told}"
    );
    place
        .run(["mcp", "--http", "0", "--token-file", "nothing"])
        .told(18);

    // In words, for a person: the URL is the result, the token is not.
    let mut command = place.command(["mcp", "--http", "0"]);
    command.env("AGENT_BACKENDS_MCP_TOKEN", "");
    let mut command = tokio::process::Command::from(command);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut told = vec![0; 71];
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut told)
        .await
        .unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(told.starts_with("token: "), "{told}");
    child.kill().await.unwrap();
    let mut url = String::new();
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_to_string(&mut url)
        .await
        .unwrap();
    assert!(
        url.starts_with("http://127.0.0.1:") && url.ends_with("/mcp\n"),
        "{url}"
    );
}

#[tokio::test]
async fn options_that_do_not_go_together_are_refused() {
    let place = Place::new();
    for args in [
        ["mcp", "--token-file", "x"].as_slice(),
        &["mcp", "--allow-host", "x"],
        &["mcp", "--http", "nowhere"],
        &["mcp", "--http", "0.0.0.0:0"],
        &["mcp", "--root", ".", "--state", "s.json"],
    ] {
        place.run(args).told(2);
    }
    let taken = Http::start(&place, &[]).await;
    let address = taken
        .url
        .trim_start_matches("http://")
        .trim_end_matches("/mcp");
    let told = place.run(["mcp", "--http", address]).told(18);
    assert!(told.contains("--http"), "{told}");
}

#[tokio::test]
async fn a_server_without_a_client_ends() {
    let place = Place::new();
    let mut child = start(&place, &["--no-isolation"]);
    drop(child.stdin.take());
    assert_eq!(ended(&mut child).await, Some(0));
}
