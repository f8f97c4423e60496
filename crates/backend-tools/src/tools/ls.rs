//! `ls`: the entries of a directory.

use backend_core::{Entry, EntryKind, LsRequest, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listed::{is_zero, shorten};
use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult};
use crate::footer::{Cut, SkippedCounts, count, footer};
use crate::output::fit;
use crate::settings::Settings;

const DEFAULT_LIMIT: usize = 500;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The directory: absolute, or relative to the work directory. Default: the work directory.
    path: Option<String>,
    /// Maximum number of entries to return. Default 500.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The directory.
    path: String,
    /// Its entries: directories first, then everything else, each in byte order of names.
    entries: Vec<Listed>,
    /// How many more are listed only in the reply's text or file.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: u64,
    /// Why there may be more; absent if this is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<Cut>,
    /// Number of entries not listed, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<SkippedCounts>,
    /// The file with the whole text, if the reply does not have all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_in: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Listed {
    /// Its name in the directory.
    name: String,
    /// Its kind; a link is not followed.
    kind: Kind,
    /// Number of bytes that reading it returns.
    size: u64,
    /// For a link, the kind of its target; absent if it leads to nothing in the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Kind>,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Directory,
    File,
    Symlink,
    Other,
}

impl Kind {
    fn of(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Directory => Self::Directory,
            EntryKind::File => Self::File,
            EntryKind::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Lists a directory, one entry per line: directories first, then files, each by name. A directory ends with /, a file has \
     its size in bytes, a link shows what kind of target it has. Hidden entries are included. For subdirectories, use glob."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let path = context.path_or_here(arguments.path.as_deref())?;
    let request = LsRequest::new(&path).limit(arguments.limit.unwrap_or(DEFAULT_LIMIT));
    let listing = context.with_timeout("listing the directory", context.files.ls_with(&request));
    let page = listing.await?;
    let truncated = Cut::of(page.truncated);
    let mut text = format!("{path}: {}\n", count(page.items.len() as u64, "entry"));
    for entry in &page.items {
        text.push_str(&line(entry));
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push_str(&footer(truncated, &page.skipped, &page.failures));
    let budget = context.settings.reply_bytes;
    let entries = page.items.iter().map(listed).collect();
    let (entries, omitted) = shorten(entries, budget);
    let fitted = fit(context, text, budget).await;
    let outcome = Outcome {
        path: path.to_string(),
        entries,
        omitted,
        truncated,
        skipped: SkippedCounts::of(&page.skipped),
        kept_in: fitted.kept.as_ref().map(VirtualPath::to_string),
    };
    Ok(Reply::ok(fitted.text, structured(&outcome)))
}

fn name(entry: &Entry) -> &str {
    entry.path.name().unwrap_or("/")
}

fn line(entry: &Entry) -> String {
    let name = name(entry);
    match (entry.kind, entry.target) {
        (EntryKind::Directory, _) => format!("{name}/"),
        (EntryKind::File, _) => format!("{name} ({})", count(entry.size, "byte")),
        (EntryKind::Symlink, Some(EntryKind::Directory)) => format!("{name} (link to a directory)"),
        (EntryKind::Symlink, Some(EntryKind::File)) => {
            format!("{name} (link to a file, {})", count(entry.size, "byte"))
        }
        (EntryKind::Symlink, _) => format!("{name} (link to nothing in the workspace)"),
        _ => format!("{name} (neither file nor directory)"),
    }
}

fn listed(entry: &Entry) -> Listed {
    Listed {
        name: name(entry).to_owned(),
        kind: Kind::of(entry.kind),
        size: entry.size,
        target: entry.target.map(Kind::of),
    }
}
