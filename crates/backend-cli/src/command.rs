//! The commands, one file each; here their list, and what several of them share.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::exit;
use crate::failure::{Failure, Result};
use crate::out::Out;

mod cat;
mod completions;
mod cp;
mod doctor;
mod edit;
mod exec;
mod glob;
mod grep;
mod ls;
mod man;
mod mcp;
mod mkdir;
mod mv;
mod rm;
mod runtimes;
#[cfg(feature = "docker")]
mod sandboxes;
mod sessions;
mod stat;
mod write;

/// The command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ls(ls::Ls),
    Stat(stat::Stat),
    Cat(cat::Cat),
    Write(write::Write),
    Edit(edit::Edit),
    Cp(cp::Cp),
    Mv(mv::Mv),
    Rm(rm::Rm),
    Mkdir(mkdir::Mkdir),
    Glob(glob::Glob),
    Grep(grep::Grep),
    Exec(exec::Exec),
    Mcp(mcp::Mcp),
    Runtimes(runtimes::Runtimes),
    #[cfg(feature = "docker")]
    Sandboxes(sandboxes::Sandboxes),
    Sessions(sessions::Sessions),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Returns whether it runs until a signal ends it, so a signal is not an interruption.
    pub(crate) const fn is_server(&self) -> bool {
        matches!(self, Self::Mcp(_))
    }

    /// Runs it, and returns the exit code.
    ///
    /// # Errors
    ///
    /// As documented in the help of each command.
    pub(crate) async fn run(self, context: &mut Context) -> Result<u8> {
        match self {
            Self::Ls(command) => command.run(context).await,
            Self::Stat(command) => command.run(context).await,
            Self::Cat(command) => command.run(context).await,
            Self::Write(command) => command.run(context).await,
            Self::Edit(command) => command.run(context).await,
            Self::Cp(command) => command.run(context).await,
            Self::Mv(command) => command.run(context).await,
            Self::Rm(command) => command.run(context).await,
            Self::Mkdir(command) => command.run(context).await,
            Self::Glob(command) => command.run(context).await,
            Self::Grep(command) => command.run(context).await,
            Self::Exec(command) => command.run(context).await,
            Self::Mcp(command) => command.run(context).await,
            Self::Runtimes(command) => command.run(&mut context.out),
            #[cfg(feature = "docker")]
            Self::Sandboxes(command) => command.run(context).await,
            Self::Sessions(command) => command.run(context).await,
            Self::Doctor(command) => command.run(context).await,
            Self::Completions(command) => command.run(&mut context.out),
            Self::Man(command) => command.run(&mut context.out),
        }
    }
}

/// The outcomes of a command that takes several paths. One that fails does not stop the others.
#[derive(Debug)]
struct Results {
    /// The JSON field that names the subject of each outcome.
    key: &'static str,
    items: Vec<Value>,
    code: u8,
}

impl Default for Results {
    fn default() -> Self {
        Self::about("path")
    }
}

impl Results {
    fn about(key: &'static str) -> Self {
        Self {
            key,
            items: Vec::new(),
            code: exit::OK,
        }
    }

    /// Adds the outcome of a path.
    fn done(&mut self, path: &str, outcome: Value) {
        let mut item = Map::from_iter([(self.key.to_owned(), path.into())]);
        if let Value::Object(fields) = outcome {
            item.extend(fields);
        }
        self.items.push(item.into());
    }

    /// Adds and reports a failure. The first failure decides the exit code.
    fn failed(&mut self, path: &str, failure: &Failure, out: &mut Out) {
        if self.code == exit::OK {
            self.code = failure.code();
        }
        self.items
            .push(json!({ (self.key): path, "error": failure.to_json() }));
        out.error(failure);
    }

    /// Prints the JSON document, if requested, and returns the exit code.
    fn finish(self, out: &mut Out) -> Result<u8> {
        if out.is_json() {
            out.json(&json!({ "results": self.items }))?;
        }
        Ok(self.code)
    }
}
