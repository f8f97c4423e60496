//! The parts of a request or an outcome that travel as raw bytes next to it, not encoded within it.

use bytes::Bytes;

use super::request::Request;
use crate::{
    Content, Deleted, Edited, Entry, ExecOutput, Grepped, Liveness, MadeDirectory, Page,
    ProcessInfo, ProcessOutput, Renamed, Resolved, Result, TextPage, Written,
};

/// Raw bytes that arrived, in order.
pub(super) type Parts = std::vec::IntoIter<Bytes>;

/// A value that may contain raw bytes.
pub(super) trait Bulk {
    /// Moves the raw bytes out, in a fixed order.
    fn detach(&mut self, _parts: &mut Vec<Bytes>) {}

    /// Moves raw bytes in, in the same order. Returns `None` if parts are missing.
    fn attach(&mut self, _parts: &mut Parts) -> Option<()> {
        Some(())
    }
}

macro_rules! without_bytes {
    ($($type:ty),* $(,)?) => {
        $(impl Bulk for $type {})*
    };
}

without_bytes!(
    (),
    bool,
    Deleted,
    Edited,
    Entry,
    Grepped,
    Liveness,
    MadeDirectory,
    Page<Entry>,
    ProcessInfo,
    Renamed,
    Resolved,
    TextPage,
    Vec<ProcessInfo>,
    Vec<Result<TextPage>>,
    Vec<Result<Written>>,
    Written,
);

impl Bulk for Content {
    fn detach(&mut self, parts: &mut Vec<Bytes>) {
        parts.push(std::mem::take(&mut self.bytes));
    }

    fn attach(&mut self, parts: &mut Parts) -> Option<()> {
        self.bytes = parts.next()?;
        Some(())
    }
}

impl Bulk for ExecOutput {
    fn detach(&mut self, parts: &mut Vec<Bytes>) {
        for stream in [&mut self.stdout, &mut self.stderr] {
            parts.push(std::mem::take(&mut stream.head));
            parts.push(std::mem::take(&mut stream.tail));
        }
    }

    fn attach(&mut self, parts: &mut Parts) -> Option<()> {
        for stream in [&mut self.stdout, &mut self.stderr] {
            stream.head = parts.next()?;
            stream.tail = parts.next()?;
        }
        Some(())
    }
}

impl Bulk for ProcessOutput {
    fn detach(&mut self, parts: &mut Vec<Bytes>) {
        parts.extend(
            self.chunks
                .iter_mut()
                .map(|chunk| std::mem::take(&mut chunk.bytes)),
        );
    }

    fn attach(&mut self, parts: &mut Parts) -> Option<()> {
        for chunk in &mut self.chunks {
            chunk.bytes = parts.next()?;
        }
        Some(())
    }
}

impl Bulk for Request {
    fn detach(&mut self, parts: &mut Vec<Bytes>) {
        parts.extend(self.bytes_mut().into_iter().map(std::mem::take));
    }

    fn attach(&mut self, parts: &mut Parts) -> Option<()> {
        for bytes in self.bytes_mut() {
            *bytes = parts.next()?;
        }
        Some(())
    }
}
