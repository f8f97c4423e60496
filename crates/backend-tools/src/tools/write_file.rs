//! `write_file`: replaces the whole content of a file, unless that would lose content that the model has not seen.

use backend_core::{
    Error, ErrorKind, ReadRequest, StatRequest, VirtualPath, WriteMode, WriteRequest, Written,
};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::structured;
use crate::Reply;
use crate::context::{ChangeError, Context, Failed, ToolResult};
use crate::footer::{count, line_count};
use crate::freshness::{Freshness, check_freshness};
use crate::ledger::SeenFile;
use crate::settings::{Settings, UnreadFiles};

/// How often a write is tried while others change the file.
const MAX_TRIES: usize = 4;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The file: absolute, or relative to the work directory. Parent directories are created.
    path: String,
    /// The complete new content of the file.
    content: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The file.
    path: String,
    /// Whether it was created.
    created: bool,
    /// Its size in bytes.
    size: u64,
    /// Its number of lines.
    lines: u64,
    /// Its version.
    version: String,
}

pub(super) fn describe(settings: &Settings) -> String {
    let unread = match settings.unread_files {
        UnreadFiles::Protect => " An existing file that was not read before is refused.",
        UnreadFiles::Replace => "",
    };
    format!(
        "Writes a whole text file, creating it and its parent directories if needed. Existing content is replaced all at \
         once.{unread} A file that changed since it was read is not replaced; the change is returned instead. To change part \
         of a file, edit it."
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let path = context.path(&arguments.path)?;
    let _guards = context.lock_files([&path]).await;
    let content = Bytes::from(arguments.content);
    let written = write(context, &path, &content).await?;
    let text = std::str::from_utf8(&content).unwrap_or_default();
    let seen = SeenFile::whole(written.version, text);
    context.ledger().record(&path, seen);
    let lines = line_count(text);
    let outcome = Outcome {
        path: path.to_string(),
        created: written.created,
        size: written.size,
        lines,
        version: written.version.to_string(),
    };
    let done = if written.created {
        "created"
    } else {
        "replaced"
    };
    let text = format!(
        "{done} {path}: {}, {}",
        count(lines, "line"),
        count(written.size, "byte")
    );
    Ok(Reply::ok(text, structured(&outcome)))
}

async fn write(context: &Context, path: &VirtualPath, content: &Bytes) -> Result<Written, Failed> {
    let mut last = None;
    for _ in 0..MAX_TRIES {
        let seen = context.ledger().get(path);
        let mode = match (&seen, context.settings.unread_files) {
            (Some(seen), _) => WriteMode::IfVersion(seen.version),
            (None, UnreadFiles::Protect) => WriteMode::CreateNew,
            (None, UnreadFiles::Replace) => WriteMode::Overwrite,
        };
        let error = match try_write(context, path, content, mode).await {
            Ok(written) => return Ok(written),
            Err(ChangeError::Error(error)) => error,
            Err(unknown) => return Err(unknown.into()),
        };
        match (error.kind(), &seen) {
            (ErrorKind::Conflict, Some(seen)) => {
                match check_freshness(context, path, seen).await? {
                    // Its content is as read: only its times or its place changed.
                    Freshness::Same(version) => context.ledger().renew(path, version),
                    // The file that was read is gone, so a new one loses nothing.
                    Freshness::Gone => context.ledger().forget(path),
                    Freshness::Changed(reply) => return Err(reply.into()),
                }
            }
            (ErrorKind::AlreadyExists, None) => {
                if !is_empty_file(context, path).await? {
                    return Err(unread(&error, path));
                }
            }
            _ => return Err(error.into()),
        }
        last = Some(error);
    }
    let error =
        last.unwrap_or_else(|| Error::conflict(path, "lost the race to other writers", None));
    Err(error.into())
}

async fn try_write(
    context: &Context,
    path: &VirtualPath,
    content: &Bytes,
    mode: WriteMode,
) -> Result<Written, ChangeError> {
    let request = WriteRequest::new(path, content.clone()).mode(mode);
    let write = context.files.write_with(&request);
    context.with_timeout_mut("writing the file", write).await
}

/// Returns whether a file is empty, and counts it as read then.
async fn is_empty_file(context: &Context, path: &VirtualPath) -> Result<bool, Failed> {
    let request = StatRequest::new(path);
    let stat = context.with_timeout("looking at the file", context.files.stat_with(&request));
    let entry = match stat.await {
        Ok(entry) => entry,
        // It was removed meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    if entry.is_directory() {
        return Err(Error::is_a_directory(path).into());
    }
    if entry.size > 0 {
        return Ok(false);
    }
    let request = ReadRequest::new(path).limit(1);
    let read = context.with_timeout("looking at the file", context.files.read_with(&request));
    let page = read.await?;
    if page.size == 0 {
        context
            .ledger()
            .record(path, SeenFile::whole(page.version, ""));
    }
    Ok(page.size == 0)
}

fn unread(error: &Error, path: &VirtualPath) -> Failed {
    let text = format!(
        "{error}, and you have not read it\nRead {path} first; then write it again to replace it, or edit part of it."
    );
    Reply::of_error_with_text(error, text).into()
}
