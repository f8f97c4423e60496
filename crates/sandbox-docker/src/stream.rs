//! The attached streams of a command in a container, as one stream of bytes.
//!
//! The engine sends both outputs of the command over one connection, in frames marked by stream. The standard output is the
//! stream; the standard error is kept to explain failures of the stream.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bollard::container::LogOutput;
use bollard::errors::Error as EngineError;
use bytes::Bytes;
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Number of bytes of the standard error that are kept.
const MAX_STDERR_BYTES: usize = 2 << 10;

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, EngineError>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// A stream of bytes to and from a command.
pub(crate) struct Attached {
    output: Output,
    input: Input,
    rest: Bytes,
    stderr: Stderr,
}

/// The standard error of a command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stderr(Arc<Mutex<Vec<u8>>>);

impl Attached {
    pub(crate) fn new(output: Output, input: Input) -> Self {
        Self {
            output,
            input,
            rest: Bytes::new(),
            stderr: Stderr::default(),
        }
    }

    /// Returns the handle to the standard error.
    pub(crate) fn stderr(&self) -> Stderr {
        self.stderr.clone()
    }
}

impl Stderr {
    /// Returns the output so far.
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    fn add(&self, message: &[u8]) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_STDERR_BYTES.saturating_sub(bytes.len());
        bytes.extend_from_slice(message.get(..room).unwrap_or(message));
    }
}

impl AsyncRead for Attached {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.output.as_mut().poll_next(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(LogOutput::StdOut { message })) => self.rest = message,
                Some(Ok(LogOutput::StdErr { message } | LogOutput::Console { message })) => {
                    self.stderr.add(&message);
                }
                Some(Ok(LogOutput::StdIn { .. })) => {}
            }
        }
        let length = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Attached {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.input.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_shutdown(context)
    }
}
