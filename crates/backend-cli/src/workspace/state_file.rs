//! `--state FILE`: a workspace that is one JSON document.
//!
//! A command that changes something locks the file from before it is read until after it is replaced, so no change is
//! lost. A command that only reads takes no lock: a document is replaced atomically.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use backend_core::Error;
use backend_state::{Document, StateBackend};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Need;
use crate::failure::{Failure, Result};
use crate::out::Out;

/// The polling interval.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A document that is open.
#[derive(Debug)]
pub(super) struct StateFile {
    backend: StateBackend,
    writer: Mutex<Option<Writer>>,
}

/// The right to change a document.
#[derive(Debug)]
struct Writer {
    path: PathBuf,
    /// The file at `path`, locked. Its replacement is locked before it takes its place.
    file: File,
    /// Whether the file did not exist before.
    is_new: bool,
    loaded: Document,
}

impl StateFile {
    /// Opens a document, and for a change waits until no other process is changing it.
    ///
    /// # Errors
    ///
    /// `Opening` for a file that is not a document, and if another program does not finish changing it; `Host` if the
    /// file cannot be opened.
    pub(super) async fn open(
        path: &Path,
        need: Need,
        wait: Duration,
        out: &mut Out,
    ) -> Result<Self> {
        let what = || format!("--state {}", path.display());
        let failed = |error| Failure::Host(what(), error);
        // The target of a link is replaced, not the link.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut file = match need {
            Need::Read => open_file(OpenOptions::new().read(true), &path).map_err(failed)?,
            _ => lock(&path, wait).await.map_err(|error| match error {
                Refused::Busy => Failure::Opening(what(), busy(wait)),
                Refused::Io(error) => failed(error),
            })?,
        };
        let mut json = Vec::new();
        file.read_to_end(&mut json).map_err(failed)?;
        let is_new = json.is_empty();
        // The next command has to know a version that this one prints.
        let builder = StateBackend::builder().derived_versions(true);
        let backend = if is_new {
            builder.build()
        } else {
            let loaded = Document::from_json(&json).and_then(|document| builder.load(&document));
            loaded.map_err(|error| Failure::Opening(what(), error.into()))?
        };
        if need != Need::Read && !is_new && is_of_python(&json) {
            out.note("the document is one of pydantic-ai-backend; a change saves it in the form of this program");
        }
        let writer = (need != Need::Read).then(|| Writer {
            path,
            file,
            is_new,
            loaded: backend.to_document(),
        });
        Ok(Self {
            backend,
            writer: Mutex::new(writer),
        })
    }

    /// Returns the files.
    pub(super) fn backend(&self) -> &StateBackend {
        &self.backend
    }

    /// Saves changes, and unlocks the document.
    ///
    /// # Errors
    ///
    /// `Host` if it cannot be saved: the document is then unchanged.
    pub(super) fn close(self) -> Result<()> {
        self.save()?;
        match self.into_writer() {
            Some(writer) => writer.leave().map_err(|error| writer.failure(error)),
            None => Ok(()),
        }
    }

    /// Saves the changes so far, and keeps the lock.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub(super) fn save(&self) -> Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = writer.as_mut() else {
            return Ok(());
        };
        let document = self.backend.to_document();
        if document == writer.loaded {
            return Ok(());
        }
        match writer.replace(&document) {
            Ok(file) => writer.file = file,
            Err(error) => return Err(writer.failure(error)),
        }
        writer.is_new = false;
        writer.loaded = document;
        Ok(())
    }

    /// Saves nothing.
    pub(super) fn abandon(self) {
        if let Some(writer) = self.into_writer() {
            // At worst, an empty document is left.
            let _ = writer.leave();
        }
    }

    fn into_writer(self) -> Option<Writer> {
        let writer = self.writer.into_inner();
        writer.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Removes a file that was only created to be locked.
    fn leave(&self) -> io::Result<()> {
        if self.is_new {
            std::fs::remove_file(&self.path)?;
        }
        Ok(())
    }

    fn failure(&self, error: io::Error) -> Failure {
        Failure::Host(format!("--state {}", self.path.display()), error)
    }

    /// Replaces the document with a new one, and returns it, locked.
    fn replace(&self, document: &Document) -> io::Result<File> {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut temporary = tempfile::Builder::new()
            .prefix(".agent-backends-state-")
            .tempfile_in(directory)?;
        let mut json = document.to_json();
        json.push('\n');
        temporary.write_all(json.as_bytes())?;
        let metadata = self.file.metadata()?;
        temporary
            .as_file()
            .set_permissions(metadata.permissions())?;
        // Only root may give a file away; without that right the owner changes, as with any editor.
        let (user, group) = (metadata.uid(), metadata.gid());
        let _ = std::os::unix::fs::fchown(temporary.as_file(), Some(user), Some(group));
        temporary.as_file().sync_all()?;
        flock(
            temporary.as_file(),
            FlockOperation::NonBlockingLockExclusive,
        )?;
        let file = temporary.persist(&self.path)?;
        File::open(directory)?.sync_all()?;
        Ok(file)
    }
}

/// Why a document is not available for a change.
enum Refused {
    Busy,
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens the file at a path, creating it if needed, and locks it.
async fn lock(path: &Path, wait: Duration) -> Result<File, Refused> {
    let started = Instant::now();
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = open_file(&mut options, path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // The previous holder of the lock may have replaced this file.
            Ok(()) if is_at(&file, path)? => {
                file.rewind()?;
                return Ok(file);
            }
            Ok(()) => continue,
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(errno) => return Err(io::Error::from(errno).into()),
        }
        if started.elapsed() > wait {
            return Err(Refused::Busy);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Opens a regular file, and does not block on other kinds.
fn open_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = options.custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        let message = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(file)
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn busy(wait: Duration) -> Error {
    Error::unavailable(format!(
        "another program has it open for a change, and did not finish within {wait:?}"
    ))
}

/// Returns whether a document that loads is one of the Python original: those of this program name their format.
fn is_of_python(json: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        format: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Head>(json).is_ok_and(|head| head.format.is_none())
}
