//! Commands and processes, on real ones.

use std::sync::Arc;

use backend_core::{BackendExt, Sandbox};
use backend_fs::FsBackend;
use backend_tools::{Reply, ReplyKind, Toolset};
use sandbox_local::LocalSandbox;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Room {
    dir: TempDir,
    tools: Toolset,
}

impl Room {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = FsBackend::open(dir.path()).unwrap();
        let sandbox = LocalSandbox::without_isolation(files, dir.path()).unwrap();
        let tools = Toolset::with_commands(Arc::new(sandbox) as Arc<dyn Sandbox>);
        Self { dir, tools }
    }

    async fn call(&self, name: &str, arguments: Value) -> Reply {
        self.tools.call(name, arguments).await
    }

    async fn execute(&self, arguments: Value) -> Reply {
        self.call("execute", arguments).await
    }
}

/// The text without the time that it took.
fn said(reply: &Reply) -> String {
    let (text, _) = reply.text.rsplit_once(", ").unwrap();
    text.to_owned()
}

#[tokio::test]
async fn a_command_that_fails_is_a_result() {
    let room = Room::new();
    let reply = room
        .execute(json!({ "command": "printf out; echo err >&2; exit 124" }))
        .await;
    assert_eq!(reply.kind, ReplyKind::Ok);
    assert_eq!(said(&reply), "out\nerr\n(exit code 124");
    assert_eq!(reply.structured["status"], "exited");
    assert_eq!(reply.structured["exit_code"], 124);
    assert_eq!(reply.structured["stdout"], "out");
    assert_eq!(reply.structured["stderr"], "err\n");
    let reply = room.execute(json!({ "command": "kill -9 $$" })).await;
    assert_eq!(said(&reply), "(killed by signal 9");
    assert_eq!(reply.structured["signal"], 9);
}

#[tokio::test]
async fn a_command_that_runs_out_of_time_returns_what_it_printed() {
    let room = Room::new();
    let reply = room
        .execute(json!({ "command": "echo before; sleep 60", "timeout": 1 }))
        .await;
    assert_eq!(reply.kind, ReplyKind::Ok);
    assert!(
        reply
            .text
            .starts_with("before\n(timed out, and was killed with all its descendants, 1."),
        "{reply}"
    );
    assert_eq!(reply.structured["status"], "timed_out");
    for timeout in [
        json!(0),
        json!(-1),
        json!(601),
        json!("soon"),
        json!(1.5),
        json!(true),
    ] {
        let reply = room
            .execute(json!({ "command": "true", "timeout": timeout }))
            .await;
        assert_eq!(reply.kind, ReplyKind::Mistake, "{timeout}");
        assert!(
            reply
                .text
                .contains("`timeout`: must be an integer from 1 to 600, not "),
            "{reply}"
        );
    }
}

#[tokio::test]
async fn quotes_newlines_and_input_arrive_as_they_are() {
    let room = Room::new();
    let command = "cat <<'EOF'\n\"a\" 'b' $HOME \\n\nEOF\necho \"it's\"; cat; pwd";
    std::fs::create_dir(room.dir.path().join("sub dir")).unwrap();
    let arguments = json!({ "command": command, "stdin": "in\u{e9}\n", "cwd": "sub dir" });
    let reply = room.execute(arguments).await;
    let wanted = "\"a\" 'b' $HOME \\n\nit's\nin\u{e9}\n";
    assert!(reply.text.starts_with(wanted), "{reply}");
    assert!(
        reply.structured["stdout"]
            .as_str()
            .unwrap()
            .trim_end()
            .ends_with("/sub dir")
    );
    for (cwd, kind) in [("gone", "not_found"), ("../x", "invalid_path")] {
        let reply = room.execute(json!({ "command": "true", "cwd": cwd })).await;
        assert_eq!(
            (reply.kind, reply.error_kind()),
            (ReplyKind::Mistake, Some(kind))
        );
    }
    let reply = room.execute(json!({ "command": "a\u{0}b" })).await;
    assert_eq!(
        (reply.kind, reply.error_kind()),
        (ReplyKind::Mistake, Some("invalid_request"))
    );
}

#[tokio::test]
async fn long_output_is_kept_in_a_file_and_its_sizes_are_reported() {
    let room = Room::new();
    let reply = room
        .execute(json!({ "command": "seq 1 50000; echo last >&2; exit 3" }))
        .await;
    assert!(reply.text.len() <= 30 << 10, "{}", reply.text.len());
    assert!(
        reply.text.starts_with("1\n2\n") && said(&reply).ends_with("\n50000\nlast\n(exit code 3")
    );
    assert_eq!(reply.structured["kept_in"], "/.agent/output/001.txt");
    let kept = std::fs::read_to_string(room.dir.path().join(".agent/output/001.txt")).unwrap();
    assert_eq!(
        kept.len() as u64,
        reply.structured["stdout_bytes"].as_u64().unwrap() + 5
    );
    let told = format!("all {} bytes are in /.agent/output/001.txt", kept.len());
    assert!(reply.text.contains(&told));
    let next = room
        .call(
            "read_file",
            json!({ "path": "/.agent/output/001.txt", "offset": 20000, "limit": 1 }),
        )
        .await;
    assert!(next.text.starts_with(" 20001\t20001\n"), "{next}");
}

#[tokio::test]
async fn output_that_is_not_text_is_shown_as_far_as_it_is() {
    let room = Room::new();
    let reply = room
        .execute(json!({ "command": "printf 'caf\\351 \\000 ok'" }))
        .await;
    assert_eq!(said(&reply), "caf\u{fffd} \u{0} ok\n(exit code 0");
    assert_eq!(reply.structured["stdout_bytes"], 9);
}

#[tokio::test]
async fn a_file_that_a_command_changed_is_stale() {
    let room = Room::new();
    room.call(
        "write_file",
        json!({ "path": "/a.txt", "content": "one\ntwo\n" }),
    )
    .await;
    room.execute(json!({ "command": "sed -i s/one/1/ a.txt" }))
        .await;
    let edit = json!({ "path": "/a.txt", "old_string": "two", "new_string": "2" });
    let reply = room.call("edit_file", edit.clone()).await;
    assert_eq!(
        (reply.kind, reply.error_kind()),
        (ReplyKind::Mistake, Some("conflict"))
    );
    assert!(reply.text.contains("\n-one\n+1\n two\n"), "{reply}");
    assert!(room.call("edit_file", edit).await.is_ok());
    assert_eq!(
        std::fs::read_to_string(room.dir.path().join("a.txt")).unwrap(),
        "1\n2\n"
    );
}

#[tokio::test]
async fn a_process_is_started_read_written_to_listed_and_stopped() {
    let room = Room::new();
    let command = "echo ready; read line; echo \"got $line\" >&2; sleep 600";
    let started = room
        .call("start_process", json!({ "command": command }))
        .await;
    let process = started.structured["process"].as_str().unwrap().to_owned();
    assert_eq!(started.text, format!("started process {process}"));
    let read = async |arguments: Value| {
        let mut arguments = arguments;
        arguments["process"] = json!(process);
        room.call("read_process", arguments).await
    };
    let reply = read(json!({ "wait": 30 })).await;
    assert_eq!(reply.text, format!("ready\n(process {process}: running)"));
    let reply = read(json!({})).await;
    assert_eq!(
        reply.text,
        format!("(process {process}: running, nothing new)")
    );
    let reply = room
        .call(
            "write_process",
            json!({ "process": process, "text": "a line\n" }),
        )
        .await;
    assert_eq!(reply.text, format!("wrote 7 bytes to process {process}"));
    let reply = read(json!({ "wait": "30" })).await;
    assert_eq!(
        reply.text,
        format!("got a line\n(process {process}: running)")
    );
    let reply = read(json!({ "cursor": 0 })).await;
    assert_eq!(reply.structured["output"], "ready\ngot a line\n");
    let reply = room.call("list_processes", json!({})).await;
    assert_eq!(reply.text, format!("{process} (running): {command}"));
    let reply = room
        .call("stop_process", json!({ "process": process }))
        .await;
    assert_eq!(
        reply.text,
        format!("process {process}: killed by signal 15")
    );
    let reply = room
        .call("stop_process", json!({ "process": process }))
        .await;
    assert!(reply.is_ok(), "{reply}");
    let reply = read(json!({})).await;
    assert_eq!(reply.structured["status"], "signaled");
    let reply = room
        .call("write_process", json!({ "process": process, "text": "x" }))
        .await;
    assert_eq!(reply.kind, ReplyKind::Mistake);
}

#[tokio::test]
async fn a_process_that_does_not_want_to_end_is_killed() {
    let room = Room::new();
    let command = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let started = room
        .call("start_process", json!({ "command": command }))
        .await;
    let process = started.structured["process"].clone();
    room.call("read_process", json!({ "process": process, "wait": 30 }))
        .await;
    let reply = room
        .call("stop_process", json!({ "process": process }))
        .await;
    assert_eq!(reply.structured["signal"], 9, "{reply}");
}

#[tokio::test]
async fn an_unknown_process_is_a_mistake() {
    let room = Room::new();
    for (name, arguments) in [
        ("read_process", json!({ "process": "p9" })),
        ("write_process", json!({ "process": "p9", "close": true })),
        ("stop_process", json!({ "process": "p9" })),
    ] {
        let reply = room.call(name, arguments).await;
        assert_eq!(reply.kind, ReplyKind::Mistake);
        assert_eq!(
            reply.text,
            "process p9: not found\nList the processes to find the right one."
        );
    }
    assert_eq!(
        room.call("list_processes", json!({})).await.text,
        "no processes were started"
    );
    let reply = room.call("write_process", json!({ "process": "p9" })).await;
    assert_eq!(
        reply.text,
        "there is nothing to write: pass `text`, or `close`"
    );
}

#[tokio::test]
async fn dropping_a_call_kills_its_command() {
    let room = Room::new();
    let mut call =
        Box::pin(room.execute(json!({ "command": "touch started; sleep 1; touch late" })));
    let started = room.dir.path().join("started");
    while !started.exists() {
        let wait = tokio::time::timeout(std::time::Duration::from_millis(5), call.as_mut());
        assert!(wait.await.is_err());
    }
    drop(call);
    // Later calls are not delayed, and find none of its processes running.
    let reply = room.execute(json!({ "command": "sleep 2; ls" })).await;
    assert!(!reply.text.contains("late"), "{reply}");
}

#[tokio::test]
async fn a_sandbox_that_is_gone_is_a_failure() {
    let room = Room::new();
    room.tools.sandbox().unwrap().stop().await.unwrap();
    for (name, arguments) in [("execute", json!({ "command": "true" })), ("ls", json!({}))] {
        let reply = room.call(name, arguments).await;
        assert_eq!(
            (reply.kind, reply.error_kind()),
            (ReplyKind::Failure, Some("unavailable")),
            "{reply}"
        );
    }
    assert!(room.tools.files().ls("/").await.is_err());
}
