//! How a server ends: with its client or by a signal, and always with everything it has started.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::Child;

use super::served::{Client, DEADLINE, Http, call, connect, ended, params};
use crate::support::Place;

/// Waits until a file has a line, and returns it.
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
    let runs = || std::fs::read_to_string(&path).is_ok_and(|stat| !stat.contains(") Z "));
    let wait = async {
        while runs() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap();
}

/// Starts a background process and a call, both ignoring requests to end; returns their process ids.
async fn occupy(client: &Client, place: &Place) -> [String; 2] {
    let line = |name: &str| {
        format!("setsid sh -c 'trap \"\" TERM INT HUP; echo $$ > {name}; exec sleep 600' & wait")
    };
    call(client, "start_process", json!({ "command": line("stays") })).await;
    let peer = client.peer().clone();
    let params = params("execute", json!({ "command": line("runs") }));
    tokio::spawn(async move {
        let _ = peer.call_tool_once(params).await;
    });
    [
        appears(&place.at("stays")).await,
        appears(&place.at("runs")).await,
    ]
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

async fn dead(pids: [String; 2]) {
    for pid in pids {
        is_gone(&pid).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_ends_the_server_and_all_that_it_started() {
    let place = Place::new();
    let (client, mut child) = connect(&place, &["--no-isolation"]).await;
    let pids = occupy(&client, &place).await;
    client.cancel().await.unwrap();
    assert_eq!(ended(&mut child).await, Some(0));
    dead(pids).await;
}

#[tokio::test]
async fn a_signal_ends_the_server_and_all_that_it_started() {
    for number in [Signal::TERM, Signal::INT, Signal::HUP] {
        let place = Place::new();
        let (client, mut child) = connect(&place, &["--no-isolation"]).await;
        let pids = occupy(&client, &place).await;
        signal(&child, number);
        assert_eq!(ended(&mut child).await, Some(0), "{number:?}");
        dead(pids).await;
    }
}

#[tokio::test]
async fn a_kill_ends_all_that_the_server_started() {
    let place = Place::new();
    let (client, mut child) = connect(&place, &["--no-isolation"]).await;
    let pids = occupy(&client, &place).await;
    child.kill().await.unwrap();
    dead(pids).await;
}

#[tokio::test]
async fn a_signal_ends_a_server_over_http() {
    let place = Place::new();
    let mut http = Http::start(&place, &["--no-isolation"]).await;
    let client = http.connect().await;
    let pids = occupy(&client, &place).await;
    signal(&http.child, Signal::TERM);
    assert_eq!(ended(&mut http.child).await, Some(0));
    dead(pids).await;
}

#[tokio::test]
async fn a_document_is_saved_meanwhile_and_kept_from_others() {
    let place = Place::new();
    let (client, mut child) = connect(&place, &["--state", "s.json"]).await;
    for content in ["one\n", "two\n"] {
        let arguments = json!({ "path": "/a.txt", "content": content });
        call(&client, "write_file", arguments).await;
        let is_saved =
            || place.run(["--state", "s.json", "cat", "/a.txt"]).stdout == content.as_bytes();
        let wait = async {
            while !is_saved() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap();
        // The file is another one now, and as locked as the one before.
        let write = [
            "--state",
            "s.json",
            "--lock-timeout",
            "10ms",
            "write",
            "/b",
            "B",
        ];
        place.run(write).told(16);
    }
    child.kill().await.unwrap();
    assert_eq!(
        place.run(["--state", "s.json", "cat", "/a.txt"]).ok(),
        "two\n"
    );
}

#[tokio::test]
async fn a_document_is_saved_when_the_server_ends() {
    for by_signal in [false, true] {
        let place = Place::new();
        let (client, mut child) = connect(&place, &["--state", "s.json"]).await;
        let arguments = json!({ "path": "/a.txt", "content": "A" });
        call(&client, "write_file", arguments).await;
        if by_signal {
            signal(&child, Signal::TERM);
        } else {
            client.cancel().await.unwrap();
        }
        assert_eq!(ended(&mut child).await, Some(0));
        assert_eq!(place.run(["--state", "s.json", "cat", "/a.txt"]).ok(), "A");
    }
}
