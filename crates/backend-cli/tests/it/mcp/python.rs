//! The official Python client lists and calls every tool. It is installed by pip into an environment below the target
//! directory, once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{PROGRAM, Place};

/// The client that is installed.
const PACKAGE: &str = "mcp==2.3.0";

/// With this variable set to 1 the client is required.
const REQUIRED: &str = "AGENT_BACKENDS_REQUIRE_PYTHON";

/// Returns the Python of an environment that has the client.
fn environment() -> io::Result<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp-python");
    let python = directory.join("bin/python");
    let mark = directory.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == PACKAGE) {
        return Ok(python);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&directory))?;
    let mut pip = Command::new(&python);
    run(pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PACKAGE,
    ]))?;
    fs::write(mark, PACKAGE)?;
    Ok(python)
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{command:?}: {told}")))
}

#[test]
fn the_official_python_client_calls_every_tool() {
    let python = match environment() {
        Ok(python) => python,
        Err(error) => {
            let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
            assert!(
                !required,
                "{REQUIRED}=1, and there is no Python client: {error}"
            );
            println!("skipped: there is no Python with the package {PACKAGE}: {error}");
            return;
        }
    };
    let place = Place::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/mcp_client.py");
    let output = Command::new(python)
        .arg("-I")
        .arg(script)
        .args([PROGRAM.as_ref(), place.path().as_os_str()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Both transports, with and without initialization.
    assert_eq!(told.matches("every tool was called").count(), 4, "{told}");
}
