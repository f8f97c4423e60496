//! `ls`: the entries of a directory.

use backend_core::{DEFAULT_LS_LIMIT, Entry, EntryKind, LsRequest};
use clap::Args;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Result;
use crate::out::Out;
use crate::workspace::Need;
use crate::{exit, json, notes, parse, time};

/// List a directory: directories first, then everything else
///
/// Directories end with `/`, links with `@`, and special files with `?`. Hidden entries are included.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  agent-backends ls\n  agent-backends ls -l src --json")]
pub(crate) struct Ls {
    /// The directory [default: the work directory]
    #[arg(default_value = "", hide_default_value = true)]
    path: String,

    /// Show kind, size, time and version
    #[arg(long, short)]
    long: bool,

    /// Maximum number of entries to show
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LS_LIMIT, value_parser = parse::count)]
    limit: usize,
}

impl Ls {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Read).await?;
        let path = workspace.path(&self.path)?;
        let request = LsRequest::new(&path).limit(self.limit);
        let page = workspace.backend().ls_with(&request).await?;
        if out.is_json() {
            let entries: Vec<_> = page.items.iter().map(json::entry).collect();
            let mut document = json::page(page.truncated, &page.skipped, &page.failures);
            document.insert("path".to_owned(), json!(path));
            document.insert("entries".to_owned(), entries.into());
            out.json(&Value::Object(document))?;
            return Ok(exit::OK);
        }
        for entry in &page.items {
            let name = entry.path.name().unwrap_or("/");
            show(out, entry, name, self.long)?;
        }
        let shown = page.items.len();
        notes::tell(out, shown, page.truncated, &page.skipped, &page.failures);
        Ok(exit::OK)
    }
}

/// Prints a line about an entry.
pub(super) fn show(out: &mut Out, entry: &Entry, name: &str, long: bool) -> Result<()> {
    if long {
        let modified = entry.modified.and_then(time::rfc3339);
        let version = entry.version.map(|version| version.to_string());
        let kind = match entry.kind {
            EntryKind::Directory => 'd',
            EntryKind::File => '-',
            EntryKind::Symlink => 'l',
            _ => '?',
        };
        out.text(format_args!(
            "{kind} {:>12} {:20} {:32} ",
            entry.size,
            modified.as_deref().unwrap_or("-"),
            version.as_deref().unwrap_or("-"),
        ))?;
    }
    let colors = out.colors();
    let (style, mark) = match entry.kind {
        EntryKind::Directory if name == "/" => (colors.directory, ""),
        EntryKind::Directory => (colors.directory, "/"),
        EntryKind::File => (anstyle::Style::new(), ""),
        EntryKind::Symlink => (colors.link, "@"),
        _ => (colors.warning, "?"),
    };
    out.line(format_args!("{style}{name}{style:#}{mark}"))
}
