//! `--permissions`.

use backend_core::{ExecRequest, Sandbox, TerminalSize};
use sandbox_local::LocalSandbox;
use serde_json::json;

use crate::support::{PROGRAM, Place};

fn project() -> Place {
    Place::with(&[
        (".env", "TOKEN=1\n"),
        ("a.txt", "TOKEN here\n"),
        ("notes/n", ""),
    ])
}

#[test]
fn a_preset_keeps_secrets_and_changes() {
    let place = project();
    let run = |args: &[&str]| place.run(["--permissions", "read-only"].iter().chain(args));
    assert_eq!(run(&["cat", "a.txt"]).ok(), "TOKEN here\n");
    let told = run(&["cat", ".env"]).told(5);
    assert!(told.contains("it may hold secrets"), "{told}");
    assert_eq!(run(&["grep", "-.", "TOKEN"]).ok(), "/a.txt:1:TOKEN here\n");
    for args in [
        ["write", "b", "B"].as_slice(),
        &["edit", "a.txt", "--old", "here", "--new", "there"],
        &["rm", "a.txt"],
        &["mv", "a.txt", "b"],
        &["cp", ".env", "b", "-q"],
        &["cp", "-q", ".env", "host:leak"],
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 5, "{args:?}: {ran:?}");
    }
    assert!(!place.at("leak").exists() && !place.at("b").exists());
    let whole = run(&["cp", "-rq", "/", "host:copy"]);
    assert_eq!(whole.code, 5);
    assert!(place.at("copy/a.txt").exists() && !place.at("copy/.env").exists());
}

#[test]
fn questions_are_refused_without_a_terminal() {
    let place = project();
    let told = place
        .run(["write", "b", "B", "--permissions", "default"])
        .told(5);
    assert!(told.contains("/b: permission denied"), "{told}");
    let commands = [
        "exec",
        "--no-isolation",
        "--permissions",
        "default",
        "--",
        "true",
    ];
    place.run(commands).told(125);
    let commands = [
        "exec",
        "--no-isolation",
        "--permissions",
        "permissive",
        "--",
        "true",
    ];
    place.run(commands).ok();
}

#[test]
fn rules_come_from_a_file_in_toml_or_json() {
    let place = project();
    let toml = "preset = \"read-only\"\n[[rules]]\naction = \"allow\"\noperations = [\"write\"]\npaths = [\"/notes\"]\n\
                [[rules]]\naction = \"allow\"\ncommands = [\"echo ok\"]\n";
    let rules =
        json!({ "preset": "permissive", "rules": [{ "action": "deny", "paths": ["*.txt"] }] });
    place.put("rules.toml", toml);
    place.put("rules.json", rules.to_string());
    place
        .run(["write", "notes/x", "X", "--permissions", "rules.toml"])
        .ok();
    place
        .run(["write", "x", "X", "--permissions", "rules.toml"])
        .told(5);
    place
        .run(["cat", "a.txt", "--permissions", "rules.json"])
        .told(5);
    place
        .run(["write", "x", "X", "--permissions", "rules.json"])
        .ok();
    let exec = [
        "exec",
        "--no-isolation",
        "--permissions",
        "rules.toml",
        "--",
    ];
    assert_eq!(place.run(exec.iter().chain(&["echo", "ok"])).ok(), "ok\n");
    place.run(exec.iter().chain(&["echo", "other"])).told(125);
}

#[test]
fn invalid_rules_are_reported_before_anything_is_done() {
    let place = Place::with(&[("wrong.toml", "\n\nactions = 1\n")]);
    let told = place
        .run(["write", "a", "A", "--permissions", "wrong.toml"])
        .told(2);
    assert!(
        told.contains("--permissions wrong.toml: permissions, line 3"),
        "{told}"
    );
    let told = place.run(["ls", "--permissions", "lenient"]).told(2);
    assert!(told.contains("permissive"), "{told}");
    assert!(!place.at("a").exists());
}

/// Runs the program at a terminal, and types.
async fn at_a_terminal(place: &Place, typed: &str) -> String {
    let sandbox = LocalSandbox::without_isolation(
        backend_fs::FsBackend::open(place.path()).unwrap(),
        place.path(),
    )
    .unwrap();
    let args = ["write", "b", "B", "--permissions", "default"];
    let request = ExecRequest::argv([PROGRAM].iter().chain(&args).copied())
        .terminal(TerminalSize {
            rows: 24,
            columns: 80,
        })
        .stdin(typed.to_owned());
    let output = sandbox.execute_with(&request).await.unwrap();
    sandbox.stop().await.unwrap();
    output.output()
}

#[tokio::test]
async fn a_person_at_a_terminal_is_asked() {
    let place = project();
    let shown = at_a_terminal(&place, "n\n").await;
    assert!(shown.contains("allow write /b"), "{shown}");
    assert!(
        shown.contains("the person at the terminal said no"),
        "{shown}"
    );
    assert!(!place.at("b").exists());
    let shown = at_a_terminal(&place, "y\n").await;
    assert!(shown.contains("created /b"), "{shown}");
    assert_eq!(place.text("b"), "B");
}
