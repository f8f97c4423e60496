//! Frames: a header of 16 bytes and a payload. This module limits their length, but gives them no meaning.

use bytes::{Bytes, BytesMut};

use super::failure::Failure;

/// The size of a header in bytes.
pub(super) const HEADER_BYTES: usize = 16;

/// The size of the prefix in the first frame of a message: its two lengths.
pub(super) const LENGTHS_BYTES: usize = 12;

/// Every frame of a message except the last carries at least this much, so that a peer cannot send many nearly empty
/// frames. No side may ask for smaller frames.
pub(super) const MIN_FRAME_BYTES: u32 = 4 << 10;

/// The longest text of a goodbye, in bytes.
pub(super) const MAX_GOODBYE_BYTES: usize = 1 << 10;

/// The longest hello, in bytes.
const MAX_HELLO_BYTES: usize = 16 << 10;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Hello,
    Goodbye,
    Ping,
    Pong,
    Request,
    Response,
    Data,
    Credit,
    Cancel,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Hello,
        Self::Goodbye,
        Self::Ping,
        Self::Pong,
        Self::Request,
        Self::Response,
        Self::Data,
        Self::Credit,
        Self::Cancel,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::Hello => 1,
            Self::Goodbye => 2,
            Self::Ping => 3,
            Self::Pong => 4,
            Self::Request => 16,
            Self::Response => 17,
            Self::Data => 18,
            Self::Credit => 19,
            Self::Cancel => 20,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Returns whether the frame is about the connection, not about one request.
    const fn is_of_connection(self) -> bool {
        matches!(self, Self::Hello | Self::Goodbye | Self::Ping | Self::Pong)
    }

    /// Returns the allowed lengths of the payload, where `frame` is the limit for frames of messages.
    fn lengths(self, frame: u32) -> std::ops::RangeInclusive<usize> {
        let frame = usize::try_from(frame).unwrap_or(usize::MAX);
        match self {
            Self::Hello => 1..=MAX_HELLO_BYTES,
            Self::Goodbye => 0..=MAX_GOODBYE_BYTES,
            Self::Ping | Self::Pong => 8..=8,
            Self::Request | Self::Response => LENGTHS_BYTES + 1..=frame,
            Self::Data => 1..=frame,
            Self::Credit => 4..=4,
            Self::Cancel => 0..=0,
        }
    }
}

/// A validated header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) id: u64,
    pub(super) length: usize,
}

impl Header {
    /// Reads a header and validates it.
    pub(super) fn decode(bytes: [u8; HEADER_BYTES], frame: u32) -> Result<Self, Failure> {
        let [l0, l1, l2, l3, code, r0, r1, r2, id @ ..] = bytes;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let id = u64::from_be_bytes(id);
        let kind = Kind::from_code(code)
            .ok_or_else(|| Failure::violation(format!("a frame of unknown kind {code}")))?;
        if [r0, r1, r2] != [0; 3] {
            return Err(Failure::violation(
                "a header whose reserved bytes are not 0",
            ));
        }
        if kind.is_of_connection() != (id == 0) {
            return Err(Failure::violation(format!("a {kind:?} frame with id {id}")));
        }
        let (allowed, size) = (kind.lengths(frame), usize::try_from(length));
        match size.ok().filter(|size| allowed.contains(size)) {
            Some(length) => Ok(Self { kind, id, length }),
            None => Err(Failure::violation(format!(
                "a {kind:?} frame of {length} bytes, where {} to {} are allowed",
                allowed.start(),
                allowed.end()
            ))),
        }
    }
}

/// A frame.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) id: u64,
    pub(super) payload: Bytes,
}

impl Frame {
    pub(super) fn new(kind: Kind, id: u64, payload: impl Into<Bytes>) -> Self {
        Self {
            kind,
            id,
            payload: payload.into(),
        }
    }

    /// Appends only the header, for callers that send the payload without a copy.
    pub(super) fn put_header(&self, to: &mut BytesMut) {
        put_header(to, self.kind, self.id, self.payload.len());
    }

    /// Appends the whole frame.
    pub(super) fn put(&self, to: &mut BytesMut) {
        self.put_header(to);
        to.extend_from_slice(&self.payload);
    }
}

/// Appends a frame with a short payload.
pub(super) fn put_control(to: &mut BytesMut, kind: Kind, id: u64, payload: &[u8]) {
    put_header(to, kind, id, payload.len());
    to.extend_from_slice(payload);
}

fn put_header(to: &mut BytesMut, kind: Kind, id: u64, length: usize) {
    // No payload of ours comes near 4 GiB: the longest is a frame, whose limit is a u32.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(&[kind.code(), 0, 0, 0]);
    to.extend_from_slice(&id.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{Frame, HEADER_BYTES, Header, Kind};

    fn header(length: u32, rest: [u8; 4], id: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes[4..8].copy_from_slice(&rest);
        bytes[8..].copy_from_slice(&id.to_be_bytes());
        bytes
    }

    #[test]
    fn a_frame_survives_its_bytes() {
        for kind in Kind::ALL {
            let length = *kind.lengths(65536).start();
            let id = u64::from(!kind.is_of_connection()) * 7;
            let mut bytes = BytesMut::new();
            Frame::new(kind, id, vec![1; length]).put(&mut bytes);
            let header: [u8; HEADER_BYTES] = bytes[..HEADER_BYTES].try_into().unwrap();
            let header = Header::decode(header, 65536).unwrap();
            assert_eq!(header, Header { kind, id, length });
            assert_eq!(bytes.len(), HEADER_BYTES + length);
        }
    }

    #[test]
    fn invalid_headers_are_rejected() {
        #[track_caller]
        fn check(bytes: [u8; HEADER_BYTES], want: &str) {
            let failure = Header::decode(bytes, 65536).unwrap_err().to_string();
            assert!(failure.ends_with(want), "{failure}");
        }
        check(header(1, [99, 0, 0, 0], 1), "a frame of unknown kind 99");
        check(header(1, [18, 0, 1, 0], 1), "reserved bytes are not 0");
        check(header(1, [18, 0, 0, 0], 0), "a Data frame with id 0");
        check(header(8, [3, 0, 0, 0], 5), "a Ping frame with id 5");
        check(header(0, [18, 0, 0, 0], 1), "where 1 to 65536 are allowed");
        check(
            header(65537, [18, 0, 0, 0], 1),
            "where 1 to 65536 are allowed",
        );
        check(
            header(u32::MAX, [16, 0, 0, 0], 1),
            "where 13 to 65536 are allowed",
        );
        check(
            header(12, [16, 0, 0, 0], 1),
            "where 13 to 65536 are allowed",
        );
        check(header(7, [4, 0, 0, 0], 0), "where 8 to 8 are allowed");
        check(header(1, [20, 0, 0, 0], 1), "where 0 to 0 are allowed");
    }
}
