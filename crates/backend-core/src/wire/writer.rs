//! Frames into a byte stream: short ones together, long payloads without a copy.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::failure::Failure;
use super::frame::{Frame, Kind};
use super::link::Link;

/// A payload up to this size is copied next to its header; a longer one is written from where it is.
const MAX_COPIED_PAYLOAD: usize = 4 << 10;

/// How many bytes are written at once before anything else is checked.
const BATCH_BYTES: usize = 32 << 10;

/// Writes frames.
pub(super) struct Writer<W> {
    io: W,
    link: Arc<Link>,
    queue: mpsc::Receiver<Frame>,
    /// Headers and short payloads to be written, followed by a long payload. A dropped write resumes here.
    small: BytesMut,
    large: Bytes,
    unflushed: bool,
    /// The highest request that was written.
    opened: u64,
    ended: bool,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(super) fn new(io: W, link: Arc<Link>, queue: mpsc::Receiver<Frame>) -> Self {
        Self {
            io,
            link,
            queue,
            small: BytesMut::new(),
            large: Bytes::new(),
            unflushed: false,
            opened: 0,
            ended: false,
        }
    }

    /// Writes pending frames until the connection is to end, and then says goodbye.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing; another call resumes.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        while !self.ended {
            self.write().await?;
            let ending = self.link.outbox.pending_goodbye();
            if ending.is_some() {
                self.queue.close();
            }
            self.collect();
            match ending {
                _ if self.has_output() => {}
                Some(reason) => return self.end(reason).await,
                None => self.wait().await?,
            }
        }
        Ok(())
    }

    /// Collects the available frames, up to a batch.
    fn collect(&mut self) {
        self.link.outbox.take_control(self.opened, &mut self.small);
        while self.small.len() < BATCH_BYTES && self.large.is_empty() {
            match self.queue.try_recv() {
                Ok(frame) => self.put(frame),
                Err(_) => return,
            }
        }
    }

    fn put(&mut self, frame: Frame) {
        // A cancel frees a slot for another request, and must arrive before it.
        self.link.outbox.take_control(self.opened, &mut self.small);
        if frame.kind == Kind::Request {
            self.opened = self.opened.max(frame.id);
        }
        if frame.payload.len() <= MAX_COPIED_PAYLOAD {
            frame.put(&mut self.small);
        } else {
            frame.put_header(&mut self.small);
            self.large = frame.payload;
        }
    }

    /// Waits for something to write.
    async fn wait(&mut self) -> Result<(), Failure> {
        if self.unflushed {
            self.link.outbox.started.fetch_add(1, Ordering::AcqRel);
            self.io.flush().await?;
            self.link.outbox.finished.fetch_add(1, Ordering::AcqRel);
            self.unflushed = false;
        }
        tokio::select! {
            () = self.link.outbox.changed() => {}
            frame = self.queue.recv() => {
                if let Some(frame) = frame {
                    self.put(frame);
                }
            }
        }
        Ok(())
    }

    async fn end(&mut self, reason: String) -> Result<(), Failure> {
        self.ended = true;
        Frame::new(Kind::Goodbye, 0, reason).put(&mut self.small);
        self.write().await?;
        self.io.flush().await?;
        self.io.shutdown().await?;
        Ok(())
    }

    fn has_output(&self) -> bool {
        !self.small.is_empty() || !self.large.is_empty()
    }

    async fn write(&mut self) -> Result<(), Failure> {
        while self.has_output() {
            self.link.outbox.started.fetch_add(1, Ordering::AcqRel);
            let mut output = (&mut self.small).chain(&mut self.large);
            let written = self.io.write_buf(&mut output).await?;
            self.link.outbox.finished.fetch_add(1, Ordering::AcqRel);
            if written == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into());
            }
            self.unflushed = true;
        }
        // The end of a body still keeps all of it alive.
        self.large = Bytes::new();
        Ok(())
    }
}
