//! Whether a file is still as a model last saw it, and what changed otherwise.

use std::sync::Arc;

use backend_core::text::apply_edits;
use backend_core::{Edits, Error, ErrorKind, ReadRequest, Replacement, Version, VirtualPath};

use crate::Reply;
use crate::context::{Context, Failed};
use crate::ledger::{MAX_TEXT_BYTES, SeenFile};

/// Maximum size of a diff that is shown whole.
pub(crate) const DIFF_BYTES: usize = 8 << 10;

/// Maximum size of a text that is compared with the seen one.
const COMPARED_BYTES: usize = 16 * MAX_TEXT_BYTES;

/// The state of a file that was seen.
#[derive(Debug)]
pub(crate) enum Freshness {
    /// It has this version and the seen text.
    Same(Version),
    /// It no longer exists.
    Gone,
    /// Its content differs; the reply shows how.
    Changed(Reply),
}

/// Compares a file with its seen state. A change that can be shown whole counts as read.
pub(crate) async fn check_freshness(
    context: &Context,
    path: &VirtualPath,
    seen: &SeenFile,
) -> Result<Freshness, Failed> {
    let request = ReadRequest::new(path)
        .limit(usize::MAX)
        .line_bytes(COMPARED_BYTES)
        .page_bytes(COMPARED_BYTES);
    let read = context.with_timeout("reading the file again", context.files.read_with(&request));
    let page = match read.await {
        Ok(page) => page,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Freshness::Gone),
        Err(error) if error.kind() == ErrorKind::NotText => {
            return Ok(Freshness::Changed(changed(path, None, None)));
        }
        Err(error) => return Err(error.into()),
    };
    if page.version == seen.version {
        return Ok(Freshness::Same(page.version));
    }
    let is_whole = page.next_offset.is_none() && page.cut_lines.is_empty();
    if !is_whole {
        return Ok(Freshness::Changed(changed(path, Some(page.version), None)));
    }
    Ok(compare(context, path, seen, page.version, &page.text))
}

/// Compares the text of a file with its seen state.
pub(crate) fn compare(
    context: &Context,
    path: &VirtualPath,
    seen: &SeenFile,
    version: Version,
    text: &str,
) -> Freshness {
    if version == seen.version {
        return Freshness::Same(version);
    }
    if seen.is(text) {
        context.ledger().renew(path, version);
        return Freshness::Same(version);
    }
    let diff = seen
        .text
        .as_ref()
        .and_then(|old| difference(path, old, text));
    if diff.is_some() {
        context
            .ledger()
            .record(path, SeenFile::whole(version, text));
    }
    Freshness::Changed(changed(path, Some(version), diff))
}

/// Returns the diff between two texts, if it can be shown whole.
fn difference(path: &VirtualPath, old: &Arc<str>, new: &str) -> Option<String> {
    if old.is_empty() {
        return (new.len() <= DIFF_BYTES).then(|| format!("It was empty, and now reads:\n{new}"));
    }
    if new.is_empty() {
        return Some("It is empty now.".to_owned());
    }
    let edits = Edits::Exact(vec![Replacement::new(&**old, new)]);
    let applied = apply_edits(path, old.as_bytes(), &edits).ok()?;
    let is_shown = !applied.diff_cut && !applied.diff.is_empty();
    (is_shown && applied.diff.len() <= DIFF_BYTES)
        .then(|| format!("What changed:\n{}", applied.diff))
}

fn changed(path: &VirtualPath, version: Option<Version>, diff: Option<String>) -> Reply {
    let error = Error::conflict(path, "the file changed since you read it", version);
    let text = match diff {
        Some(diff) => format!(
            "{error}\n{}\nNothing was done. This counts as a read: repeat the change on the current content.",
            diff.trim_end()
        ),
        None => format!(
            "{error}\nNothing was done. Read it again and repeat the change on what is there now."
        ),
    };
    Reply::of_error_with_text(&error, text)
}
