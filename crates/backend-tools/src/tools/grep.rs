//! `grep`: lines that match a regular expression.

use std::fmt::Write as _;

use backend_core::{Case, GrepMatch, GrepOutput, GrepRequest, Grepped, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listed::{is_false, is_zero, shorten};
use super::structured;
use crate::Reply;
use crate::context::{Context, ToolResult, with_timeout};
use crate::footer::{Cut, SkippedCounts, count, footer};
use crate::output::fit;
use crate::settings::Settings;

const DEFAULT_LIMIT: usize = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The regular expression, in the syntax of Rust's regex crate: no look-around, no back-references. Escape literal
    /// braces and brackets, or set `fixed`.
    pattern: String,
    /// The directory or single file to search: absolute, or relative to the work directory. Default: the work
    /// directory.
    path: Option<String>,
    /// A glob that a file must match: `*.rs` matches its name at any depth, `src/**/*.rs` its path below `path`;
    /// `!*.min.js` excludes.
    glob: Option<String>,
    /// The type of the files to search, such as rust, py, js, md.
    #[serde(rename = "type")]
    #[schemars(rename = "type")]
    file_type: Option<String>,
    /// What to return: the matching lines, the files with a match, or the number of matching lines per file. Default
    /// `content`.
    output_mode: Option<Mode>,
    /// Ignore case. Default false.
    ignore_case: Option<bool>,
    /// Treat the pattern as literal text. Default false.
    fixed: Option<bool>,
    /// Match whole words only. Default false.
    word: Option<bool>,
    /// Let a match span several lines, and `.` match a line break. Default false.
    multiline: Option<bool>,
    /// Number of lines to show before and after each match. Default 0.
    #[schemars(range(min = 0, max = 50))]
    context: Option<usize>,
    /// Also search hidden entries, whose name starts with a dot. Default false.
    hidden: Option<bool>,
    /// Also search entries excluded by .gitignore or .ignore. Default false.
    ignored: Option<bool>,
    /// Maximum number of matches, or files, to return. Default 100.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Content,
    FilesWithMatches,
    Count,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The matches, in path order, then by line; absent unless `output_mode` is content.
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<Vec<Hit>>,
    /// The files with a match, in path order; absent if `output_mode` is content.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<File>>,
    /// How many more are listed only in the reply's text or file.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: u64,
    /// Number of files searched.
    searched: u64,
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

#[derive(Debug, Serialize, JsonSchema)]
struct Hit {
    /// The file.
    path: String,
    /// The line, counted from 1.
    line: u64,
    /// The byte of the line where the match starts, counted from 1.
    column: u64,
    /// The line, or all lines of the match.
    text: String,
    /// Whether `text` is cut.
    #[serde(skip_serializing_if = "is_false")]
    cut: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct File {
    /// The file.
    path: String,
    /// Number of matching lines; absent if they were not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

pub(super) fn describe(settings: &Settings) -> String {
    format!(
        "Searches files for a regular expression. Depending on `output_mode`, returns the matching lines below the path of \
         their file, as `12:text`, with context lines as `11-text`; or the matching files; or the number of matching lines \
         in each. Lines count from 1, as in read_file; a long line is cut around the match. Binary files, hidden files and \
         files excluded by .gitignore or .ignore are left out and counted, unless requested; links are not followed. \
         Searches for at most {} seconds.",
        settings.search_timeout.as_secs()
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let path = context.path_or_here(arguments.path.as_deref())?;
    let mode = arguments.output_mode.unwrap_or(Mode::Content);
    let request = request(&arguments, &path, mode).timeout(context.settings.search_timeout);
    let grep = context.files.grep_with(&request);
    let settings = &context.settings;
    let timeout_in_runtime = settings
        .search_timeout
        .saturating_add(settings.file_timeout);
    let found = with_timeout(timeout_in_runtime, "the search", grep).await?;
    let truncated = Cut::of(found.truncated);
    let mut text = match mode {
        Mode::Content => lines(&found.matches),
        Mode::FilesWithMatches => {
            let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
            summed(paths.join("\n"), paths.len(), "file")
        }
        Mode::Count => {
            let counts: Vec<_> = found
                .files
                .iter()
                .map(|file| format!("{}: {}", file.path, file.count))
                .collect();
            summed(counts.join("\n"), counts.len(), "file")
        }
    };
    if found.matches.is_empty() && found.files.is_empty() {
        text = format!("no match in {}", count(found.searched, "file"));
    }
    text.push_str(&footer(truncated, &found.skipped, &found.failures));
    let fitted = fit(context, text, context.settings.reply_bytes).await;
    let mut outcome = outcome(found, mode, context.settings.reply_bytes);
    outcome.kept_in = fitted.kept.as_ref().map(VirtualPath::to_string);
    Ok(Reply::ok(fitted.text, structured(&outcome)))
}

fn request(arguments: &Arguments, path: &VirtualPath, mode: Mode) -> GrepRequest {
    let around = arguments.context.unwrap_or_default();
    let mut request = GrepRequest::new(&arguments.pattern)
        .path(path)
        .context(around, around)
        .limit(arguments.limit.unwrap_or(DEFAULT_LIMIT))
        .output(match mode {
            Mode::Content => GrepOutput::Matches,
            Mode::FilesWithMatches => GrepOutput::Files,
            Mode::Count => GrepOutput::Counts,
        });
    if let Some(glob) = &arguments.glob {
        request = request.glob(glob);
    }
    if let Some(name) = &arguments.file_type {
        request = request.file_type(name);
    }
    if arguments.ignore_case == Some(true) {
        request = request.case(Case::Insensitive);
    }
    request.fixed = arguments.fixed == Some(true);
    request.word = arguments.word == Some(true);
    request.multi_line = arguments.multiline == Some(true);
    request.hidden = arguments.hidden == Some(true);
    request.ignored = arguments.ignored == Some(true);
    request
}

/// Writes matches below the path of their file.
fn lines(matches: &[GrepMatch]) -> String {
    let mut text = String::new();
    let mut file: Option<&VirtualPath> = None;
    let mut last_line = 0;
    for hit in matches {
        if file != Some(&hit.path) {
            let gap = if file.is_some() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}", hit.path);
            file = Some(&hit.path);
            last_line = 0;
        }
        let first = hit.before.first().map_or(hit.line, |line| line.line);
        let has_context = !hit.before.is_empty() || !hit.after.is_empty();
        if has_context && last_line > 0 && first > last_line + 1 {
            text.push_str("--\n");
        }
        for line in &hit.before {
            let _ = writeln!(text, "{}-{}", line.line, line.text);
        }
        last_line = hit.line;
        for (line, number) in hit.text.split('\n').zip(hit.line..) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let _ = writeln!(text, "{number}:{line}");
            last_line = number;
        }
        for line in &hit.after {
            let _ = writeln!(text, "{}-{}", line.line, line.text);
            last_line = line.line;
        }
    }
    text.truncate(text.trim_end_matches('\n').len());
    summed(text, matches.len(), "match")
}

fn summed(text: String, found: usize, noun: &str) -> String {
    format!("{text}\n{}", count(found as u64, noun))
}

fn outcome(found: Grepped, mode: Mode, budget: usize) -> Outcome {
    let failures = found.failures.iter().map(ToString::to_string).collect();
    let (matches, files, omitted) = if mode == Mode::Content {
        let hits = found.matches.into_iter().map(|hit| Hit {
            path: hit.path.to_string(),
            line: hit.line,
            column: hit.column,
            text: hit.text,
            cut: hit.cut,
        });
        let (hits, omitted) = shorten(hits.collect(), budget);
        (Some(hits), None, omitted)
    } else {
        let counted = found.files.into_iter().map(|file| File {
            path: file.path.to_string(),
            count: (mode == Mode::Count).then_some(file.count),
        });
        let (counted, omitted) = shorten(counted.collect(), budget);
        (None, Some(counted), omitted)
    };
    Outcome {
        matches,
        files,
        omitted,
        searched: found.searched,
        truncated: Cut::of(found.truncated),
        skipped: SkippedCounts::of(&found.skipped),
        failures,
        kept_in: None,
    }
}
