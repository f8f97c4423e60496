//! `read_many`: the first lines of several files.

use backend_core::{Error, ReadRequest, Result, TextPage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{LinePrefix, PageOutcome, remember, render, shorten};
use super::read_file::LINE_BYTES;
use super::structured;
use crate::Reply;
use crate::context::{Context, Failed, ToolResult};
use crate::settings::Settings;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The files: absolute, or relative to the work directory.
    #[schemars(length(min = 1, max = 50))]
    paths: Vec<String>,
    /// Maximum number of lines to return per file. Default 500.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
}

const DEFAULT_LIMIT: usize = 500;

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The result for each file, in the order of the paths.
    files: Vec<FileOutcome>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FileOutcome {
    /// The path of the file.
    path: String,
    /// Its first lines, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<PageOutcome>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn describe(settings: &Settings) -> String {
    format!(
        "Reads the first lines of up to 50 text files, in the format of read_file, each below a line `==> path <==`. \
         Together they share {} bytes; if a file is cut, its last line gives the offset to continue from with read_file. A \
         file that cannot be read is reported and does not stop the others.",
        settings.reply_bytes
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let budget = context.settings.reply_bytes;
    let limit = arguments.limit.unwrap_or(DEFAULT_LIMIT);
    // The first line of each is always shown.
    let line_bytes = LINE_BYTES.min(budget / 2 / arguments.paths.len().max(1));
    let here = context.files.work_dir();
    let paths: Vec<Result<_>> = arguments
        .paths
        .iter()
        .map(|path| Ok(here.resolve(path)?))
        .collect();
    let requests: Vec<ReadRequest> = paths
        .iter()
        .flatten()
        .map(|path| {
            ReadRequest::new(path)
                .limit(limit)
                .line_bytes(line_bytes)
                .page_bytes(budget)
        })
        .collect();
    let read = async { Ok(context.files.read_many_with(&requests).await) };
    let mut pages = context
        .with_timeout("reading the files", read)
        .await?
        .into_iter();
    let mut outcomes: Vec<Result<TextPage>> = paths
        .into_iter()
        .map(|path| path.and_then(|_| pages.next().unwrap_or_else(missing)))
        .collect();
    if let Some(failed) = all_failed(&outcomes) {
        return Err(failed);
    }
    let heads: usize = arguments.paths.iter().map(|path| path.len() + 16).sum();
    share(&mut outcomes, budget.saturating_sub(heads));
    let mut text = String::new();
    let mut files = Vec::new();
    for (path, outcome) in arguments.paths.into_iter().zip(&outcomes) {
        text.push_str(&format!("==> {path} <==\n"));
        let (shown, error) = match outcome {
            Ok(page) => {
                remember(context, page);
                text.push_str(&render(page, LinePrefix::Numbers));
                (Some(PageOutcome::of(page)), None)
            }
            Err(error) => {
                text.push_str(&error.to_string());
                (None, Some(error.to_string()))
            }
        };
        text.push_str("\n\n");
        files.push(FileOutcome {
            path,
            text: shown,
            error,
        });
    }
    text.truncate(text.trim_end().len());
    Ok(Reply::ok(text, structured(&Outcome { files })))
}

/// A backend must answer each request; missing answers are filled in here.
fn missing() -> Result<TextPage> {
    Err(Error::unavailable(
        "the workspace returned no result for this file",
    ))
}

fn all_failed(outcomes: &[Result<TextPage>]) -> Option<Failed> {
    let failed: Option<Vec<&Error>> = outcomes.iter().map(|one| one.as_ref().err()).collect();
    let failed = failed?;
    let first = *failed.first()?;
    let lines: Vec<String> = failed.iter().map(|error| error.to_string()).collect();
    let text = format!("none of the files could be read:\n{}", lines.join("\n"));
    Some(Reply::of_error_with_text(first, text).into())
}

/// Cuts the longest pages, so that all of them together fit into a budget of bytes.
fn share(outcomes: &mut [Result<TextPage>], budget: usize) {
    let mut widths: Vec<usize> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(page) => render(page, LinePrefix::Numbers).len(),
            Err(error) => error.to_string().len(),
        })
        .collect();
    widths.sort_unstable();
    // Longer ones use what short ones leave.
    let mut room = budget;
    let mut share = usize::MAX;
    for (index, width) in widths.iter().enumerate() {
        let fair = room / (widths.len() - index);
        if *width > fair {
            share = fair;
            break;
        }
        room -= width;
    }
    for page in outcomes.iter_mut().flatten() {
        shorten(page, LinePrefix::Numbers, share);
    }
}
