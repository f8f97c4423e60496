//! The hello: the first frame of each side, which describes it.

use std::time::Duration;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::failure::Failure;
use super::frame::{Frame, Kind, MAX_GOODBYE_BYTES, MIN_FRAME_BYTES};
use super::reader::FrameReader;
use super::{Limits, VERSION, codec};
use crate::{Capabilities, SandboxId, VirtualPath};

/// The first bytes of a connection, in both directions. They contain a non-text byte and a newline, so that neither a shell
/// nor an HTTP server takes them for something else.
pub(super) const MAGIC: &[u8; 8] = b"\x89ABWIRE\n";

/// The oldest version of the protocol that this side supports.
const OLDEST_VERSION: u16 = 1;

/// The maximum number of elements in a hello.
const MAX_ELEMENTS: u64 = 1000;

/// The description of a side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The oldest and the newest version of the protocol that it supports.
    oldest: u16,
    newest: u16,
    /// The limits of what it accepts.
    pub(super) offer: Offer,
    /// What it serves; `None` for a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) serves: Option<Advertised>,
}

/// The limits of what a side accepts: see [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offer {
    pub(super) frame: u32,
    pub(super) message: u32,
    pub(super) elements: u64,
    pub(super) body: u64,
    pub(super) window: u32,
    pub(super) in_flight: u32,
}

/// What a server serves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Advertised {
    pub(super) capabilities: Capabilities,
    /// Where relative paths start.
    #[serde(default = "VirtualPath::root")]
    pub(super) work_dir: VirtualPath,
    /// The id of the sandbox; `None` for a server of only files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sandbox: Option<SandboxId>,
}

impl Hello {
    pub(super) fn new(limits: &Limits, serves: Option<Advertised>) -> Self {
        Self {
            oldest: OLDEST_VERSION,
            newest: VERSION,
            offer: Offer {
                frame: limits.frame,
                message: limits.message,
                elements: limits.elements,
                body: limits.body,
                window: limits.window,
                in_flight: limits.in_flight,
            },
            serves,
        }
    }

    /// Sends the hello.
    pub(super) async fn send(&self, io: &mut (impl AsyncWrite + Unpin)) -> Result<(), Failure> {
        let payload = codec::encode(self)
            .map_err(|error| std::io::Error::other(format!("cannot say hello: {error}")))?;
        let mut bytes = BytesMut::from(&MAGIC[..]);
        Frame::new(Kind::Hello, 0, payload).put(&mut bytes);
        io.write_all(&bytes).await?;
        io.flush().await?;
        Ok(())
    }

    /// Receives the other side's hello, and checks that the two sides are compatible.
    pub(super) async fn receive(
        reader: &mut FrameReader<impl AsyncRead + Unpin>,
    ) -> Result<Self, Failure> {
        reader.expect(MAGIC).await?;
        let frame = reader.next().await?.ok_or(Failure::Closed)?;
        match frame.kind {
            Kind::Hello => Self::decode(&frame.payload),
            Kind::Goodbye => Err(Failure::goodbye(&frame.payload)),
            kind => Err(Failure::violation(format!("a {kind:?} frame before hello"))),
        }
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, Failure> {
        let hello: Self = codec::decode(payload, MAX_ELEMENTS)
            .map_err(|error| Failure::violation(format!("a hello that cannot be read: {error}")))?;
        if hello.newest < OLDEST_VERSION || VERSION < hello.oldest {
            return Err(Failure::Version {
                theirs: (hello.oldest, hello.newest),
                ours: (OLDEST_VERSION, VERSION),
            });
        }
        let offer = &hello.offer;
        let smallest = Limits::default()
            .frame(0)
            .message(0)
            .elements(0)
            .window(0)
            .in_flight(0);
        let smallest = smallest.clamped();
        if offer.frame < smallest.frame
            || offer.message < smallest.message
            || offer.elements < smallest.elements
            || offer.window < smallest.window
            || offer.in_flight < smallest.in_flight
        {
            return Err(Failure::violation(
                "an offer that is too small to be useful",
            ));
        }
        Ok(hello)
    }
}

impl Offer {
    /// Returns the frame size for this side: the size that it accepts, but at most half of its window, so that it gives
    /// credit before the window is used up.
    pub(super) fn frame_bytes(&self, ours: &Limits) -> usize {
        let frame = self.frame.min(self.window / 2).min(ours.frame);
        usize::try_from(frame.max(MIN_FRAME_BYTES)).unwrap_or(MIN_FRAME_BYTES as usize)
    }
}

/// Sends a goodbye instead of a hello, and waits until the other side has closed the stream.
pub(super) async fn refuse(
    mut io: impl AsyncRead + AsyncWrite + Unpin,
    reason: &str,
) -> Result<(), Failure> {
    let mut end = reason.len().min(MAX_GOODBYE_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason.get(..end).unwrap_or_default();
    let mut bytes = BytesMut::from(&MAGIC[..]);
    Frame::new(Kind::Goodbye, 0, reason.as_bytes().to_vec()).put(&mut bytes);
    io.write_all(&bytes).await?;
    io.shutdown().await?;
    // Closing a stream with unread data in it may discard data that was already written.
    let mut ignored = [0; 512];
    while io.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
    Ok(())
}

/// Limits the time for the exchange of hellos.
pub(super) async fn with_hello_timeout<T>(
    timeout: Duration,
    exchange: impl Future<Output = Result<T, Failure>> + Send,
) -> Result<T, Failure> {
    tokio::time::timeout(timeout, exchange)
        .await
        .unwrap_or(Err(Failure::NoHello(timeout)))
}

#[cfg(test)]
mod tests {
    use super::{Failure, Hello, Limits, VERSION, codec};

    #[track_caller]
    fn refused(hello: &Hello, want: &str) {
        let failure = Hello::decode(&codec::encode(hello).unwrap()).unwrap_err();
        assert!(failure.to_string().contains(want), "{failure}");
    }

    #[test]
    fn a_hello_survives_its_bytes_and_unreadable_ones_are_refused() {
        let hello = Hello::new(&Limits::default(), None);
        let again = Hello::decode(&codec::encode(&hello).unwrap()).unwrap();
        assert_eq!(again.offer, hello.offer);
        assert!(matches!(Hello::decode(b"\x80"), Err(Failure::Violation(_))));
        assert!(matches!(Hello::decode(b""), Err(Failure::Violation(_))));
    }

    #[test]
    fn sides_without_a_common_version_part() {
        let mut hello = Hello::new(&Limits::default(), None);
        (hello.oldest, hello.newest) = (VERSION + 1, VERSION + 3);
        refused(
            &hello,
            "speaks versions 2 to 4 of the protocol, this side 1 to 1",
        );
        (hello.oldest, hello.newest) = (0, 0);
        refused(&hello, "speaks versions 0 to 0");
    }

    #[test]
    fn an_offer_of_nothing_is_refused() {
        for spoil in [
            |hello: &mut Hello| hello.offer.frame = 4095,
            |hello: &mut Hello| hello.offer.window = 0,
            |hello: &mut Hello| hello.offer.message = 1,
            |hello: &mut Hello| hello.offer.elements = 0,
            |hello: &mut Hello| hello.offer.in_flight = 0,
        ] {
            let mut hello = Hello::new(&Limits::default(), None);
            spoil(&mut hello);
            refused(&hello, "too small to be useful");
        }
    }
}
