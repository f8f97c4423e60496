//! Processes that keep running after the call that started them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Command, ExecStatus};

/// The id of a process within its sandbox. It is not reused after the process has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcessId(Arc<str>);

impl ProcessId {
    /// Makes an id. Sandboxes mint ids; callers only pass on those they received.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A process, as listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its id for later calls.
    pub id: ProcessId,
    /// What it runs.
    pub command: Command,
    /// When it started.
    pub started: SystemTime,
    /// How it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ExecStatus>,
}

impl ProcessInfo {
    /// Makes a running process.
    pub fn new(id: ProcessId, command: Command, started: SystemTime) -> Self {
        Self {
            id,
            command,
            started,
            status: None,
        }
    }
}

/// Asks for output of a process from a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputRequest {
    /// The process.
    pub process: ProcessId,
    /// Where to continue reading: 0 for the start, then [`ProcessOutput::next`]. A cursor past the printed output is an
    /// `invalid_request`.
    pub cursor: u64,
    /// The maximum number of bytes to return; 64 KiB by default. 0 is an `invalid_request`.
    pub limit: usize,
    /// How long to wait for the first byte, or for the end, if there is no output yet; zero by default.
    pub wait: Duration,
}

impl OutputRequest {
    /// Makes a request for output from the start.
    pub fn new(process: ProcessId) -> Self {
        Self {
            process,
            cursor: 0,
            limit: 64 << 10,
            wait: Duration::ZERO,
        }
    }

    /// Sets where to continue reading.
    #[must_use]
    pub fn cursor(mut self, cursor: u64) -> Self {
        self.cursor = cursor;
        self
    }

    /// Sets the maximum number of bytes to return.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets how long to wait for the first byte.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// One of the two streams that a process prints to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutputStream {
    /// The standard output; for a process with a terminal, everything.
    Stdout,
    /// The standard error.
    Stderr,
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputChunk {
    /// The stream that it was printed to.
    pub stream: OutputStream,
    /// The printed bytes. A chunk can end within a character.
    pub bytes: Bytes,
}

impl OutputChunk {
    /// Makes a piece of output.
    pub fn new(stream: OutputStream, bytes: impl Into<Bytes>) -> Self {
        Self {
            stream,
            bytes: bytes.into(),
        }
    }
}

/// Output of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessOutput {
    /// The pieces, in the order in which they arrived.
    pub chunks: Vec<OutputChunk>,
    /// How many bytes between the cursor and the first piece are gone, because only the newest output is kept. The cursor
    /// plus these and the bytes of all pieces is [`next`](Self::next).
    pub missed: u64,
    /// The cursor at which to continue.
    pub next: u64,
    /// How the process ended, once all its output has been returned; `None` before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ExecStatus>,
}

impl ProcessOutput {
    /// Makes output from its parts.
    pub fn new(
        chunks: Vec<OutputChunk>,
        missed: u64,
        next: u64,
        status: Option<ExecStatus>,
    ) -> Self {
        Self {
            chunks,
            missed,
            next,
            status,
        }
    }
}

/// Asks for bytes to be written to the standard input of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StdinRequest {
    /// The process.
    pub process: ProcessId,
    /// What to write.
    #[serde(default)]
    pub bytes: Bytes,
    /// Whether the input is closed afterwards.
    #[serde(default)]
    pub close: bool,
}

impl StdinRequest {
    /// Makes a request that writes.
    pub fn write(process: ProcessId, bytes: impl Into<Bytes>) -> Self {
        Self {
            process,
            bytes: bytes.into(),
            close: false,
        }
    }

    /// Makes a request that closes the input.
    pub fn close(process: ProcessId) -> Self {
        Self {
            process,
            bytes: Bytes::new(),
            close: true,
        }
    }
}

/// A signal for a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signal {
    /// Interrupts it, as Ctrl-C would.
    Interrupt,
    /// Asks it to end.
    Terminate,
    /// Kills it.
    Kill,
    /// Reports that its terminal is gone.
    Hangup,
}
