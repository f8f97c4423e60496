//! Our ends of a command's output.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use backend_core::OutputStream;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// How much is read at once: what a pipe holds.
const READ_BYTES: usize = 64 << 10;

/// One stream of output, until its end.
#[derive(Debug)]
pub(super) struct Source {
    /// A pipe, or our end of a terminal, which is read the same way.
    pipe: pipe::Receiver,
    /// The last piece read. The buffer is never zeroed: most commands print little, so most of its pages stay untouched.
    buffer: Vec<u8>,
}

/// Something that takes output.
pub(super) trait Sink: Send {
    /// Takes the next bytes of a stream.
    fn push(&mut self, stream: OutputStream, bytes: &[u8]);
}

/// The streams of a command that have not ended.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) stdout: Option<Source>,
    pub(super) stderr: Option<Source>,
}

impl Source {
    /// Takes a non-blocking end; must be called within a runtime.
    pub(super) fn new(end: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            pipe: pipe::Receiver::from_owned_fd_unchecked(end)?,
            buffer: Vec::with_capacity(READ_BYTES),
        })
    }

    /// Waits for bytes. Zero bytes mean the end, and so does an error: a terminal ends with one.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    async fn read(&mut self) {
        self.buffer.clear();
        let _ = self.pipe.read_buf(&mut self.buffer).await;
    }

    /// Reads what is available now, without asking the runtime, which may not know of it yet. Returns whether there was
    /// anything, or the end.
    fn try_read(&mut self) -> bool {
        self.buffer.clear();
        loop {
            match rustix::io::read(self.pipe.as_fd(), spare_capacity(&mut self.buffer)) {
                Err(Errno::AGAIN) => return false,
                Err(Errno::INTR) => {}
                _ => return true,
            }
        }
    }
}

impl Sources {
    pub(super) fn ended(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Waits for bytes of either stream, and passes them on. It never returns once both have ended.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self, sink: &mut impl Sink) {
        let stream = tokio::select! {
            () = read(&mut self.stdout) => OutputStream::Stdout,
            () = read(&mut self.stderr) => OutputStream::Stderr,
        };
        self.take(stream, sink);
    }

    /// Passes on what is available now.
    pub(super) fn drain(&mut self, sink: &mut impl Sink) {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            // Bounded, since other processes may keep printing: anything beyond the capacity of a pipe was not there at
            // the start.
            for _ in 0..64 {
                if !self.slot(stream).as_mut().is_some_and(Source::try_read) {
                    break;
                }
                self.take(stream, sink);
            }
        }
    }

    /// Reads and discards until both streams end.
    pub(super) async fn discard(mut self) {
        while !self.ended() {
            self.next(&mut Discard).await;
        }
    }

    /// Passes on what was read from a stream, or ends it.
    fn take(&mut self, stream: OutputStream, sink: &mut impl Sink) {
        let slot = self.slot(stream);
        match slot {
            Some(source) if !source.buffer.is_empty() => sink.push(stream, &source.buffer),
            _ => *slot = None,
        }
    }

    fn slot(&mut self, stream: OutputStream) -> &mut Option<Source> {
        match stream {
            OutputStream::Stderr => &mut self.stderr,
            _ => &mut self.stdout,
        }
    }
}

struct Discard;

impl Sink for Discard {
    fn push(&mut self, _: OutputStream, _: &[u8]) {}
}

async fn read(source: &mut Option<Source>) {
    match source {
        Some(source) => source.read().await,
        None => std::future::pending().await,
    }
}
