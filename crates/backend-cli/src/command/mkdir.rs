//! `mkdir`: a directory and its parents.

use backend_core::{MadeDirectory, MkdirRequest};
use clap::Args;
use serde_json::json;

use crate::command::Results;
use crate::context::Context;
use crate::failure::Result;
use crate::workspace::{Need, Workspace};

/// Create directories and their parents
///
/// An existing directory is left as it is and is not an error.
#[derive(Debug, Args)]
pub(crate) struct Mkdir {
    /// The directories
    #[arg(required = true)]
    paths: Vec<String>,
}

impl Mkdir {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Change).await?;
        let mut results = Results::default();
        for path in &self.paths {
            match mkdir(workspace, path).await {
                Ok((path, made)) => results.done(&path, json!({ "created": made.created })),
                Err(failure) => results.failed(path, &failure, out),
            }
        }
        results.finish(out)
    }
}

async fn mkdir(workspace: &Workspace, path: &str) -> Result<(String, MadeDirectory)> {
    let path = workspace.path(path)?;
    let made = workspace
        .backend()
        .mkdir_with(&MkdirRequest::new(&path))
        .await?;
    Ok((path.into(), made))
}
