//! Processes that run on after the call that started them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Command, ExecStatus};

/// The name of a process within its sandbox. It is not used again after the process ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcessId(Arc<str>);

impl ProcessId {
    /// Makes an id. A sandbox mints them; a caller hands on what it was given.
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

/// A process, as a list of them shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its name in later calls.
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
    /// Makes a process that runs.
    pub fn new(id: ProcessId, command: Command, started: SystemTime) -> Self {
        Self {
            id,
            command,
            started,
            status: None,
        }
    }
}

/// Asks for output of a process from a cursor on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputRequest {
    /// The process.
    pub process: ProcessId,
    /// Where to read on: 0 for the start, then [`ProcessOutput::next`]. One past what was printed is an
    /// `invalid_request`.
    pub cursor: u64,
    /// How many bytes to return at most; 64 KiB by default. 0 is an `invalid_request`.
    pub limit: usize,
    /// How long to wait for the first byte if there is none yet, or for the end; zero by default.
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

    /// Sets where to read on.
    #[must_use]
    pub fn cursor(mut self, cursor: u64) -> Self {
        self.cursor = cursor;
        self
    }

    /// Sets how many bytes to return at most.
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
    /// What was printed. A chunk can end within a character.
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
    /// with these and the bytes of all pieces is [`next`](Self::next).
    pub missed: u64,
    /// The cursor to read on from.
    pub next: u64,
    /// How the process ended, once all of its output was returned; `None` before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ExecStatus>,
}

impl ProcessOutput {
    /// Makes output from everything that it consists of.
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

/// What can be sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signal {
    /// Asks it to stop what it does, as Ctrl-C would.
    Interrupt,
    /// Asks it to end.
    Terminate,
    /// Ends it.
    Kill,
    /// Tells it that its terminal is gone.
    Hangup,
}
