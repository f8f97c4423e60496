//! `edit_file`: replaces exact texts in a file.

use backend_core::text::apply_edits;
use backend_core::{EditRequest, Edits, Error, ErrorKind, Replacement, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listed::is_false;
use super::structured;
use crate::Reply;
use crate::context::{ChangeError, Context, Failed, ToolResult};
use crate::ends::ends;
use crate::footer::count;
use crate::freshness::{DIFF_BYTES, Freshness, check_freshness};
use crate::ledger::SeenFile;
use crate::settings::Settings;

/// How often an edit is tried while the version of the file changes but its text does not.
const MAX_TRIES: usize = 4;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The file: absolute, or relative to the work directory.
    path: String,
    /// The text to replace, exactly as in the file, with indentation and without line numbers. Requires `new_string`;
    /// for several replacements, pass `edits` instead of both.
    old_string: Option<String>,
    /// The replacement text; empty to remove the old text.
    new_string: Option<String>,
    /// Replace every match. Default false, which refuses more than one match.
    replace_all: Option<bool>,
    /// Several replacements, made in order, each in the result of the previous one: all or none.
    #[schemars(length(min = 1, max = 100))]
    edits: Option<Vec<OneEdit>>,
}

/// One replacement.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OneEdit {
    /// The text to replace, exactly as in the file.
    old_string: String,
    /// The replacement text; empty to remove the old text.
    new_string: String,
    /// Replace every match. Default false.
    replace_all: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The file.
    path: String,
    /// Number of matches replaced, or of changes made to lines.
    replacements: u64,
    /// Its version after the edit.
    version: String,
    /// The change as a unified diff.
    diff: String,
    /// Whether the diff is cut.
    #[serde(skip_serializing_if = "is_false")]
    diff_cut: bool,
}

pub(super) fn describe(_settings: &Settings) -> String {
    "Replaces text in a file by exact match: one text with `old_string` and `new_string`, or several with `edits`, all or \
     none. Each must match exactly once, unless `replace_all` is set. A line feed matches any line ending; the file keeps \
     its line endings, encoding and mode. If a text does not match, the reply shows the nearest text in the file; if it \
     matches more than once, the lines; if the file changed since it was read, the change. Returns a unified diff."
        .to_owned()
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let path = context.path(&arguments.path)?;
    let replacements = replacements(arguments)?;
    edit(context, &path, Edits::Exact(replacements)).await
}

fn replacements(arguments: Arguments) -> Result<Vec<Replacement>, Failed> {
    let single = arguments.old_string.is_some()
        || arguments.new_string.is_some()
        || arguments.replace_all.is_some();
    match (arguments.edits, arguments.old_string, arguments.new_string) {
        (Some(edits), None, None) if !single => Ok(edits
            .into_iter()
            .map(|edit| replacement(edit.old_string, edit.new_string, edit.replace_all))
            .collect()),
        (None, Some(old), Some(new)) => Ok(vec![replacement(old, new, arguments.replace_all)]),
        (Some(_), ..) => Err(Failed::mistake(
            "pass either `edits`, or `old_string` and `new_string` with or without `replace_all`, not both",
        )),
        (None, Some(_), None) => Err(Failed::mistake(
            "`new_string` is missing: pass \"\" to remove the text",
        )),
        (None, ..) => Err(Failed::mistake(
            "nothing to replace: pass `old_string` and `new_string`, or `edits`",
        )),
    }
}

fn replacement(old: String, new: String, all: Option<bool>) -> Replacement {
    match all {
        Some(true) => Replacement::all(old, new),
        _ => Replacement::new(old, new),
    }
}

/// Edits a file in either form, if it is unchanged since it was seen.
pub(super) async fn edit(context: &Context, path: &VirtualPath, edits: Edits) -> ToolResult {
    let _guards = context.lock_files([path]).await;
    for _ in 0..MAX_TRIES {
        let seen = context.ledger().get(path);
        let mut request = EditRequest::from_edits(path, edits.clone());
        if let Some(seen) = &seen {
            request = request.expect(seen.version);
        }
        let operation = context.files.edit_with(&request);
        let edited = match context
            .with_timeout_mut("editing the file", operation)
            .await
        {
            Ok(edited) => edited,
            Err(ChangeError::Error(error)) => {
                let (ErrorKind::Conflict, Some(seen)) = (error.kind(), &seen) else {
                    return Err(edit_error(&error, &edits));
                };
                match check_freshness(context, path, seen).await? {
                    Freshness::Same(version) if version != seen.version => continue,
                    Freshness::Changed(reply) => return Err(reply.into()),
                    // The conflict is about a line hash of the edit, not about the file.
                    Freshness::Same(_) => return Err(edit_error(&error, &edits)),
                    Freshness::Gone => return Err(Error::not_found(path).into()),
                }
            }
            Err(unknown) => return Err(unknown.into()),
        };
        context
            .ledger()
            .record(path, after(path, seen.as_ref(), edited.version, &edits));
        let (diff, cut) = shown(&edited.diff);
        let outcome = Outcome {
            path: path.to_string(),
            replacements: edited.replacements,
            version: edited.version.to_string(),
            diff: diff.clone(),
            diff_cut: cut || edited.diff_cut,
        };
        let what = match edits {
            Edits::Lines(_) => count(edited.replacements, "change"),
            _ => count(edited.replacements, "replacement"),
        };
        let note = if outcome.diff_cut {
            " (the diff is cut)"
        } else {
            ""
        };
        let text = format!("edited {path}: {what}{note}\n{}", diff.trim_end());
        return Ok(Reply::ok(text, structured(&outcome)));
    }
    Err(Error::conflict(path, "lost the race to other writers", None).into())
}

/// Returns the part of a diff that is shown.
pub(super) fn shown(diff: &str) -> (String, bool) {
    if diff.len() <= DIFF_BYTES {
        return (diff.to_owned(), false);
    }
    (ends(diff, DIFF_BYTES, 0).0.to_owned(), true)
}

/// Returns the known state of a file after an edit: its text, if that was known before.
fn after(
    path: &VirtualPath,
    seen: Option<&SeenFile>,
    version: backend_core::Version,
    edits: &Edits,
) -> SeenFile {
    let old = seen.and_then(|seen| seen.text.as_ref());
    let applied = old.and_then(|old| apply_edits(path, old.as_bytes(), edits).ok());
    let text = applied.and_then(|applied| String::from_utf8(applied.bytes).ok());
    text.map_or_else(
        || SeenFile::part(version),
        |text| SeenFile::whole(version, &text),
    )
}

/// Names the failed edit, if there are several.
fn edit_error(error: &Error, edits: &Edits) -> Failed {
    let of = match edits {
        Edits::Exact(all) => all.len(),
        _ => 1,
    };
    match error {
        Error::NoMatch { index, .. } | Error::AmbiguousMatch { index, .. } if of > 1 => {
            let text = format!(
                "edit {} of {of}: {}\nNone of the edits were made.",
                index + 1,
                error.for_model()
            );
            Reply::of_error_with_text(error, text).into()
        }
        _ => error.clone().into(),
    }
}
