//! An agent's loop written by hand: a model, scripted here, mends a bug in a small project until its tests pass.
//!
//! `cargo run --example agent_loop`. It runs twice: in a temporary directory, where the agent's commands run as your
//! processes, without isolation; and, if there is a Docker engine, in a container, of the image that the first argument
//! names. It succeeds only if each time the tests failed before and pass afterwards.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

#[cfg(feature = "docker")]
mod container;
mod model;

use std::process::ExitCode;
use std::sync::Arc;

use backend_core::{BackendExt, Error, Result, Sandbox, SandboxExt};
use backend_fs::FsBackend;
use backend_tools::Toolset;
use sandbox_local::LocalSandbox;
use serde_json::json;

use model::ScriptedModel;

const TASK: &str = "The tests of this project fail. Find out why, and mend it.";

const PROJECT: [(&str, &str); 3] = [
    ("README.md", include_str!("project/README.md")),
    ("lib/total.awk", include_str!("project/lib/total.awk")),
    ("tests/run.sh", include_str!("project/tests/run.sh")),
];

/// The maximum length of a conversation.
const MAX_TURNS: usize = 20;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nIt did not work: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    println!("== In a directory\n");
    let dir = tempfile::tempdir()
        .map_err(|error| Error::unavailable_from("a temporary directory", error))?;
    let files = FsBackend::open(dir.path())?;
    mends(Arc::new(LocalSandbox::without_isolation(
        files,
        dir.path(),
    )?))
    .await?;
    #[cfg(feature = "docker")]
    container::run().await?;
    Ok(())
}

/// Lets the model work in a sandbox, and ends it.
async fn mends(sandbox: Arc<dyn Sandbox>) -> Result<()> {
    let mended = mend(&sandbox).await;
    sandbox.stop().await?;
    if !mended? {
        return Err(Error::invalid_request("the bug is not mended"));
    }
    println!("\nThe bug is mended.");
    Ok(())
}

/// Returns whether the tests failed before the model worked, and pass afterwards.
async fn mend(sandbox: &Arc<dyn Sandbox>) -> Result<bool> {
    for (path, content) in PROJECT {
        sandbox.write(path, content).await?;
    }
    let failed_before = !passes(&**sandbox).await?;
    converse(&Toolset::with_commands(Arc::clone(sandbox))).await;
    Ok(failed_before && passes(&**sandbox).await?)
}

/// The loop: ask the model, call the tools it requests, and continue until it requests none.
async fn converse(tools: &Toolset) {
    let mut model = ScriptedModel::default();
    let mut messages = vec![json!({ "role": "user", "content": TASK })];
    println!("user: {TASK}");
    for _ in 0..MAX_TURNS {
        let turn = model.next(&tools.anthropic(), &messages);
        println!("\nmodel: {}", turn.text);
        let mut said = vec![json!({ "type": "text", "text": turn.text })];
        let mut results = Vec::new();
        for call in turn.calls {
            println!("\n  {} {}", call.name, call.arguments);
            let reply = tools.call(&call.name, call.arguments.clone()).await;
            println!("  [{}]\n{}", reply.kind, indented(&reply.text));
            results.push(reply.anthropic(&call.id));
            said.push(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments }));
        }
        messages.push(json!({ "role": "assistant", "content": said }));
        if results.is_empty() {
            return;
        }
        messages.push(json!({ "role": "user", "content": results }));
    }
}

/// Returns whether the tests pass, regardless of what the model says.
async fn passes(sandbox: &dyn Sandbox) -> Result<bool> {
    let output = sandbox.execute("sh tests/run.sh").await?;
    Ok(output.status.is_success())
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  | {line}")).collect();
    lines.join("\n")
}
