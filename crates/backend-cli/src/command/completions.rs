//! `completions`: scripts with which a shell completes this program's arguments.

use clap::Args;
use clap_complete::Shell;
use serde_json::json;

use crate::exit;
use crate::failure::Result;
use crate::out::Out;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends completions bash > ~/.local/share/bash-completion/completions/agent-backends
  agent-backends completions zsh > ~/.zfunc/_agent-backends
  agent-backends completions fish > ~/.config/fish/completions/agent-backends.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, out: &mut Out) -> Result<u8> {
        let mut script = Vec::new();
        let mut command = crate::command();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        if out.is_json() {
            out.json(&json!({ "script": String::from_utf8_lossy(&script) }))?;
        } else {
            out.bytes(&script)?;
        }
        Ok(exit::OK)
    }
}
