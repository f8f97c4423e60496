//! `glob`: entries by the shape of their path.

use std::time::Duration;

use backend_core::{DEFAULT_GLOB_LIMIT, GlobRequest};
use clap::Args;
use serde_json::Value;

use crate::app::App;
use crate::failure::Result;
use crate::workspace::Need;
use crate::{exit, json, notes, parse};

/// Find files by a pattern of their path
///
/// `*` and `?` stay within a name, `**` crosses directories, `{a,b}`, `[a-z]` and `[!a]` choose. `*.rs` is beside you,
/// `**/*.rs` is at any depth. Hidden files, and those that .gitignore and .ignore files exclude, are passed over. Exit
/// code 1 means that nothing matches.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends glob '**/*.{ts,tsx}' src
  agent-backends glob '**/*.rs' --relative --null | xargs -0 wc -l")]
pub(crate) struct Glob {
    /// The pattern
    pattern: String,

    /// The directory to search [default: where the workspace starts]
    #[arg(default_value = "", hide_default_value = true)]
    path: String,

    /// Hidden entries too
    #[arg(long, short = '.')]
    hidden: bool,

    /// Ignored entries too
    #[arg(long, short = 'I')]
    no_ignore: bool,

    /// Directories too
    #[arg(long, short)]
    directories: bool,

    /// How many to show at most
    #[arg(long, value_name = "N", default_value_t = DEFAULT_GLOB_LIMIT, value_parser = parse::count)]
    limit: usize,

    /// How long to search at most
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    timeout: Option<Duration>,

    /// Print paths relative to where the workspace starts, for programs that run there
    #[arg(long, short)]
    relative: bool,

    /// End each path with a NUL instead of a newline
    #[arg(long, short = '0')]
    null: bool,
}

impl Glob {
    pub(super) async fn run(self, app: &mut App) -> Result<u8> {
        let (workspace, out) = app.open(Need::Read).await?;
        let mut request = GlobRequest::new(&self.pattern)
            .path(workspace.path(&self.path)?)
            .limit(self.limit);
        request.hidden = self.hidden;
        request.ignored = self.no_ignore;
        request.directories = self.directories;
        request.timeout = self.timeout;
        let page = workspace.backend().glob_with(&request).await?;
        let code = if page.items.is_empty() {
            exit::NEGATIVE
        } else {
            exit::OK
        };
        if out.is_json() {
            let entries: Vec<_> = page.items.iter().map(json::entry).collect();
            let mut document = json::page(page.truncated, &page.skipped, &page.failures);
            document.insert("entries".to_owned(), entries.into());
            out.json(&Value::Object(document))?;
            return Ok(code);
        }
        let start = workspace.backend().work_dir();
        let end = if self.null { '\0' } else { '\n' };
        let style = out.colors().path;
        for entry in &page.items {
            let below = entry.path.strip_prefix(&start).filter(|_| self.relative);
            let shown = match &below {
                Some(path) => path.relative(),
                None => entry.path.as_str(),
            };
            out.text(format_args!("{style}{shown}{style:#}{end}"))?;
        }
        let shown = page.items.len();
        notes::tell(out, shown, page.truncated, &page.skipped, &page.failures);
        Ok(code)
    }
}
