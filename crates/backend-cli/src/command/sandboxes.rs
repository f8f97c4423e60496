//! `sandboxes`: the named containers, and those left behind.

use backend_core::{Error, SandboxId, SandboxProvider};
use clap::{Args, Subcommand};
use sandbox_docker::{DockerProvider, DockerSandbox};
use serde_json::json;

use crate::command::Results;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::{exit, parse};

/// List, suspend and remove kept containers, and clean up after killed programs
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends exec --docker python:3.12-slim --name dev -- pip list
  agent-backends sandboxes list
  agent-backends sandboxes remove dev")]
pub(crate) struct Sandboxes {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List containers by name, including the unnamed ones of running programs
    List,
    /// Stop containers; their files stay, and the next command that names one restarts it
    Suspend {
        /// The names
        #[arg(required = true, value_parser = parse::sandbox_id)]
        names: Vec<SandboxId>,
    },
    /// Remove containers, with everything in them
    Remove {
        /// The names
        #[arg(required = true, value_parser = parse::sandbox_id)]
        names: Vec<SandboxId>,
    },
    /// Remove what ended programs have left behind; kept containers stay
    Clean {
        /// Also remove guest volumes that no container uses; they are filled again when needed
        #[arg(long)]
        guests: bool,
    },
}

impl Sandboxes {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let provider = DockerProvider::builder(DockerSandbox::builder("unused"))
            .namespace(context.namespace())
            .without_sweep()
            .connect()
            .await?;
        match self.action {
            Action::List => list(&provider, context).await,
            Action::Suspend { names } => {
                each(&names, context, async |name| provider.suspend(name).await).await
            }
            Action::Remove { names } => {
                let there = provider.list().await?;
                each(&names, context, async |name| {
                    if !there.contains(name) {
                        let message = format!("there is no sandbox '{name}'");
                        return Err(Error::invalid_request(message));
                    }
                    provider.destroy(name).await
                })
                .await
            }
            Action::Clean { guests } => clean(&provider, guests, context).await,
        }
    }
}

async fn list(provider: &DockerProvider, context: &mut Context) -> Result<u8> {
    let names = provider.list().await?;
    if context.out.is_json() {
        context.out.json(&json!({ "sandboxes": names }))?;
        return Ok(exit::OK);
    }
    for name in &names {
        context.out.line(name)?;
    }
    Ok(exit::OK)
}

async fn each(
    names: &[SandboxId],
    context: &mut Context,
    act: impl AsyncFn(&SandboxId) -> Result<(), Error>,
) -> Result<u8> {
    let mut results = Results::about("name");
    for name in names {
        match act(name).await {
            Ok(()) => results.done(name.as_str(), json!({})),
            Err(error) => results.failed(name.as_str(), &Failure::Core(error), &mut context.out),
        }
    }
    results.finish(&mut context.out)
}

async fn clean(provider: &DockerProvider, with_guests: bool, context: &mut Context) -> Result<u8> {
    let reaped = provider.reap().await?;
    let guests = if with_guests {
        provider.engine().remove_unused_guests().await?
    } else {
        0
    };
    let (sandboxes, failed) = (&reaped.sandboxes, reaped.failed);
    if context.out.is_json() {
        let document = json!({ "removed": sandboxes, "failed": failed, "guests": guests });
        context.out.json(&document)?;
    } else {
        for name in sandboxes {
            context.out.line(format_args!("removed {name}"))?;
        }
        let count = sandboxes.len();
        context.out.summary(format_args!(
            "{count} sandboxes and {guests} guests removed"
        ))?;
        if failed > 0 {
            context
                .out
                .warning(format_args!("{failed} could not be removed"));
        }
    }
    Ok(if failed == 0 {
        exit::OK
    } else {
        exit::NEGATIVE
    })
}
