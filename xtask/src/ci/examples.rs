//! The step that builds every example of the workspace and runs it.
//!
//! An example must exit with success on its own. Its output is shown only if it does not. Binaries are built along with
//! the examples, as one may run another.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Outcome, Run};
use crate::Result;
use crate::shell::Cmd;

/// The time limit of an example.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An example that was built.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    name: String,
    package: String,
    executable: PathBuf,
}

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome> {
    let packages = &run.workspace.packages;
    if packages
        .iter()
        .all(|package| package.targets_of_kind("example").next().is_none())
    {
        return Ok(Outcome::Skipped("there are no examples".to_owned()));
    }
    let output = Cmd::cargo(&["build", "--workspace", "--bins", "--examples"])
        .arg("--all-features")
        .arg("--message-format=json-render-diagnostics")
        .output()?;
    let with_docker = |example: &Example| {
        let package = packages
            .iter()
            .find(|package| package.name == example.package);
        package.is_some_and(|p| p.examples_with_docker.contains(&example.name))
    };
    let (needy, free): (Vec<_>, Vec<_>) = built(&output).into_iter().partition(with_docker);
    for example in &free {
        run_one(example, run.workspace)?;
    }
    let mut notes = vec![format!("{} run", free.len())];
    if !needy.is_empty() {
        notes.push(run_with_docker(&needy, run)?);
    }
    Ok(Outcome::Passed(notes))
}

/// Runs the examples that need Docker if an engine answers, and returns a note about them.
fn run_with_docker(examples: &[Example], run: &Run<'_>) -> Result<String> {
    let names: Vec<&str> = examples
        .iter()
        .map(|example| example.name.as_str())
        .collect();
    let names = names.join(", ");
    if Cmd::new("docker")
        .args(&["version", "--format", "{{.Server.Version}}"])
        .succeeds()
    {
        for example in examples {
            run_one(example, run.workspace)?;
        }
        return Ok(format!("with Docker: {names}"));
    }
    if std::env::var_os("AGENT_BACKENDS_REQUIRE_DOCKER").is_some_and(|value| value == "1") {
        return Err(format!(
            "no Docker engine answers, and these need one: {names}"
        ));
    }
    Ok(format!("skipped without a Docker engine: {names}"))
}

fn run_one(example: &Example, workspace: &crate::workspace::Workspace) -> Result<()> {
    let Example {
        name,
        package,
        executable,
    } = example;
    let log = workspace.target.join(format!("xtask-example-{name}.log"));
    let started = Instant::now();
    let ended = run_logged(executable, &workspace.root, &log);
    let shown = std::fs::read(&log).unwrap_or_default();
    // It is not needed any longer.
    let _ = std::fs::remove_file(&log);
    match ended {
        Ok(()) => {
            println!(
                "    {package}: {name} ({})",
                super::seconds(started.elapsed())
            );
            Ok(())
        }
        Err(reason) => {
            println!("{}", String::from_utf8_lossy(&shown).trim_end());
            Err(format!("the example {name} of {package} {reason}"))
        }
    }
}

/// Runs a program with its output in a file, which cannot fill up as a pipe can, and kills it when it exceeds its time.
fn run_logged(program: &Path, dir: &Path, log: &Path) -> Result<()> {
    let cannot = |error: std::io::Error| format!("cannot run: {error}");
    let named = std::env::var_os("AGENT_BACKENDS_TEST_IMAGE");
    let image = named.unwrap_or_else(|| crate::test_image::DEBIAN.into());
    let stdout = File::create(log).map_err(cannot)?;
    let stderr = stdout.try_clone().map_err(cannot)?;
    let mut child = Command::new(program)
        .current_dir(dir)
        .env("AGENT_BACKENDS_TEST_IMAGE", image)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .map_err(cannot)?;
    let started = Instant::now();
    loop {
        match child.try_wait().map_err(cannot)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("ended with {status}")),
            None if started.elapsed() > TIMEOUT => {
                child.kill().and_then(|()| child.wait()).map_err(cannot)?;
                return Err(format!("did not end within {} seconds", TIMEOUT.as_secs()));
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Reads from cargo's messages which examples were built, in the order of their names.
fn built(messages: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = messages.lines().filter_map(example).collect();
    examples.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
    examples
}

fn example(message: &str) -> Option<Example> {
    let json: Value = serde_json::from_str(message).ok()?;
    if json.pointer("/target/kind/0").and_then(Value::as_str) != Some("example") {
        return None;
    }
    let manifest = Path::new(json.get("manifest_path")?.as_str()?);
    Some(Example {
        name: json.pointer("/target/name")?.as_str()?.to_owned(),
        package: manifest.parent()?.file_name()?.to_str()?.to_owned(),
        executable: PathBuf::from(json.get("executable")?.as_str()?),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Example, built};

    #[test]
    fn built_examples_are_found_among_the_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/w/crates/core/Cargo.toml","target":{"kind":["lib"],"#,
            r#""name":"core"},"executable":null}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/w/crates/core/Cargo.toml","target":{"kind":["example"],"#,
            r#""name":"hello"},"executable":"/t/debug/examples/hello"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let want = Example {
            name: "hello".to_owned(),
            package: "core".to_owned(),
            executable: PathBuf::from("/t/debug/examples/hello"),
        };
        assert_eq!(built(messages), [want]);
    }

    #[cfg(unix)]
    #[test]
    fn a_failing_example_is_distinguished_from_a_passing_one() {
        let log = std::env::temp_dir().join(format!("xtask-test-{}.log", std::process::id()));
        let run = |program: &str| super::run_logged(program.as_ref(), "/".as_ref(), &log);
        assert_eq!(run("true"), Ok(()));
        assert!(
            run("false")
                .unwrap_err()
                .starts_with("ended with exit status: 1")
        );
        assert!(
            run("no-such-program-here")
                .unwrap_err()
                .starts_with("cannot run")
        );
        let _ = std::fs::remove_file(&log);
    }
}
