//! `edit`: changes part of a text file.

use std::path::PathBuf;

use backend_core::{EditRequest, Edited, Edits, Replacement, Version};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::out::Out;
use crate::workspace::Need;
use crate::{exit, host};

/// Replace exact texts in a file, all or none, and show the diff
///
/// The file keeps its encoding, byte order mark, line endings and mode. Each text must occur exactly once, unless --all
/// is given: exit code 10 means that it does not occur, 11 that it occurs more than once.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends edit src/main.rs --old 'foo()' --new 'bar()' --dry-run
  agent-backends edit a.txt --old one --new 1 --old two --new 2
  agent-backends edit a.txt --old-file before.txt --new-file after.txt
  echo '[{\"old\": \"x\", \"new\": \"y\", \"replace_all\": true}]' | agent-backends edit a.txt --edits -

The --edits file is a list of objects with `old`, `new` and `replace_all`; or {\"lines\": [..]}, changes to lines by the \
numbers and hashes that 'cat --hashes' prints:
  {\"lines\": [{\"replace\": {\"first\": {\"line\": 3, \"hash\": \"1a2b\"}, \"last\": {..}, \"text\": \"new\"}},
             {\"delete\": {\"first\": {..}, \"last\": {..}}},
             {\"insert_after\": {\"line\": {..}, \"text\": \"new\"}}, {\"insert_before\": {..}}]}")]
pub(crate) struct Edit {
    /// The file
    path: String,

    /// The text to replace; one for each --new
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    old: Vec<String>,

    /// The replacement text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    new: Vec<String>,

    /// A file on this machine with the text to replace
    #[arg(long, value_name = "FILE", requires = "new_file", conflicts_with_all = ["old", "new"])]
    old_file: Option<PathBuf>,

    /// A file on this machine with the replacement text
    #[arg(long, value_name = "FILE", requires = "old_file", conflicts_with_all = ["old", "new"])]
    new_file: Option<PathBuf>,

    /// A file on this machine, or `-`, with edits as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["old", "new", "old_file", "all"])]
    edits: Option<PathBuf>,

    /// Replace every match
    #[arg(long)]
    all: bool,

    /// Refuse, with exit code 12, unless the file has this version
    #[arg(long, value_name = "VERSION")]
    expect: Option<Version>,

    /// Change nothing, and show what would change
    #[arg(long, short = 'n')]
    dry_run: bool,
}

/// The forms in which edits come as JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum EditsFile {
    Replacements(Vec<Replacement>),
    Edits(Edits),
}

impl Edit {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let edits = self.edits().await?;
        let need = if self.dry_run {
            Need::Read
        } else {
            Need::Change
        };
        let (workspace, out) = context.open(need).await?;
        let path = workspace.path(&self.path)?;
        let mut request = EditRequest::from_edits(&path, edits);
        request.expected = self.expect;
        request.dry_run = self.dry_run;
        let edited = workspace.backend().edit_with(&request).await?;
        if out.is_json() {
            out.json(&json!({
                "path": path,
                "replacements": edited.replacements,
                "version": edited.version,
                "diff": edited.diff,
                "diff_cut": edited.diff_cut,
                "dry_run": self.dry_run,
            }))?;
        } else {
            show(out, &edited)?;
        }
        Ok(exit::OK)
    }

    async fn edits(&self) -> Result<Edits> {
        if let Some(file) = &self.edits {
            let json = host::read_text(file).await?;
            let parsed: EditsFile = serde_json::from_str(&json).map_err(|error| {
                let message = format!("--edits {}: not valid edits: {error}", file.display());
                Failure::Usage(message)
            })?;
            return Ok(match parsed {
                EditsFile::Replacements(replacements) => Edits::Exact(replacements),
                EditsFile::Edits(edits) => edits,
            });
        }
        let pairs: Vec<(String, String)> = match (&self.old_file, &self.new_file) {
            (Some(old), Some(new)) => {
                vec![(host::read_text(old).await?, host::read_text(new).await?)]
            }
            _ if self.old.is_empty() && self.new.is_empty() => {
                let message = "nothing to replace: pass --old and --new, --old-file and --new-file, or --edits";
                return Err(Failure::Usage(message.to_owned()));
            }
            _ if self.old.len() != self.new.len() => {
                let (old, new) = (self.old.len(), self.new.len());
                let message = format!("each --old needs one --new: got {old} and {new}");
                return Err(Failure::Usage(message));
            }
            _ => self
                .old
                .iter()
                .cloned()
                .zip(self.new.iter().cloned())
                .collect(),
        };
        let replacements = pairs.into_iter().map(|(old, new)| {
            let mut replacement = Replacement::new(old, new);
            replacement.replace_all = self.all;
            replacement
        });
        Ok(Edits::Exact(replacements.collect()))
    }
}

fn show(out: &mut Out, edited: &Edited) -> Result<()> {
    let colors = out.colors();
    for line in edited.diff.lines() {
        let style = match line.as_bytes() {
            [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => colors.faint,
            [b'+', ..] => colors.added,
            [b'-', ..] => colors.removed,
            [b'@', ..] => colors.hunk,
            _ => anstyle::Style::new(),
        };
        let shown = out.shown(line);
        out.line(format_args!("{style}{shown}{style:#}"))?;
    }
    if edited.diff_cut {
        out.note("the diff is longer than shown");
    }
    Ok(())
}
