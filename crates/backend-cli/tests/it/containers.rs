//! `--docker`, `--name` and `sandboxes`, if there is an engine.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{Place, Ran};

pub(crate) fn image() -> String {
    let image = std::env::var("AGENT_BACKENDS_TEST_IMAGE");
    image.unwrap_or_else(|_| "agent-backends-test/debian:latest".to_owned())
}

/// The namespace of a test, isolated from all others.
pub(crate) struct Engine {
    pub(crate) place: Place,
    pub(crate) namespace: String,
}

impl Engine {
    /// Returns `None`, and says so, if there is no engine. It fails if an engine is required.
    pub(crate) fn find(test: &str) -> Option<Self> {
        static ANSWERS: OnceLock<bool> = OnceLock::new();
        let answers = *ANSWERS.get_or_init(|| {
            let asked = Command::new("docker")
                .args(["image", "inspect", &image()])
                .output();
            asked.is_ok_and(|output| output.status.success())
        });
        let required = std::env::var_os("AGENT_BACKENDS_REQUIRE_DOCKER").is_some_and(|v| v == "1");
        assert!(
            answers || !required,
            "AGENT_BACKENDS_REQUIRE_DOCKER=1, and there is no engine"
        );
        if !answers {
            println!(
                "skipped: there is no Docker engine with the image {}",
                image()
            );
            return None;
        }
        Some(Self {
            place: Place::new(),
            namespace: format!("test-cli-{}-{test}", std::process::id()),
        })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command(["--namespace", &self.namespace]);
        command.args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// The containers of this test, as the engine has them.
    pub(crate) fn containers(&self) -> String {
        let filter = format!("name=agent-backends.{}.", self.namespace);
        let output = Command::new("docker")
            .args(["ps", "-aq", "--filter", &filter])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for id in self.containers().split_whitespace() {
            let _ = Command::new("docker").args(["rm", "-f", "-v", id]).output();
        }
    }
}

#[test]
fn a_container_runs_commands_on_the_directory_and_is_gone_afterwards() {
    let Some(engine) = Engine::find("once") else {
        return;
    };
    engine.place.put("in/a.txt", "A\n");
    engine.place.put("docs/d.txt", "D\n");
    let image = image();
    let mount = format!("/docs={}:ro", engine.place.at("docs").display());
    let options = ["--docker", &image, "--root", "in", "--mount", &mount];
    let line =
        "pwd; cat a.txt /docs/d.txt; echo made > made.txt; echo err >&2; ! touch /docs/x && exit 7";
    let args: Vec<_> = ["exec"]
        .iter()
        .chain(&options)
        .chain(&["-c", line])
        .copied()
        .collect();
    let ran = engine.run(&args);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert_eq!(ran.text(), "/workspace\nA\nD\n");
    assert!(ran.stderr.starts_with("err\n"), "{ran:?}");
    assert_eq!(engine.place.text("in/made.txt"), "made\n");
    assert_eq!(engine.containers(), "");
    // Its files are those of the container, and start at the directory.
    let args: Vec<_> = ["ls"].iter().chain(&options).copied().collect();
    assert_eq!(engine.run(&args).ok(), "a.txt\nmade.txt\n");
}

#[test]
fn a_runtime_says_what_the_container_is() {
    let Some(engine) = Engine::find("runtime") else {
        return;
    };
    let runtime = json!({
        "name": "mine", "image": image(), "env": { "COLOUR": "blue" }, "work_dir": "/project",
    });
    engine.place.put("runtime.json", runtime.to_string());
    let options = ["--runtime", "runtime.json", "--root", "."];
    let line = "pwd; echo $COLOUR; ls";
    let args: Vec<_> = ["exec"]
        .iter()
        .chain(&options)
        .chain(&["-c", line])
        .copied()
        .collect();
    assert_eq!(engine.run(&args).ok(), "/project\nblue\nruntime.json\n");
    // Nothing changes, and nothing runs, in a container that is to be looked at.
    let args: Vec<_> = ["--read-only"].iter().chain(&options).copied().collect();
    let run = |more: &[&str]| {
        let args: Vec<_> = args.iter().chain(more).copied().collect();
        engine.run(&args)
    };
    assert_eq!(run(&["ls"]).ok(), "runtime.json\n");
    run(&["write", "a", "A"]).told(5);
    run(&["exec", "true"]).told(125);
    assert_eq!(engine.containers(), "");
}

#[test]
fn a_container_is_kept_by_its_name() {
    let Some(engine) = Engine::find("kept") else {
        return;
    };
    let image = image();
    let ran = engine.run(&["write", "a.txt", "A", "--docker", &image, "--name", "dev"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        engine
            .run(&["--name", "dev", "cat", "/workspace/a.txt"])
            .ok(),
        "A"
    );
    let ran = engine.run(&["--name", "dev", "--docker", &image, "exec", "cat", "a.txt"]);
    assert_eq!(ran.text(), "A");
    assert!(ran.stderr.contains("used as it is"), "{ran:?}");
    assert_eq!(engine.run(&["sandboxes", "list"]).ok(), "dev\n");
    assert_eq!(
        engine.run(&["sandboxes", "list", "--json"]).json(),
        json!({ "sandboxes": ["dev"] })
    );
    engine.run(&["sandboxes", "suspend", "dev"]).ok();
    assert_eq!(engine.run(&["--name", "dev", "cat", "a.txt"]).ok(), "A");
    // Trees come out of it as of any other workspace.
    engine
        .run(&["--name", "dev", "cp", "-r", "/workspace", "host:out"])
        .ok();
    assert_eq!(engine.place.text("out/a.txt"), "A");
    engine.run(&["sandboxes", "remove", "dev"]).ok();
    assert_eq!(engine.run(&["sandboxes", "list"]).ok(), "");
    let ran = engine.run(&["sandboxes", "remove", "dev"]);
    assert_eq!(ran.code, 2);
    let told = engine.run(&["--name", "dev", "ls"]).told(2);
    assert!(told.contains("--docker"), "{told}");
    let cleaned = engine.run(&["sandboxes", "clean", "--json"]).json();
    assert_eq!(cleaned, json!({ "removed": [], "failed": 0, "guests": 0 }));
}

#[test]
fn an_interrupt_ends_the_command_and_the_container_without_a_name() {
    let Some(engine) = Engine::find("interrupt") else {
        return;
    };
    let image = image();
    let mut command = engine.command(&["exec", "--docker", &image, "-c", "echo up; sleep 600"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "up\n");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(engine.containers(), "");
}

#[test]
fn an_interrupt_ends_the_command_in_a_container_that_is_kept() {
    let Some(engine) = Engine::find("kept-interrupt") else {
        return;
    };
    let image = image();
    engine
        .run(&["mkdir", "d", "--docker", &image, "--name", "dev"])
        .ok();
    let line = "echo up; exec sleep 98765";
    let mut command = engine.command(&["exec", "--name", "dev", "-c", line]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut up = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut up)
        .unwrap();
    assert_eq!(up, "up\n");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let running = engine
        .run(&["exec", "--name", "dev", "-c", "ps -eo args"])
        .ok();
    assert!(
        running.contains("ps -eo") && !running.contains("98765\n"),
        "{running}"
    );
}

#[test]
fn rules_hold_in_a_container() {
    let Some(engine) = Engine::find("rules") else {
        return;
    };
    let image = image();
    let options = ["--docker", &image, "--permissions", "read-only"];
    let run = |args: &[&str]| {
        let args: Vec<_> = options.iter().chain(args).copied().collect();
        engine.run(&args)
    };
    run(&["write", "a", "A"]).told(5);
    run(&["exec", "true"]).told(125);
    run(&["stat", "/etc/os-release"]).ok();
    assert_eq!(engine.containers(), "");
}

#[test]
fn a_missing_image_is_reported() {
    let Some(engine) = Engine::find("no-image") else {
        return;
    };
    let ran = engine.run(&["ls", "--docker", "No Such Image"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.starts_with("error: --docker No Such Image: "),
        "{ran:?}"
    );
}

#[test]
fn options_of_a_container_contradict_others() {
    let place = Place::with(&[("runtime.json", "{}")]);
    for args in [
        ["ls", "--docker", "x", "--state", "s.json"].as_slice(),
        &["exec", "--docker", "x", "--no-isolation", "true"],
        &["ls", "--docker", "x", "--runtime", "python-minimal"],
        &["ls", "--runtime", "no-such-runtime"],
        &["ls", "--runtime", "runtime.json"],
        &["ls", "--name", "No Name"],
        &["ls", "--docker", "x", "--memory", "much"],
    ] {
        place.run(args).told(2);
    }
}

#[test]
fn a_missing_engine_is_reported() {
    let place = Place::new();
    let nowhere = format!("unix://{}", place.at("nothing.sock").display());
    let run = |args: &[&str]| {
        Ran::of(
            place
                .command(args)
                .env("DOCKER_HOST", &nowhere)
                .output()
                .unwrap(),
        )
    };
    let told = run(&["ls", "--docker", "x"]).told(16);
    assert!(told.contains("DOCKER_HOST"), "{told}");
    run(&["exec", "--docker", "x", "true"]).told(125);
    run(&["sandboxes", "list"]).told(16);
    let checked = run(&["doctor", "--json"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let document = checked.json();
    let checks = document["checks"].as_array().unwrap();
    let docker = checks
        .iter()
        .find(|check| check["name"] == "docker")
        .unwrap();
    assert_eq!(docker["status"], "warn");
    assert!(
        docker["detail"].as_str().unwrap().contains("nothing.sock"),
        "{docker}"
    );
    assert_eq!(run(&["doctor", "--docker", "x"]).code, 1);
}
