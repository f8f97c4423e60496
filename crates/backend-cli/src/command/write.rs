//! `write`: the whole content of a file.

use std::io::IsTerminal;
use std::path::PathBuf;

use backend_core::{Version, WriteMode, WriteRequest};
use bytes::Bytes;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::failure::Result;
use crate::out::Out;
use crate::workspace::Need;
use crate::{exit, host};

/// Write a file from a text, another file or the standard input
///
/// The file is replaced as a whole or not at all. Parent directories are created.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  echo hello | agent-backends write notes/hello.txt
  agent-backends write version.txt 1.2.3
  agent-backends write logo.png --from ./logo.png --create
  agent-backends write a.txt 'new' --expect \"$(agent-backends stat a.txt --json | jq -r '.results[0].version')\"")]
pub(crate) struct Write {
    /// The file
    path: String,

    /// The text, with no line ending added; after `--` if it starts with a dash. Without it, the standard input is read
    #[arg(conflicts_with = "from")]
    text: Option<String>,

    /// A file on this machine to read the content from, or `-`
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,

    /// Refuse, with exit code 4, if the path exists
    #[arg(long, conflicts_with = "expect")]
    create: bool,

    /// Refuse, with exit code 12, unless the file has this version
    #[arg(long, value_name = "VERSION")]
    expect: Option<Version>,
}

impl Write {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let content = self.content(&mut context.out).await?;
        let (workspace, out) = context.open(Need::Change).await?;
        let path = workspace.path(&self.path)?;
        let mode = match self.expect {
            Some(version) => WriteMode::IfVersion(version),
            None if self.create => WriteMode::CreateNew,
            None => WriteMode::Overwrite,
        };
        let request = WriteRequest::new(&path, content).mode(mode);
        let written = workspace.backend().write_with(&request).await?;
        if out.is_json() {
            out.json(&json!({
                "path": path,
                "created": written.created,
                "size": written.size,
                "version": written.version,
            }))?;
        } else {
            let (verb, size) = (
                if written.created { "created" } else { "wrote" },
                written.size,
            );
            let version = written.version;
            out.summary(format_args!(
                "{verb} {path}: {size} bytes, version {version}"
            ))?;
        }
        Ok(exit::OK)
    }

    async fn content(&self, out: &mut Out) -> Result<Bytes> {
        if let Some(text) = &self.text {
            return Ok(text.clone().into());
        }
        if let Some(file) = &self.from {
            return Ok(host::read(file).await?.into());
        }
        if std::io::stdin().is_terminal() {
            out.note("reading from the terminal; Ctrl-D ends it");
        }
        Ok(host::read_stdin().await?.into())
    }
}
