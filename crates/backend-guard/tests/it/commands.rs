//! Commands: a denied one never starts, and a process is controlled by its command.

use std::sync::Arc;

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecRequest, OutputRequest, ProcessId, Sandbox, SandboxExt,
    Signal, StdinRequest, TerminalSize,
};
use backend_fs::FsBackend;
use backend_guard::{Action, Answer, Guarded, Operation, Permissions, Preset, Question, Rule};
use sandbox_local::LocalSandbox;
use tempfile::TempDir;

use crate::support::{all_but, fs, p};

type Inner = LocalSandbox<FsBackend>;

fn sandbox() -> (TempDir, Inner) {
    let (dir, backend) = fs();
    let sandbox = LocalSandbox::without_isolation(backend, dir.path()).unwrap();
    (dir, sandbox)
}

fn commands(action: Action, patterns: &[&str]) -> Rule {
    Rule::new(action).commands(patterns).unwrap()
}

#[tokio::test]
async fn a_denied_command_never_starts() {
    let (dir, sandbox) = sandbox();
    let rules =
        Permissions::all(Action::Allow).with_rule(commands(Action::Deny, &["touch", "rm -rf"]));
    let guarded = Guarded::new(sandbox, rules);
    for line in [
        "touch made",
        "true; touch made",
        "true && /usr/bin/touch made",
        "'touch' made",
        "sh -c 'touch made'",
        "env touch made",
        "X=1 touch made",
        "$(echo touch) made",
        "for f in made; do touch $f; done",
        "t\\ouch made",
    ] {
        let error = guarded.execute(line).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{line}");
        assert_eq!(
            guarded.spawn(line).await.unwrap_err().kind(),
            ErrorKind::PermissionDenied
        );
    }
    let argv = ExecRequest::argv(["touch", "made"]);
    assert!(guarded.execute_with(&argv).await.is_err());
    assert!(!dir.path().join("made").exists());
    // It is advice: there are ways around it.
    guarded
        .execute("python3 -c 'open(\"made\", \"w\")' || printf '' > made")
        .await
        .unwrap();
    assert!(dir.path().join("made").exists());
}

#[tokio::test]
async fn without_the_guard_each_of_them_would() {
    for line in [
        "touch made",
        "env touch made",
        "$(echo touch) made",
        "t\\ouch made",
    ] {
        let (dir, sandbox) = sandbox();
        sandbox.execute(line).await.unwrap();
        assert!(dir.path().join("made").exists(), "{line}");
    }
}

#[tokio::test]
async fn commands_that_may_not_run_are_not_offered() {
    let (_dir, sandbox) = sandbox();
    let guarded = Guarded::new(sandbox, Preset::ReadOnly);
    let capabilities = guarded.capabilities();
    assert!(!capabilities.executes && !capabilities.processes && !capabilities.pty);
    assert!(capabilities.read_only);
    for operation in [Operation::Execute, Operation::Control, Operation::Write] {
        assert!(!guarded.offers(operation), "{operation}");
    }
    let denied = ErrorKind::PermissionDenied;
    assert_eq!(guarded.execute("true").await.unwrap_err().kind(), denied);
    assert_eq!(guarded.spawn("true").await.unwrap_err().kind(), denied);
    // Its owner can end it.
    assert!(guarded.offers(Operation::Stop));
    guarded.stop().await.unwrap();
    assert!(!guarded.liveness().await.is_alive());
}

#[tokio::test]
async fn earlier_processes_are_out_of_reach_too() {
    let (_dir, sandbox) = sandbox();
    let sandbox = Arc::new(sandbox);
    let started = sandbox.spawn("cat").await.unwrap();
    let guarded = Guarded::new(Arc::clone(&sandbox), Preset::ReadOnly);
    let denied = ErrorKind::PermissionDenied;
    let id = started.id.clone();
    assert_eq!(guarded.processes().await.unwrap_err().kind(), denied);
    let output = OutputRequest::new(id.clone());
    assert_eq!(
        guarded.read_output(&output).await.unwrap_err().kind(),
        denied
    );
    let input = StdinRequest::write(id.clone(), "x");
    assert_eq!(
        guarded.write_stdin(&input).await.unwrap_err().kind(),
        denied
    );
    assert_eq!(
        guarded.signal(&id, Signal::Kill).await.unwrap_err().kind(),
        denied
    );
    let size = TerminalSize {
        rows: 1,
        columns: 1,
    };
    assert_eq!(guarded.resize(&id, size).await.unwrap_err().kind(), denied);
    let unknown = ProcessId::new("none");
    assert_eq!(
        guarded
            .signal(&unknown, Signal::Kill)
            .await
            .unwrap_err()
            .kind(),
        denied
    );
    assert!(sandbox.processes().await.unwrap()[0].status.is_none());
}

#[tokio::test]
async fn processes_are_controlled_by_their_command() {
    let (_dir, sandbox) = sandbox();
    let sandbox = Arc::new(sandbox);
    let cat = sandbox.spawn("cat").await.unwrap().id;
    let sleep = sandbox.spawn("sleep 600").await.unwrap().id;
    let rules = Permissions::all(Action::Allow).with_rule(
        commands(Action::Deny, &["sleep"])
            .operations([Operation::Control])
            .unwrap(),
    );
    let guarded = Guarded::new(Arc::clone(&sandbox), rules);
    let shown = guarded.processes().await.unwrap();
    assert_eq!(
        shown.iter().map(|info| &info.id).collect::<Vec<_>>(),
        [&cat]
    );
    assert!(guarded.signal(&sleep, Signal::Kill).await.is_err());
    guarded
        .write_stdin(&StdinRequest::close(cat.clone()))
        .await
        .unwrap();
    // An unknown process could be anything, so whether it may be controlled is unknown too.
    let unknown = ProcessId::new("none");
    let kind = guarded
        .signal(&unknown, Signal::Kill)
        .await
        .unwrap_err()
        .kind();
    assert_eq!(kind, ErrorKind::PermissionDenied);
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_command_is_asked_about_as_it_is() {
    let (_dir, sandbox) = sandbox();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let guarded =
        Guarded::new(sandbox, Preset::Default).with_approver(move |question: &Question| {
            log.lock().unwrap().push(question.to_string());
            match question.to_string().contains("echo") {
                true => Answer::AllowAlways,
                false => Answer::deny_because("use echo"),
            }
        });
    for _ in 0..2 {
        let output = guarded.execute("echo 'a\nb'").await.unwrap();
        assert_eq!(output.output(), "a\nb\n");
    }
    let error = guarded.execute("printf x").await.unwrap_err();
    assert!(error.to_string().ends_with(": use echo"), "{error}");
    assert_eq!(
        *asked.lock().unwrap(),
        [r"execute in /: echo \'a\nb\'", "execute in /: printf x"]
    );
}

#[tokio::test]
async fn the_input_of_a_command_is_part_of_its_question() {
    let (_dir, sandbox) = sandbox();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let rules =
        Permissions::preset(Preset::Default).with_rule(commands(Action::Allow, &["printenv"]));
    let guarded = Guarded::new(sandbox, rules).with_approver(move |question: &Question| {
        log.lock().unwrap().push(question.to_string());
        Answer::AllowAlways
    });
    // The same words with another input are another command.
    for input in ["echo one", "echo one", "echo two"] {
        let request = ExecRequest::argv(["sh"]).stdin(input);
        guarded.execute_with(&request).await.unwrap();
    }
    // A command that is allowed by name is allowed with the usual environment.
    guarded.execute("printenv PATH").await.unwrap();
    let request = ExecRequest::shell("printenv PATH").env("PATH", "/evil");
    guarded.execute_with(&request).await.unwrap();
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "execute in /: [\"sh\"]\n- with 8 bytes of input",
            "execute in /: [\"sh\"]\n- with 8 bytes of input",
            "execute in /: printenv PATH\n- with PATH=/evil",
        ]
    );
}

#[tokio::test]
async fn relative_patterns_start_where_commands_run() {
    let (dir, backend) = fs();
    let sandbox = LocalSandbox::builder_without_isolation(backend)
        .host_root(dir.path())
        .work_dir(p("/w"))
        .build()
        .unwrap();
    for path in ["/w/private/x", "/private/x", "/w/open"] {
        sandbox.write(path, "x").await.unwrap();
    }
    let guarded = Guarded::new(sandbox, all_but(&["private/x"]));
    for path in ["private/x", "./private//x", "/w/private/x"] {
        assert_eq!(
            guarded.read(path).await.unwrap_err().kind(),
            ErrorKind::PermissionDenied,
            "{path}"
        );
    }
    assert!(guarded.read("/private/x").await.is_ok());
    assert_eq!(guarded.work_dir(), p("/w"));
    let found = guarded.glob("**").await.unwrap();
    let paths: Vec<_> = found
        .items
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(paths, ["/w/open"]);
}
