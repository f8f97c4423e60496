//! `glob`: files whose path matches a pattern.

use backend_core::{GlobRequest, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listed::{is_zero, shorten};
use super::structured;
use crate::Reply;
use crate::context::{Context, Failed, ToolResult, with_timeout};
use crate::footer::{Cut, SkippedCounts, count, footer};
use crate::output::fit;
use crate::settings::Settings;

const DEFAULT_LIMIT: usize = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The pattern. `*` and `?` match within a name, `**` crosses directories, `{a,b}` and `[a-z]` are alternatives:
    /// `*.rs` matches in this directory, `**/*.rs` at any depth, `src/**` everything below src.
    pattern: String,
    /// The directory that the pattern is relative to: absolute, or relative to the work directory. Default: the work
    /// directory.
    path: Option<String>,
    /// Also search hidden entries, whose name starts with a dot. Default false.
    hidden: Option<bool>,
    /// Also search entries excluded by .gitignore or .ignore. Default false.
    ignored: Option<bool>,
    /// Also return directories. Default false.
    directories: Option<bool>,
    /// Maximum number of paths to return. Default 200.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The absolute paths, in path order. A directory ends with a slash.
    paths: Vec<String>,
    /// How many more are listed only in the reply's text or file.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: u64,
    /// Why there may be more; absent if this is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<Cut>,
    /// Number of entries not searched, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<SkippedCounts>,
    /// Other failures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<String>,
    /// The file with the whole text, if the reply does not have all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_in: Option<String>,
}

pub(super) fn describe(settings: &Settings) -> String {
    format!(
        "Finds files whose path matches a glob pattern, and returns their absolute paths in order, one per line. Hidden \
         files and files excluded by .gitignore or .ignore are left out and counted, unless requested or named by the \
         pattern. Links are shown but not followed. Searches for at most {} seconds.",
        settings.search_timeout.as_secs()
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let (path, pattern) = base(context, arguments.path.as_deref(), &arguments.pattern)?;
    let timeout = context.settings.search_timeout;
    let mut request = GlobRequest::new(pattern)
        .path(&path)
        .limit(arguments.limit.unwrap_or(DEFAULT_LIMIT))
        .timeout(timeout);
    request.hidden = arguments.hidden == Some(true);
    request.ignored = arguments.ignored == Some(true);
    request.directories = arguments.directories == Some(true);
    let glob = context.files.glob_with(&request);
    // The search ends on time by its own limit; an unresponsive workspace is abandoned a little later.
    let page = with_timeout(
        timeout.saturating_add(context.settings.file_timeout),
        "the search",
        glob,
    )
    .await?;
    let truncated = Cut::of(page.truncated);
    let paths: Vec<String> = page
        .items
        .iter()
        .map(|entry| {
            let slash = if entry.is_directory() { "/" } else { "" };
            format!("{}{slash}", entry.path)
        })
        .collect();
    let mut text = if paths.is_empty() {
        format!("nothing below {path} matches")
    } else {
        format!(
            "{}\n{}",
            paths.join("\n"),
            count(paths.len() as u64, "match")
        )
    };
    text.push_str(&footer(truncated, &page.skipped, &page.failures));
    let budget = context.settings.reply_bytes;
    let (paths, omitted) = shorten(paths, budget);
    let fitted = fit(context, text, budget).await;
    let outcome = Outcome {
        paths,
        omitted,
        truncated,
        skipped: SkippedCounts::of(&page.skipped),
        failures: page.failures.iter().map(ToString::to_string).collect(),
        kept_in: fitted.kept.as_ref().map(VirtualPath::to_string),
    };
    Ok(Reply::ok(fitted.text, structured(&outcome)))
}

/// Returns the directory and pattern of the search. A pattern that is an absolute path starts at the root, as a path
/// does.
fn base(
    context: &Context,
    path: Option<&str>,
    pattern: &str,
) -> Result<(VirtualPath, String), Failed> {
    let here = context.path_or_here(path)?;
    if path.is_some() || here.is_root() || !pattern.starts_with('/') {
        return Ok((here, pattern.to_owned()));
    }
    let below = pattern
        .strip_prefix(here.as_str())
        .and_then(|rest| rest.strip_prefix('/'));
    Ok(match below {
        Some(rest) => (here, rest.to_owned()),
        None => (VirtualPath::root(), pattern.to_owned()),
    })
}
