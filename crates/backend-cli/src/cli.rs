//! The command line as a whole: its commands, and the options that all of them share.

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::command::Command;
use crate::help;
use crate::out::OutputArgs;
use crate::workspace::WorkspaceArgs;

/// The commands that need no workspace. Their help does not show its options.
const WITHOUT_WORKSPACE: &[&str] = &["completions", "man", "runtimes", "sandboxes", "sessions"];

/// A workspace for AI agents on the command line: files, searches and commands.
#[derive(Debug, Parser)]
#[command(
    name = "agent-backends",
    version,
    about = help::ABOUT,
    long_about = help::LONG_ABOUT,
    after_help = help::AFTER_HELP,
    after_long_help = help::AFTER_LONG_HELP,
    max_term_width = 100,
    propagate_version = false,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Parses the arguments of a program, its name first.
    ///
    /// # Errors
    ///
    /// The message of clap: an error in the arguments, or the requested help.
    pub(crate) fn parse_args(
        args: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Self, clap::Error> {
        let mut command = command();
        let mut matches = command.try_get_matches_from_mut(args)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// Returns the definition of the command line, from which help, completions and manual pages are made.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let globals: Vec<_> = command
        .get_arguments()
        .filter(|arg| {
            let heading = arg.get_help_heading();
            heading.is_some() && heading != Some(help::OUTPUT)
        })
        .map(|arg| arg.clone().hide(true))
        .collect();
    // Options that a command defines itself are not inherited: so they still parse, but are not shown. Sandbox names
    // are the exception, for commands about sandboxes.
    command.mut_subcommands(|sub| {
        if WITHOUT_WORKSPACE.contains(&sub.get_name()) {
            let shown = matches!(sub.get_name(), "sandboxes" | "sessions").then_some("namespace");
            let hidden = globals
                .iter()
                .filter(|arg| Some(arg.get_id().as_str()) != shown);
            sub.args(hidden.cloned())
        } else {
            sub
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Cli, command};

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for args in [["--root", "x", "ls"], ["ls", "--root", "x"]] {
            let args = ["agent-backends"].into_iter().chain(args);
            let cli = Cli::parse_args(args.map(Into::into)).unwrap();
            assert_eq!(cli.workspace.root.as_deref(), Some("x".as_ref()));
        }
    }

    #[test]
    fn a_command_without_a_workspace_does_not_show_its_options() {
        let mut command = command();
        command.build();
        let mut help = |name: &str| {
            let sub = command.find_subcommand_mut(name).unwrap();
            sub.render_long_help().to_string()
        };
        assert!(help("ls").contains("--root"));
        assert!(!help("runtimes").contains("--root"));
    }
}
