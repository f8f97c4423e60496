//! `runtimes`: the environments that come with the library.

use backend_core::{Error, RuntimeConfig, RuntimeImage};
use clap::Args;
use serde_json::json;

use crate::exit;
use crate::failure::{Failure, Result};
use crate::out::Out;

/// List the built-in runtimes, or show one as JSON
///
/// A runtime is an image and what is installed on it. The JSON is a valid configuration, to be adapted and used.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends runtimes
  agent-backends runtimes python-web > my-runtime.json")]
pub(crate) struct Runtimes {
    /// The runtime to show
    name: Option<String>,
}

impl Runtimes {
    pub(super) fn run(self, out: &mut Out) -> Result<u8> {
        if let Some(name) = &self.name {
            let runtime = RuntimeConfig::builtin(name).ok_or_else(|| unknown(name))?;
            out.json_pretty(&json!(runtime))?;
            return Ok(exit::OK);
        }
        let all = RuntimeConfig::builtins();
        if out.is_json() {
            out.json(&json!({ "runtimes": all }))?;
            return Ok(exit::OK);
        }
        let style = out.colors().path;
        for runtime in &all {
            let (name, description) = (runtime.name(), runtime.description());
            let image = match runtime.image() {
                RuntimeImage::Ready(image) => image.clone(),
                RuntimeImage::BuiltOn(base) => format!("built on {base}"),
                _ => String::new(),
            };
            out.line(format_args!(
                "{style}{name:20}{style:#} {description} ({image})"
            ))?;
        }
        Ok(exit::OK)
    }
}

fn unknown(name: &str) -> Failure {
    let all = RuntimeConfig::builtins();
    let names: Vec<_> = all.iter().map(RuntimeConfig::name).collect();
    let message = format!(
        "unknown built-in runtime '{name}'; the built-in ones are {}",
        names.join(", ")
    );
    Error::invalid_request(message).into()
}
