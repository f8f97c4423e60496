//! `glob`: entries whose path matches a pattern.

use std::time::Duration;

use backend_core::{DEFAULT_GLOB_LIMIT, GlobRequest};
use clap::Args;
use serde_json::Value;

use crate::context::Context;
use crate::failure::Result;
use crate::workspace::Need;
use crate::{exit, json, notes, parse};

/// Find files whose path matches a glob pattern
///
/// `*` and `?` match within a name, `**` crosses directories, `{a,b}`, `[a-z]` and `[!a]` are alternatives. `*.rs`
/// matches in the directory itself, `**/*.rs` at any depth. Hidden files and files excluded by .gitignore or .ignore
/// are skipped. Exit code 1 means that nothing matches.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends glob '**/*.{ts,tsx}' src
  agent-backends glob '**/*.rs' --relative --null | xargs -0 wc -l")]
pub(crate) struct Glob {
    /// The pattern
    pattern: String,

    /// The directory to search [default: the work directory]
    #[arg(default_value = "", hide_default_value = true)]
    path: String,

    /// Include hidden entries
    #[arg(long, short = '.')]
    hidden: bool,

    /// Include ignored entries
    #[arg(long, short = 'I')]
    no_ignore: bool,

    /// Include directories
    #[arg(long, short)]
    directories: bool,

    /// Maximum number of entries to show
    #[arg(long, value_name = "N", default_value_t = DEFAULT_GLOB_LIMIT, value_parser = parse::count)]
    limit: usize,

    /// Time limit of the search
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    timeout: Option<Duration>,

    /// Print paths relative to the work directory, for programs that run there
    #[arg(long, short)]
    relative: bool,

    /// End each path with a NUL instead of a newline
    #[arg(long, short = '0')]
    null: bool,
}

impl Glob {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Read).await?;
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
