//! Long replies: head and tail are shown with the sizes, and the whole is kept in a file of the workspace.

use backend_core::{
    DeleteRequest, Error, ErrorKind, LsRequest, VirtualPath, WriteMode, WriteRequest,
};
use bytes::Bytes;

use crate::context::Context;
use crate::ends::ends;
use crate::settings::KEPT_OUTPUTS;

/// Room for the note between head and tail.
const OMISSION_BYTES: usize = 512;

/// How often another number is tried if one is already taken.
const MAX_NAME_TRIES: u32 = 8;

/// A text within the budget of a reply.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) text: String,
    /// The file with the whole text.
    pub(crate) kept: Option<VirtualPath>,
}

/// Returns a text unchanged, or its head and tail, within a budget of bytes.
pub(crate) async fn fit(context: &Context, text: String, budget: usize) -> Fitted {
    if text.len() <= budget {
        return Fitted { text, kept: None };
    }
    let kept = save_output(context, &text).await;
    let shown = budget.saturating_sub(OMISSION_BYTES);
    // The end of an output usually shows the result, and the start the subject.
    let (head, tail) = ends(&text, shown / 2, shown - shown / 2);
    let middle = text.get(head.len()..text.len() - tail.len());
    let middle = middle.unwrap_or_default();
    let lines = middle.bytes().filter(|byte| *byte == b'\n').count();
    let whole = match &kept {
        Ok(path) => format!(
            "all {} bytes are in {path}: read it with an offset, or search in it",
            text.len()
        ),
        Err(reason) => format!("the whole {} bytes were not kept: {reason}", text.len()),
    };
    let newline = if head.ends_with('\n') { "" } else { "\n" };
    Fitted {
        text: format!(
            "{head}{newline}... ({} bytes, {lines} lines omitted; {whole}) ...\n{tail}",
            middle.len()
        ),
        kept: kept.ok(),
    }
}

/// Writes a text to its own file, and returns the path, or why it was not kept.
async fn save_output(context: &Context, text: &str) -> Result<VirtualPath, String> {
    let Some(directory) = &context.settings.output_dir else {
        return Err("keeping output is disabled".to_owned());
    };
    if context.files.capabilities().read_only {
        return Err("the workspace is read-only".to_owned());
    }
    let kept = write_next(context, directory, text).await;
    kept.map_err(|error| error.kind().as_str().replace('_', " "))
}

async fn write_next(context: &Context, directory: &str, text: &str) -> Result<VirtualPath, Error> {
    let directory = context.files.work_dir().resolve(directory)?;
    let numbers = numbers(context, &directory).await?;
    let content = Bytes::copy_from_slice(text.as_bytes());
    let next = numbers.last().map_or(1, |last| last.saturating_add(1));
    for number in (next..).take(MAX_NAME_TRIES as usize) {
        let path = directory.child(&format!("{number:03}.txt"))?;
        let request = WriteRequest::new(&path, content.clone()).mode(WriteMode::CreateNew);
        let write = context.with_timeout("keeping the output", context.files.write_with(&request));
        match write.await {
            Ok(_) => {
                remove_oldest(context, &directory, &numbers).await;
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::conflict(
        &directory,
        "other writers use this directory",
        None,
    ))
}

/// Returns the numbers of the kept outputs, in order. The first one hides the directory from version control.
async fn numbers(context: &Context, directory: &VirtualPath) -> Result<Vec<u32>, Error> {
    let request = LsRequest::new(directory);
    let listing = context.with_timeout("looking for kept output", context.files.ls_with(&request));
    match listing.await {
        Ok(page) => {
            let names = page.items.iter().filter_map(|entry| entry.path.name());
            let mut numbers: Vec<u32> = names
                .filter_map(|name| name.strip_suffix(".txt")?.parse().ok())
                .collect();
            numbers.sort_unstable();
            Ok(numbers)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let rules = directory.child(".gitignore")?;
            let request = WriteRequest::new(rules, "*\n").mode(WriteMode::CreateNew);
            // If this cannot be written, the output still may.
            let _ = context
                .with_timeout("keeping the output", context.files.write_with(&request))
                .await;
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Removes the oldest outputs, to make room for the new one.
async fn remove_oldest(context: &Context, directory: &VirtualPath, numbers: &[u32]) {
    let most = KEPT_OUTPUTS - 1;
    let old = numbers.len().saturating_sub(most);
    for number in numbers.iter().take(old) {
        if let Ok(path) = directory.child(&format!("{number:03}.txt")) {
            let request = DeleteRequest::new(path);
            let delete = context.files.delete_with(&request);
            let _ = context.with_timeout("removing old output", delete).await;
        }
    }
}
