//! The options that describe a workspace.

use std::path::PathBuf;
use std::time::Duration;

use backend_core::Durability;
use clap::Args;

#[cfg(feature = "docker")]
use super::container::ContainerArgs;
use super::mount::{self, Mount};
use crate::failure::{Failure, Result};
use crate::{help, parse};

/// The options that select the workspace.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::WORKSPACE)]
pub(crate) struct WorkspaceArgs {
    /// A directory, which nothing can leave [default: the current one]
    ///
    /// Links that lead out of it are refused, and so is `..`.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,

    /// A JSON document that holds the files
    ///
    /// It is read before the command, and replaced as a whole after it if anything changed: concurrent readers see the
    /// old document or the new one. Commands that change something wait for each other, and create the document if it
    /// does not exist.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// How long to wait for another program that is changing the document
    #[arg(long, global = true, value_name = "TIME", value_parser = parse::duration)]
    #[arg(default_value = "10s")]
    pub(crate) lock_timeout: Duration,

    /// Mount another directory at a path of the workspace (repeatable)
    ///
    /// With `:ro` at the end it is read-only. Commands on this machine do not see mounts; commands in a container do.
    #[arg(long, global = true, value_name = "/PATH=DIR[:ro]", value_parser = mount::parser())]
    pub(crate) mount: Vec<Mount>,

    /// Refuse everything that would change a file
    ///
    /// Commands cannot be restricted that way, so none can run.
    #[arg(long, global = true)]
    pub(crate) read_only: bool,

    /// What a power loss can destroy: relaxed, content or full
    ///
    /// `content` never loses the previous content of a file: new content is on disk before it replaces the old. A new
    /// file may be lost or empty. `full` waits until everything reported as done is on disk. `relaxed` waits for
    /// nothing. This applies to directories and containers, not to --state.
    #[arg(long, global = true, value_name = "HOW", default_value = "content")]
    #[arg(value_parser = parse::durability())]
    pub(crate) durability: Durability,

    /// Let commands run on this machine, without isolation
    ///
    /// They run in --root as the user of this program, and can do whatever that user can: they are not confined to the
    /// workspace.
    #[arg(long, global = true)]
    pub(crate) no_isolation: bool,

    /// Apply rules: default, permissive, read-only, strict, or a file in TOML or JSON
    ///
    /// Questions of the rules are asked at the terminal, and count as refused without one. Rules are not isolation: a
    /// permitted command can do whatever its environment allows.
    #[arg(long, global = true, value_name = "PRESET|FILE")]
    pub(crate) permissions: Option<String>,

    #[cfg(feature = "docker")]
    #[command(flatten)]
    pub(crate) container: ContainerArgs,
}

impl WorkspaceArgs {
    /// Refuses options that contradict each other.
    ///
    /// # Errors
    ///
    /// `Usage`.
    pub(super) fn check(&self) -> Result<()> {
        let mut refused = vec![
            (
                self.root.is_some() && self.state.is_some(),
                "--root and --state are two workspaces: choose one, and --mount the other",
            ),
            (
                self.no_isolation && self.read_only,
                "--no-isolation and --read-only: nothing would keep commands from writing",
            ),
            (
                self.no_isolation && self.state.is_some(),
                "--no-isolation and --state: commands would not see the files of the document",
            ),
        ];
        let contained = self.is_contained();
        refused.extend([
            (
                contained && self.state.is_some(),
                "--state and a container are two workspaces: choose one",
            ),
            (
                contained && self.no_isolation,
                "--no-isolation and a container: choose where commands run",
            ),
        ]);
        match refused.iter().find(|(is_so, _)| *is_so) {
            Some((_, message)) => Err(Failure::Usage((*message).to_owned())),
            None => Ok(()),
        }
    }

    /// Returns whether the workspace is a container.
    pub(crate) fn is_contained(&self) -> bool {
        #[cfg(feature = "docker")]
        return self.container.is_wanted();
        #[cfg(not(feature = "docker"))]
        return false;
    }
}
