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

/// Which workspace it is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::WORKSPACE)]
pub(crate) struct WorkspaceArgs {
    /// A directory, which nothing leaves [default: the current one]
    ///
    /// Links that lead out of it are refused, and so is `..`.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,

    /// A JSON document that holds the files
    ///
    /// It is read before the command, and written after it if anything changed: at once and whole, so that who reads it
    /// meanwhile sees the old one or the new one. Commands that change something wait for each other. Such a command
    /// creates the document if it is not there.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// How long to wait for another program that changes the document
    #[arg(long, global = true, value_name = "TIME", value_parser = parse::duration)]
    #[arg(default_value = "10s")]
    pub(crate) lock_timeout: Duration,

    /// Show another directory below a path of the workspace; more than once for more
    ///
    /// With `:ro` at the end nothing in it can be changed. Commands that run on this machine do not see mounts; those in a
    /// container do.
    #[arg(long, global = true, value_name = "/PATH=DIR[:ro]", value_parser = mount::parser())]
    pub(crate) mount: Vec<Mount>,

    /// Refuse everything that would change a file
    ///
    /// Commands cannot be held to that, so there are none then.
    #[arg(long, global = true)]
    pub(crate) read_only: bool,

    /// What a loss of power can take: relaxed, content or full
    ///
    /// `content` never loses what a file had before: new content is on the disk before it takes the place of the old one.
    /// A file that is new may be lost or empty. `full` waits for everything that is reported as done. `relaxed` waits for
    /// nothing. It is for files of directories and containers, not for --state.
    #[arg(long, global = true, value_name = "HOW", default_value = "content")]
    #[arg(value_parser = parse::durability())]
    pub(crate) durability: Durability,

    /// Let commands run on this machine, isolated from nothing
    ///
    /// They run in --root as the user who runs this program, and can do whatever that user can: they are not confined to
    /// the workspace.
    #[arg(long, global = true)]
    pub(crate) no_isolation: bool,

    /// Hold everything to rules: default, permissive, read-only, strict, or a file in TOML or JSON
    ///
    /// What the rules ask about is asked at the terminal, and refused where there is none. They are no isolation: a command
    /// that may run can do what it can do where it runs.
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
