//! The part of an outcome that must be the same on both sides, as text.

use backend_core::{Entry, Error, Grepped, Page, Result, TextPage};

/// An outcome without what the contract leaves open: times, and the values of versions.
pub(super) fn of<T>(
    result: Result<T>,
    comparable: impl FnOnce(T) -> String,
) -> Result<String, String> {
    result.map(comparable).map_err(|error| refusal(&error))
}

/// One failure has one wording, whatever the backend.
fn refusal(error: &Error) -> String {
    match error {
        Error::Conflict { current, .. } => {
            format!(
                "conflict: {error}; something is there: {}",
                current.is_some()
            )
        }
        _ => format!("{}: {error}", error.kind()),
    }
}

pub(super) fn entry(entry: &Entry) -> String {
    let Entry {
        path,
        kind,
        size,
        version,
        target,
        ..
    } = entry;
    format!("{path} {kind:?} {size} {} {target:?}", version.is_some())
}

pub(super) fn page(page: Page<Entry>) -> String {
    let entries: Vec<String> = page.items.iter().map(entry).collect();
    // A truncated search has counted what it met until then, in whatever order it ran.
    let skipped = page.truncated.is_none().then_some(page.skipped);
    format!(
        "{entries:#?} {:?} {skipped:?} {:?}",
        page.truncated, page.failures
    )
}

pub(super) fn text(page: TextPage) -> String {
    let TextPage {
        text,
        first_line,
        total_lines,
        next_offset,
        ended_by,
        cut_lines,
        encoding,
        line_ending,
        size,
        ..
    } = &page;
    format!(
        "{text:?} {first_line} {total_lines:?} {next_offset:?} {ended_by:?} {cut_lines:?} {encoding} \
         {line_ending:?} {size}"
    )
}

pub(super) fn grepped(found: Grepped) -> String {
    let counts = (found.truncated.is_none()).then_some((found.searched, found.skipped));
    format!(
        "{:#?} {:?} {:?} {counts:?} {:?}",
        found.matches, found.files, found.truncated, found.failures
    )
}
