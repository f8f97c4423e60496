//! Commands on this machine: one is run.

use std::time::Duration;

use backend_core::{ExecOutput, ExecRequest, Result, Sandbox};
use backend_state::StateBackend;
use sandbox_local::LocalSandbox;

use super::Check;

const NAME: &str = "commands";

/// Long enough for any machine.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn local() -> Check {
    match run().await {
        Ok(output) if output.status.is_success() && &output.stdout.head[..] == b"ok\n" => {
            Check::ok(
                NAME,
                "they run on this machine, without isolation (--no-isolation)",
            )
        }
        Ok(output) => {
            let detail = format!("a command failed unexpectedly: {:?}", output.status);
            Check::fail(NAME, detail, "they need /bin/sh")
        }
        Err(error) => Check::fail(NAME, error.to_string(), "they run on Linux"),
    }
}

async fn run() -> Result<ExecOutput> {
    let sandbox = LocalSandbox::builder_without_isolation(StateBackend::new()).build()?;
    let request = ExecRequest::shell("echo ok").timeout(TIMEOUT);
    let output = sandbox.execute_with(&request).await;
    sandbox.stop().await?;
    output
}
