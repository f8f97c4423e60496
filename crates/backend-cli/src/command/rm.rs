//! `rm`: files, links and directories.

use backend_core::{DeleteRequest, Deleted, ErrorKind, Version};
use clap::Args;
use serde_json::json;

use crate::command::Results;
use crate::context::Context;
use crate::failure::Result;
use crate::workspace::{Need, Workspace};

/// Remove files, links and directories
///
/// A link is removed, not its target.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  agent-backends rm notes.txt\n  agent-backends rm -r target --state memory.json"
)]
pub(crate) struct Rm {
    /// What to remove
    #[arg(required = true)]
    paths: Vec<String>,

    /// Remove directories with everything in them
    #[arg(long, short)]
    recursive: bool,

    /// Ignore paths that do not exist
    #[arg(long, short)]
    force: bool,

    /// Refuse, with exit code 12, unless the file has this version
    #[arg(long, value_name = "VERSION")]
    expect: Option<Version>,
}

impl Rm {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Change).await?;
        let mut results = Results::default();
        for path in &self.paths {
            match self.remove(workspace, path).await {
                Ok((path, deleted)) => {
                    results.done(&path, json!({ "entries": deleted.entries }));
                }
                Err(failure) if self.force && failure.is(ErrorKind::NotFound) => {
                    results.done(path, json!({ "entries": 0 }));
                }
                Err(failure) => results.failed(path, &failure, out),
            }
        }
        results.finish(out)
    }

    async fn remove(&self, workspace: &Workspace, path: &str) -> Result<(String, Deleted)> {
        let path = workspace.path(path)?;
        let mut request = DeleteRequest::new(&path);
        request.recursive = self.recursive;
        request.expected = self.expect;
        let deleted = workspace.backend().delete_with(&request).await?;
        Ok((path.into(), deleted))
    }
}
