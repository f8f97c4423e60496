//! A whole message out of an inbox, in reserved memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

use super::budget::Reservation;
use super::failure::Failure;
use super::inbox::Lengths;
use super::link::{Link, Stream, with_timeout};

/// A body up to this size is copied into memory of its own, so that keeping it does not keep its frame alive.
const MAX_COPIED_BODY: usize = 4 << 10;

/// Memory is allocated in steps of at least this size as bytes arrive, not by the length that the other side announces.
const MIN_GROWTH_BYTES: usize = 1 << 20;

/// A message that is received from an inbox.
pub(super) trait Receive: Sized + Send {
    /// Receives it. `Ok(None)` means that it did not continue within `timeout`.
    fn receive(
        link: &Link,
        id: u64,
        stream: &Stream,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<Option<Self>, Arc<Failure>>> + Send;
}

/// A received message.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) value: Bytes,
    pub(super) body: Bytes,
    /// The memory reservation, held for as long as the memory is in use.
    pub(super) reservation: Reservation,
}

/// A received message whose raw bytes were read into the place reserved for them.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) value: BytesMut,
    pub(super) body: BytesMut,
}

impl Receive for Received {
    async fn receive(
        link: &Link,
        id: u64,
        stream: &Stream,
        timeout: Option<Duration>,
    ) -> Result<Option<Self>, Arc<Failure>> {
        let lengths = stream.inbox.lengths().await?;
        let first = stream.inbox.chunk().await?.bytes;
        let total = lengths.total();
        if first.len() as u64 == total {
            return Ok(Some(from_one_frame(lengths, first)));
        }
        let Some(reservation) = with_timeout(timeout, link.incoming.reserve(total)).await else {
            return Ok(None);
        };
        let mut message = Assembly::new(lengths);
        let left = total - first.len() as u64;
        message.put(first);
        let put = |bytes| message.put(bytes);
        let received = receive_rest(link, id, stream, timeout, left, put).await?;
        Ok(received.map(|()| Self {
            value: message.value.freeze(),
            body: message.body.freeze(),
            reservation,
        }))
    }
}

impl Receive for Placed {
    async fn receive(
        link: &Link,
        id: u64,
        stream: &Stream,
        timeout: Option<Duration>,
    ) -> Result<Option<Self>, Arc<Failure>> {
        let lengths = stream.inbox.lengths().await?;
        let mut value = BytesMut::new();
        let put = |bytes: Bytes| value.extend_from_slice(&bytes);
        let received = receive_rest(link, id, stream, timeout, lengths.total(), put).await?;
        Ok(received.map(|()| Self {
            value,
            body: stream.inbox.take_placed(),
        }))
    }
}

/// Takes the rest of a message out of an inbox, frame by frame. Bytes in their place stay there.
async fn receive_rest(
    link: &Link,
    id: u64,
    stream: &Stream,
    timeout: Option<Duration>,
    mut left: u64,
    mut put: impl FnMut(Bytes) + Send,
) -> Result<Option<()>, Arc<Failure>> {
    while left > 0 {
        let Some(chunk) = with_timeout(timeout, stream.inbox.chunk()).await else {
            return Ok(None);
        };
        let chunk = chunk?;
        if chunk.credit > 0 {
            link.outbox.credit(id, chunk.credit);
        }
        left -= (chunk.bytes.len() + chunk.placed) as u64;
        put(chunk.bytes);
    }
    Ok(Some(()))
}

/// Splits a message that arrived in one frame.
fn from_one_frame(lengths: Lengths, mut first: Bytes) -> Received {
    let value = first.split_to((lengths.message as usize).min(first.len()));
    let body = if first.len() <= MAX_COPIED_BODY {
        Bytes::copy_from_slice(&first)
    } else {
        first
    };
    Received {
        value,
        body,
        reservation: None,
    }
}

/// A growing message, up to its announced lengths.
struct Assembly {
    lengths: Lengths,
    value: BytesMut,
    body: BytesMut,
}

impl Assembly {
    fn new(lengths: Lengths) -> Self {
        Self {
            lengths,
            value: BytesMut::new(),
            body: BytesMut::new(),
        }
    }

    fn put(&mut self, mut bytes: Bytes) {
        let missing = u64::from(self.lengths.message) - self.value.len() as u64;
        let here = usize::try_from(missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
        grow(&mut self.value, u64::from(self.lengths.message), here);
        self.value
            .extend_from_slice(bytes.get(..here).unwrap_or_default());
        bytes.advance(here);
        grow(&mut self.body, self.lengths.body, bytes.len());
        self.body.extend_from_slice(&bytes);
    }
}

/// Makes room for more bytes: doubles it, up to the final size.
fn grow(buffer: &mut BytesMut, whole: u64, more: usize) {
    if buffer.capacity() - buffer.len() < more {
        let wanted = buffer.len().max(MIN_GROWTH_BYTES).max(more);
        let left = whole.saturating_sub(buffer.len() as u64);
        let room = usize::try_from(left).map_or(wanted, |left| left.min(wanted));
        buffer.reserve(room.max(more));
    }
}
