//! Our ends of a command's output.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use backend_core::OutputStream;
use rustix::io::Errno;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// How much is read at once: what a pipe holds.
const PIECE: usize = 64 << 10;

/// One stream of output, until its end.
#[derive(Debug)]
pub(super) struct Source {
    /// A pipe, or our end of a terminal, which is read alike.
    pipe: pipe::Receiver,
    buffer: Box<[u8]>,
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
    /// Takes an end that does not block, within a runtime.
    pub(super) fn new(end: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            pipe: pipe::Receiver::from_owned_fd_unchecked(end)?,
            buffer: vec![0; PIECE].into_boxed_slice(),
        })
    }

    /// Waits for bytes. None are the end, and so is an error: a terminal ends with one.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    async fn read(&mut self) -> usize {
        self.pipe.read(&mut self.buffer).await.unwrap_or(0)
    }

    /// Reads what is there now, without asking the runtime, which may not know of it yet. `None` is nothing for now.
    fn read_now(&mut self) -> Option<usize> {
        loop {
            match rustix::io::read(self.pipe.as_fd(), &mut *self.buffer) {
                Ok(length) => return Some(length),
                Err(Errno::AGAIN) => return None,
                Err(Errno::INTR) => {}
                Err(_) => return Some(0),
            }
        }
    }
}

impl Sources {
    pub(super) fn ended(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Waits for bytes of either stream, and hands them on. It never returns once both have ended.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self, sink: &mut impl Sink) {
        let (stream, length) = tokio::select! {
            length = read(&mut self.stdout) => (OutputStream::Stdout, length),
            length = read(&mut self.stderr) => (OutputStream::Stderr, length),
        };
        self.take(stream, length, sink);
    }

    /// Hands on what is there now.
    pub(super) fn drain(&mut self, sink: &mut impl Sink) {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            // Bounded, as somebody else may go on printing: more than a pipe ever holds was not there when we began.
            for _ in 0..64 {
                let Some(length) = self.slot(stream).as_mut().and_then(Source::read_now) else {
                    break;
                };
                self.take(stream, length, sink);
            }
        }
    }

    /// Reads and throws away until both streams end.
    pub(super) async fn discard(mut self) {
        while !self.ended() {
            self.next(&mut Nowhere).await;
        }
    }

    fn take(&mut self, stream: OutputStream, length: usize, sink: &mut impl Sink) {
        let slot = self.slot(stream);
        match slot.as_ref().and_then(|source| source.buffer.get(..length)) {
            Some(bytes) if length > 0 => sink.push(stream, bytes),
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

struct Nowhere;

impl Sink for Nowhere {
    fn push(&mut self, _: OutputStream, _: &[u8]) {}
}

async fn read(source: &mut Option<Source>) -> usize {
    match source {
        Some(source) => source.read().await,
        None => std::future::pending().await,
    }
}
