//! `cp`: copies within the workspace, into it, and out of it.

use std::ffi::{OsStr, OsString};

use backend_core::DEFAULT_READ_BYTES;
use clap::Args;

use crate::context::Context;
use crate::copy::{Copied, Options, Place, host_path};
use crate::failure::{Failure, Result};
use crate::parse;
use crate::workspace::{Need, Workspace};

/// Copy files and trees within, into and out of the workspace
///
/// A path after `host:` is on this machine, any other is in the workspace. If the target is a directory, copies go into
/// it under their names. Bytes are copied unchanged; modes and times are not copied. A file is replaced as a whole.
/// Links and special files found in a tree are not copied: this is reported, and the exit code is 1.
///
/// Nothing is written on this machine outside the named directory, whatever the tree contains.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends cp host:./report.pdf /inbox/
  agent-backends cp -r /results host:/tmp/results
  agent-backends cp -r --state memory.json host:./notes /
  agent-backends cp a.txt b.txt")]
pub(crate) struct Cp {
    /// The sources, then the target
    #[arg(required = true, num_args = 2.., value_names = ["FROM", "TO"])]
    paths: Vec<OsString>,

    /// Copy directories with everything in them
    #[arg(long, short)]
    recursive: bool,

    /// Do not overwrite; exits with 4 if the target exists
    #[arg(long, short)]
    no_clobber: bool,

    /// Use the target as the new path itself, even if it is a directory
    #[arg(long, short = 'T')]
    no_target_directory: bool,

    /// Maximum size of a file; it is held in memory while it is copied
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_READ_BYTES, value_parser = parse::size)]
    max_file_size: u64,
}

impl Cp {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let Some((target, sources)) = self.paths.split_last() else {
            return Err(Failure::Usage("name the sources and the target".to_owned()));
        };
        let to_host = host_path(target).is_some();
        if to_host && sources.iter().all(|source| host_path(source).is_some()) {
            let message = "both ends are on this machine: one must be in the workspace";
            return Err(Failure::Usage(message.to_owned()));
        }
        let need = if to_host { Need::Read } else { Need::Change };
        let (workspace, out) = context.open(need).await?;
        let target = match host_path(target) {
            Some(path) => Place::target(path)?,
            None => place(workspace, target)?,
        };
        if sources.len() > 1 && (self.no_target_directory || !target.is_directory().await?) {
            let message = "several sources need a directory as the target";
            return Err(Failure::Usage(message.to_owned()));
        }
        let options = Options {
            recursive: self.recursive,
            keep: self.no_clobber,
            file_bytes: self.max_file_size,
        };
        let mut copied = Copied::default();
        for source in sources {
            let from = match host_path(source) {
                Some(path) => Place::source(path),
                None => place(workspace, source),
            };
            let ends = match from {
                Ok(from) => {
                    let to = target.for_source(&from, self.no_target_directory).await;
                    to.map(|to| (from, to))
                }
                Err(failure) => Err(failure),
            };
            match ends {
                Ok((from, to)) => copied.add(&from, &to, options, out).await?,
                Err(failure) => copied.fail(&source.to_string_lossy(), &failure, out),
            }
        }
        if out.is_json() {
            out.json(&copied.to_json())?;
        } else {
            out.summary(copied.summary())?;
        }
        Ok(copied.code())
    }
}

fn place(workspace: &Workspace, text: &OsStr) -> Result<Place> {
    let Some(text) = text.to_str() else {
        let message = format!("{}: a path of the workspace must be UTF-8", text.display());
        return Err(Failure::Usage(message));
    };
    Ok(Place::in_workspace(
        workspace.backend(),
        workspace.path(text)?,
    ))
}
