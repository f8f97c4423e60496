//! Frames out of a byte stream. Stopping in the middle of a frame and resuming later loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::failure::Failure;
use super::frame::{Frame, HEADER_BYTES, Header, Kind};

/// The size of the read-ahead. A longer payload is read directly into its final buffer.
const READ_AHEAD_BYTES: usize = 16 << 10;

/// The places of the payloads of some frames, which are read directly into them.
pub(super) trait Places: Sync {
    /// Returns the place for a payload: empty, with exactly the required capacity.
    fn place_for(&self, header: &Header) -> Option<BytesMut>;
}

/// No places: every payload comes with its frame.
struct NoPlaces;

impl Places for NoPlaces {
    fn place_for(&self, _header: &Header) -> Option<BytesMut> {
        None
    }
}

/// A received frame.
#[derive(Debug)]
pub(super) enum Incoming {
    Frame(Frame),
    /// A data frame whose payload is in its place.
    Placed {
        id: u64,
        payload: BytesMut,
    },
}

/// A payload that is being read.
struct PartialFrame {
    header: Header,
    payload: BytesMut,
    placed: bool,
}

/// Reads frames.
pub(super) struct FrameReader<R> {
    io: R,
    frame: u32,
    ahead: BytesMut,
    current: Option<PartialFrame>,
    /// Counts reads that returned data, to detect whether the other side is alive.
    heard: Arc<AtomicU64>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Makes a reader that accepts payloads of at most `frame` bytes.
    pub(super) fn new(io: R, frame: u32, heard: Arc<AtomicU64>) -> Self {
        Self {
            io,
            frame,
            ahead: BytesMut::with_capacity(READ_AHEAD_BYTES),
            current: None,
            heard,
        }
    }

    /// Reads the bytes that a connection starts with, and compares them.
    pub(super) async fn expect(&mut self, magic: &[u8]) -> Result<(), Failure> {
        loop {
            let known = magic.len().min(self.ahead.len());
            if self.ahead.get(..known) != magic.get(..known) {
                return Err(Failure::NotThisProtocol);
            }
            if known == magic.len() {
                self.ahead.advance(known);
                return Ok(());
            }
            if self.read_ahead().await? == 0 {
                return Err(Failure::Closed);
            }
        }
    }

    /// Returns the next frame, or `None` where the stream ends between two frames.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: a partially read frame is kept for the next call.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        let incoming = self.next_into(&NoPlaces).await?;
        Ok(incoming.map(|incoming| match incoming {
            Incoming::Frame(frame) => frame,
            Incoming::Placed { id, payload } => Frame::new(Kind::Data, id, payload),
        }))
    }

    /// Returns the next frame, or `None` where the stream ends between two frames. Its payload is read into its place, if
    /// it has one.
    ///
    /// # Cancellation
    ///
    /// As [`next`](Self::next).
    pub(super) async fn next_into(
        &mut self,
        places: &impl Places,
    ) -> Result<Option<Incoming>, Failure> {
        loop {
            // Otherwise a stream that is always ready would starve everything else on this thread. It comes before the
            // frame is taken, because the future may be dropped here.
            tokio::task::coop::consume_budget().await;
            if let Some(incoming) = self.try_next(places)? {
                return Ok(Some(incoming));
            }
            let read = match &mut self.current {
                Some(current) => {
                    let missing = current.header.length - current.payload.len();
                    let mut room = (&mut current.payload).limit(missing);
                    let read = self.io.read_buf(&mut room).await?;
                    self.heard.fetch_add(1, Ordering::Relaxed);
                    read
                }
                None => self.read_ahead().await?,
            };
            if read == 0 {
                return if self.current.is_none() && self.ahead.is_empty() {
                    Ok(None)
                } else {
                    Err(Failure::Truncated)
                };
            }
        }
    }

    /// Returns a frame if it is complete.
    fn try_next(&mut self, places: &impl Places) -> Result<Option<Incoming>, Failure> {
        if self.current.is_none() {
            let Some(bytes) = self.ahead.first_chunk::<HEADER_BYTES>() else {
                return Ok(None);
            };
            let header = Header::decode(*bytes, self.frame)?;
            self.ahead.advance(HEADER_BYTES);
            let place = places.place_for(&header);
            let placed = place.is_some();
            let mut payload = place.unwrap_or_else(|| BytesMut::with_capacity(header.length));
            let here = header.length.min(self.ahead.len());
            payload.put(self.ahead.split_to(here));
            self.current = Some(PartialFrame {
                header,
                payload,
                placed,
            });
        }
        let whole = |current: &mut PartialFrame| current.payload.len() == current.header.length;
        Ok(self.current.take_if(whole).map(|current| {
            let Header { kind, id, .. } = current.header;
            let payload = current.payload;
            if current.placed {
                Incoming::Placed { id, payload }
            } else {
                Incoming::Frame(Frame::new(kind, id, payload))
            }
        }))
    }

    async fn read_ahead(&mut self) -> Result<usize, Failure> {
        self.ahead
            .reserve(READ_AHEAD_BYTES.saturating_sub(self.ahead.len()).max(1));
        let read = self.io.read_buf(&mut self.ahead).await?;
        self.heard.fetch_add(1, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Waker};

    use bytes::BytesMut;
    use tokio::io::AsyncWriteExt;
    use tokio::task::coop;

    use super::{Frame, FrameReader};
    use crate::wire::failure::Failure;
    use crate::wire::frame::Kind;

    fn frames() -> Vec<Frame> {
        vec![
            Frame::new(Kind::Ping, 0, vec![1; 8]),
            Frame::new(Kind::Data, 1, vec![2; 40_000]),
            Frame::new(Kind::Cancel, 3, vec![]),
            Frame::new(Kind::Data, 4, vec![5; 7]),
        ]
    }

    #[tokio::test]
    async fn frames_do_not_depend_on_how_the_bytes_arrive() {
        let mut bytes = BytesMut::new();
        for frame in frames() {
            frame.put(&mut bytes);
        }
        for step in [1, 3, 15, 17, 1000, 100_000] {
            let (near, mut far) = tokio::io::duplex(step);
            let bytes = bytes.clone();
            let writer = tokio::spawn(async move { far.write_all(&bytes).await });
            let mut reader = FrameReader::new(near, 65536, Arc::default());
            for want in frames() {
                let frame = reader.next().await.unwrap().unwrap();
                assert_eq!((frame.kind, frame.id), (want.kind, want.id));
                assert_eq!(frame.payload, want.payload);
            }
            assert!(reader.next().await.unwrap().is_none());
            writer.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_partially_read_frame_is_kept() {
        let mut bytes = BytesMut::new();
        Frame::new(Kind::Data, 9, vec![7; 30_000]).put(&mut bytes);
        let (near, mut far) = tokio::io::duplex(65536);
        let mut reader = FrameReader::new(near, 65536, Arc::default());
        for piece in bytes.chunks(1000) {
            far.write_all(piece).await.unwrap();
            tokio::select! {
                biased;
                frame = reader.next() => assert_eq!(frame.unwrap().unwrap().payload, vec![7; 30_000]),
                () = tokio::task::yield_now() => {}
            }
        }
        drop(far);
        assert!(reader.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn no_frame_is_lost_when_the_reader_yields() {
        let mut bytes = BytesMut::new();
        for id in 1..=1000 {
            Frame::new(Kind::Cancel, id, vec![]).put(&mut bytes);
        }
        // All of it is available, so only the runtime makes the reader wait.
        let mut reader = FrameReader::new(&bytes[..], 65536, Arc::default());
        for id in 1..=1000 {
            while coop::has_budget_remaining() {
                coop::consume_budget().await;
            }
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(reader.next()).poll(&mut context).is_pending());
            tokio::task::yield_now().await;
            assert_eq!(reader.next().await.unwrap().unwrap().id, id);
        }
    }

    #[tokio::test]
    async fn a_truncated_frame_differs_from_the_end() {
        for cut in [1, 15, 16, 20] {
            let mut bytes = BytesMut::new();
            Frame::new(Kind::Data, 9, vec![7; 10]).put(&mut bytes);
            let mut reader = FrameReader::new(&bytes[..cut], 65536, Arc::default());
            assert!(
                matches!(reader.next().await, Err(Failure::Truncated)),
                "{cut}"
            );
        }
    }

    #[tokio::test]
    async fn another_protocol_is_detected_at_its_first_byte() {
        let (near, mut far) = tokio::io::duplex(100);
        far.write_all(b"H").await.unwrap();
        let mut reader = FrameReader::new(near, 65536, Arc::default());
        assert!(matches!(
            reader.expect(b"magic").await,
            Err(Failure::NotThisProtocol)
        ));
    }
}
