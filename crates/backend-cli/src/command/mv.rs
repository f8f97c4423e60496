//! `mv`: an entry gets another path.

use backend_core::RenameRequest;
use clap::Args;
use serde_json::json;

use crate::app::App;
use crate::command::is_directory;
use crate::exit;
use crate::failure::Result;
use crate::workspace::Need;

/// Move or rename an entry, a directory with all that is in it
///
/// If the target is a directory, it goes into that directory. Nothing is replaced without --force. Directories above the
/// target are made.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  agent-backends mv old.rs new.rs\n  agent-backends mv -f draft.md docs/"
)]
pub(crate) struct Mv {
    /// What to move
    from: String,

    /// Where it goes
    to: String,

    /// Replace a file that is there
    #[arg(long, short)]
    force: bool,

    /// Take the target as the new path itself, also if it is a directory
    #[arg(long, short = 'T')]
    no_target_directory: bool,
}

impl Mv {
    pub(super) async fn run(self, app: &mut App) -> Result<u8> {
        let (workspace, out) = app.open(Need::Change).await?;
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
            out.note("it was copied, then deleted: the two are not in one place");
        }
        Ok(exit::OK)
    }
}
