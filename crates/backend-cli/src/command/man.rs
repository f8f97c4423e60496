//! `man`: manual pages.

use clap::Args;
use clap_mangen::Man as Page;
use serde_json::json;

use crate::exit;
use crate::failure::{Failure, Result};
use crate::out::Out;

/// Print the manual page of this program, or of one of its commands
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends man | man -l -
  agent-backends man grep > agent-backends-grep.1")]
pub(crate) struct Man {
    /// The command
    command: Option<String>,
}

impl Man {
    pub(super) fn run(self, out: &mut Out) -> Result<u8> {
        let mut command = crate::command();
        command.build();
        if let Some(name) = &self.command {
            let found = command.find_subcommand(name).cloned();
            let unknown = || Failure::Usage(format!("unknown command '{name}'"));
            command = found.ok_or_else(unknown)?;
        }
        let mut page = Vec::new();
        let rendered = Page::new(command).render(&mut page);
        rendered.map_err(|error| Failure::Host("the manual page".to_owned(), error))?;
        if out.is_json() {
            out.json(&json!({ "page": String::from_utf8_lossy(&page) }))?;
        } else {
            out.bytes(&page)?;
        }
        Ok(exit::OK)
    }
}
