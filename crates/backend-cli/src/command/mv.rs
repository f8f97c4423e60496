//! `mv`: moves an entry to another path.

use backend_core::RenameRequest;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::directory::is_directory;
use crate::exit;
use crate::failure::Result;
use crate::workspace::Need;

/// Move or rename an entry, a directory with everything in it
///
/// If the target is a directory, the entry goes into it. Nothing is replaced without --force. Parent directories are
/// created.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  agent-backends mv old.rs new.rs\n  agent-backends mv -f draft.md docs/"
)]
pub(crate) struct Mv {
    /// What to move
    from: String,

    /// The target
    to: String,

    /// Replace an existing file
    #[arg(long, short)]
    force: bool,

    /// Use the target as the new path itself, even if it is a directory
    #[arg(long, short = 'T')]
    no_target_directory: bool,
}

impl Mv {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Change).await?;
        let backend = workspace.backend();
        let from = workspace.path(&self.from)?;
        let mut to = workspace.path(&self.to)?;
        if !self.no_target_directory && from != to && is_directory(backend, &to).await? {
            to = match from.name() {
                Some(name) => to.child(name)?,
                None => to,
            };
        }
        let mut request = RenameRequest::new(&from, &to);
        if self.force {
            request = request.overwrite();
        }
        let renamed = backend.rename_with(&request).await?;
        if out.is_json() {
            out.json(&json!({
                "from": from,
                "to": to,
                "version": renamed.version,
                "atomic": renamed.atomic,
            }))?;
        } else if !renamed.atomic {
            out.note("it was copied, then deleted: source and target are not in one place");
        }
        Ok(exit::OK)
    }
}
