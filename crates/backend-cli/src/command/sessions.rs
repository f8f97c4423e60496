//! `sessions`: the sessions stored below a workspace root, and their removal.

use std::path::PathBuf;

use backend_core::{Error, SandboxId};
use clap::{Args, Subcommand};
use session_manager::{ListSessions, SessionInfo, WorkspaceRoot};

use crate::context::Context;
use crate::failure::{Failure, Result};

mod clean;
#[cfg(feature = "docker")]
mod engine;
mod list;
mod nowhere;
mod stats;

/// List the sessions that an application keeps below a workspace root, and remove unused ones
///
/// A workspace root is where the session manager of an application keeps the files of its users. Listing changes
/// nothing and works while the application runs. Cleaning requires that it does not run: a running one cleans up
/// itself.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends sessions list --workspace-root /srv/my-app/sessions
  agent-backends sessions stats --workspace-root /srv/my-app/sessions --engine --namespace my-app
  agent-backends sessions clean --workspace-root /srv/my-app/sessions --unused-for 90d --dry-run")]
pub(crate) struct Sessions {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::List),
    Stats(stats::Stats),
    Clean(clean::Clean),
}

/// The location of the sessions.
#[derive(Debug, Args)]
struct RootArgs {
    /// The workspace root of the application
    #[arg(long, value_name = "DIR")]
    workspace_root: PathBuf,

    /// Ask the Docker engine about the sandboxes of the sessions, in any namespace unless --namespace names one
    #[cfg(feature = "docker")]
    #[arg(long)]
    engine: bool,
}

impl Sessions {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        match self.action {
            Action::List(list) => list.run(context).await,
            Action::Stats(stats) => stats.run(context).await,
            Action::Clean(clean) => clean.run(context).await,
        }
    }
}

impl RootArgs {
    /// Opens the root read-only.
    fn open(&self) -> Result<WorkspaceRoot> {
        WorkspaceRoot::open(&self.workspace_root).map_err(|error| self.opening(error))
    }

    fn opening(&self, error: Error) -> Failure {
        Failure::Opening(self.workspace_root.display().to_string(), error)
    }

    /// Returns the existing sandboxes, if the engine is to be asked.
    #[cfg(feature = "docker")]
    async fn existing(&self, context: &Context) -> Result<Option<Vec<SandboxId>>> {
        if !self.engine {
            return Ok(None);
        }
        Ok(Some(engine::existing(context).await?))
    }

    #[cfg(not(feature = "docker"))]
    async fn existing(&self, _: &Context) -> Result<Option<Vec<SandboxId>>> {
        Ok(None)
    }
}

/// Everything that is stored.
struct All {
    sessions: Vec<SessionInfo>,
    unreadable: Vec<(SandboxId, Error)>,
}

impl All {
    fn read(root: &WorkspaceRoot, tenant: Option<&str>) -> Result<Self> {
        let mut request = ListSessions::new().limit(usize::MAX);
        if let Some(tenant) = tenant {
            request = request.tenant(tenant);
        }
        let page = root.list(&request)?;
        Ok(Self {
            sessions: page.sessions,
            unreadable: page.unreadable,
        })
    }
}
