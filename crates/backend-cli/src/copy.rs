//! Copies between two places, each a path of a backend. A place on this machine is a backend too, so a tree is written
//! there as carefully as anywhere: nothing leaves the named directory, whatever is in the tree.

use std::path::Path;
use std::sync::Arc;

use backend_core::{
    Backend, Entry, EntryKind, Error, LsRequest, MkdirRequest, ReadBytesRequest, StatRequest,
    VirtualPath, WriteMode, WriteRequest,
};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::out::Out;

mod place;

pub(crate) use place::Place;

/// How to copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Copy directories with everything in them.
    pub(crate) recursive: bool,
    /// Keep existing files.
    pub(crate) keep: bool,
    /// Maximum size of a file in bytes.
    pub(crate) file_bytes: u64,
}

/// The entries that were copied, and those that were not.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    files: u64,
    directories: u64,
    bytes: u64,
    skipped: Vec<Value>,
    failed: Vec<Value>,
    /// The exit code of the first failure.
    code: Option<u8>,
}

/// An entry to copy, and its target.
#[derive(Debug)]
struct Step {
    entry: Entry,
    to: VirtualPath,
}

impl Copied {
    /// Copies a file, or a directory with everything in it. An entry that cannot be copied is reported and does not
    /// stop the rest.
    ///
    /// # Errors
    ///
    /// A closed output. Every other failure is collected in the result.
    pub(crate) async fn add(
        &mut self,
        from: &Place,
        to: &Place,
        options: Options,
        out: &mut Out,
    ) -> Result<()> {
        let steps = match plan(from, to, options, self, out).await {
            Ok(steps) => steps,
            Err(failure) => {
                self.fail(&from.show(&from.path), &failure, out);
                return Ok(());
            }
        };
        let total = steps.len();
        for (done, step) in steps.into_iter().enumerate() {
            if out.shows_progress() && done % 16 == 0 {
                out.progress(format_args!("{done} of {total}"));
            }
            let from_path = from.show(&step.entry.path);
            match step.copy(from, to, options).await {
                Ok(Some(bytes)) => {
                    self.files += 1;
                    self.bytes += bytes;
                }
                Ok(None) => self.directories += 1,
                Err(failure) => {
                    out.end_progress();
                    self.fail(&from_path, &failure, out);
                }
            }
        }
        out.end_progress();
        Ok(())
    }

    /// Records and reports an entry that was not copied.
    pub(crate) fn fail(&mut self, path: &str, failure: &Failure, out: &mut Out) {
        self.code.get_or_insert(failure.code());
        self.failed
            .push(json!({ "path": path, "error": failure.to_json() }));
        out.error(failure);
    }

    fn skip(&mut self, path: &str, reason: &str, out: &mut Out) {
        self.skipped.push(json!({ "path": path, "reason": reason }));
        out.warning(format_args!("{path}: not copied: {reason}"));
    }

    /// Returns the exit code: that of the first failure, or 1 if something was skipped.
    pub(crate) fn code(&self) -> u8 {
        let passed_over = u8::from(!self.skipped.is_empty());
        self.code.unwrap_or(passed_over)
    }

    /// Returns it as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "files": self.files,
            "directories": self.directories,
            "bytes": self.bytes,
            "skipped": self.skipped,
            "failed": self.failed,
        })
    }

    /// Returns it in a sentence.
    pub(crate) fn summary(&self) -> String {
        let Self { files, bytes, .. } = self;
        format!("copied {files} files, {bytes} bytes")
    }
}

/// Finds everything to be copied, before anything is copied.
async fn plan(
    from: &Place,
    to: &Place,
    options: Options,
    copied: &mut Copied,
    out: &mut Out,
) -> Result<Vec<Step>> {
    let backend = &from.backend;
    let mut first = backend.stat_with(&StatRequest::new(&from.path)).await?;
    // A named link is followed; a link found in a tree is not.
    first.kind = first.target.unwrap_or(first.kind);
    if first.is_directory() && !options.recursive {
        let message = "it is a directory: --recursive copies it with everything in it";
        return Err(Error::invalid_request_at(&from.path, message).into());
    }
    if first.is_directory() && Place::are_one(from, to) && to.path.starts_with(&from.path) {
        let message = "a directory cannot be copied into itself";
        return Err(Error::invalid_request_at(&from.path, message).into());
    }
    let mut steps = Vec::new();
    let mut pending = vec![first];
    while let Some(entry) = pending.pop() {
        let shown = from.show(&entry.path);
        match entry.kind {
            EntryKind::File => {}
            EntryKind::Directory => {
                let list = LsRequest::new(&entry.path).limit(usize::MAX);
                let page = backend.ls_with(&list).await?;
                if page.skipped.unnameable > 0 {
                    let count = page.skipped.unnameable;
                    let reason =
                        format!("{count} in it have names that a workspace cannot represent");
                    copied.skip(&shown, &reason, out);
                }
                for error in page.failures {
                    copied.fail(&shown, &error.into(), out);
                }
                pending.extend(page.items.into_iter().rev());
            }
            EntryKind::Symlink => {
                copied.skip(&shown, "it is a link", out);
                continue;
            }
            _ => {
                copied.skip(&shown, "it is neither a file nor a directory", out);
                continue;
            }
        }
        let below = entry.path.strip_prefix(&from.path).unwrap_or_default();
        steps.push(Step {
            to: below.rebase(&to.path)?,
            entry,
        });
    }
    Ok(steps)
}

impl Step {
    /// Copies one entry. Returns how many bytes a file has.
    async fn copy(&self, from: &Place, to: &Place, options: Options) -> Result<Option<u64>> {
        if self.entry.is_directory() {
            to.backend.mkdir_with(&MkdirRequest::new(&self.to)).await?;
            return Ok(None);
        }
        let read = ReadBytesRequest::new(&self.entry.path).limit(options.file_bytes);
        let content = from.backend.read_bytes_with(&read).await?;
        let size = content.size;
        let mode = if options.keep {
            WriteMode::CreateNew
        } else {
            WriteMode::Overwrite
        };
        let write = WriteRequest::new(&self.to, content.bytes).mode(mode);
        to.backend.write_with(&write).await?;
        Ok(Some(size))
    }
}

/// The prefix of a path on this machine for `cp`.
pub(crate) const HOST: &str = "host:";

/// Returns the path on this machine that an argument names.
pub(crate) fn host_path(text: &std::ffi::OsStr) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt;
    let rest = text.as_bytes().strip_prefix(HOST.as_bytes())?;
    Some(Path::new(std::ffi::OsStr::from_bytes(rest)))
}

/// A backend of a workspace as copies need it.
pub(crate) type Files = Arc<dyn Backend>;
