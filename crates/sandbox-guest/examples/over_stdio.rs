//! Starts a guest, runs a command over its standard streams, and edits the file that the command
//! created.

use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio;

use backend_core::{BackendExt, SandboxExt, wire};
use tokio::process::Command;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let workspace = tempfile::tempdir()?;
    let mut guest = Command::new(guest()?)
        .arg("serve")
        .arg("--root")
        .arg(workspace.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(output), Some(input)) = (guest.stdout.take(), guest.stdin.take()) else {
        return Err("the guest has no streams".into());
    };
    let sandbox = wire::connect(tokio::io::join(output, input)).await?;

    let made = sandbox
        .execute("printf 'name = demo\\ndebug = false\\n' > config.toml && ls")
        .await?;
    assert!(made.status.is_success());
    assert_eq!(made.output(), "config.toml\n");

    let edited = sandbox
        .edit("/config.toml", "debug = false", "debug = true")
        .await?;
    assert!(edited.diff.contains("+debug = true"));

    let seen = sandbox.execute("cat config.toml").await?;
    assert_eq!(seen.output(), "name = demo\ndebug = true\n");

    sandbox.close().await;
    assert!(guest.wait().await?.success());
    Ok(())
}

/// Returns the path of the guest: from the environment, or built next to this example.
fn guest() -> Result<PathBuf, Box<dyn Error>> {
    if let Some(path) = std::env::var_os("AGENT_GUEST") {
        return Ok(path.into());
    }
    let example = std::env::current_exe()?;
    let built = example
        .ancestors()
        .nth(2)
        .map(|profile| profile.join("agent-guest"));
    built.filter(|path| path.is_file()).ok_or_else(|| {
        "build the guest first (`cargo build -p sandbox-guest`), or name one in AGENT_GUEST".into()
    })
}
