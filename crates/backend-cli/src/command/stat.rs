//! `stat`: the entry at a path.

use backend_core::{Entry, StatRequest};
use clap::Args;

use crate::command::{Results, ls};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::json;
use crate::workspace::{Need, Workspace};

/// Show what is at a path: kind, size, time and version
///
/// A link is shown, not followed. The version is what `write --expect`, `edit --expect` and `rm --expect` take.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  agent-backends stat Cargo.toml\n  agent-backends stat a b c --json"
)]
pub(crate) struct Stat {
    /// The paths
    #[arg(required = true)]
    paths: Vec<String>,
}

impl Stat {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Read).await?;
        let mut results = Results::default();
        for path in &self.paths {
            match stat(workspace, path).await {
                Ok(entry) => {
                    if !out.is_json() {
                        ls::show(out, &entry, entry.path.as_str(), true)?;
                    }
                    results.done(entry.path.as_str(), json::entry(&entry));
                }
                Err(failure) => results.failed(path, &failure, out),
            }
        }
        results.finish(out)
    }
}

async fn stat(workspace: &Workspace, path: &str) -> Result<Entry> {
    let request = StatRequest::new(workspace.path(path)?);
    let entry = workspace.backend().stat_with(&request).await;
    entry.map_err(Failure::from)
}
