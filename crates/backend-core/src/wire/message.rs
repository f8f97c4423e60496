//! The sending end of one message: it is cut into frames, without copying long parts.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::frame::LENGTHS_BYTES;

/// An outgoing message: an encoded value, and the raw bytes that travel with it.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) value: Bytes,
    pub(super) body: Vec<Bytes>,
}

impl Message {
    /// Returns how many raw bytes there are.
    pub(super) fn body_len(&self) -> u64 {
        self.body.iter().map(|part| part.len() as u64).sum()
    }

    /// Cuts the message: returns the payload of its first frame, of at most `frame` bytes, and the rest.
    pub(super) fn split_first(self, frame: usize) -> (Bytes, Remainder) {
        let body_len = self.body_len();
        // A longer value is refused when it is encoded.
        let value_len = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        let room = frame.saturating_sub(LENGTHS_BYTES);
        let total = self.value.len() as u64 + body_len;
        let mut rest = Remainder {
            left: total,
            parts: std::iter::once(self.value).chain(self.body).collect(),
        };
        // A short message is a single frame. The first frame of a long one has only the value, so that its raw bytes are
        // sent in frames of their own without a copy.
        let here = if total <= room as u64 {
            usize::try_from(total).unwrap_or(room)
        } else {
            room.min(value_len as usize)
        };
        let mut first = BytesMut::with_capacity(LENGTHS_BYTES + here);
        first.put_u32(value_len);
        first.put_u64(body_len);
        rest.copy(here, &mut first);
        (first.freeze(), rest)
    }
}

/// The rest of a message.
#[derive(Debug)]
pub(super) struct Remainder {
    parts: VecDeque<Bytes>,
    left: u64,
}

impl Remainder {
    /// Returns how many bytes are left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Takes the next `length` bytes, or all if there are fewer.
    pub(super) fn take(&mut self, length: usize) -> Bytes {
        while self.parts.front().is_some_and(Bytes::is_empty) {
            self.parts.pop_front();
        }
        let front = self.parts.front().map_or(0, Bytes::len);
        if front >= length || self.parts.len() == 1 {
            return self.split(length);
        }
        let length = usize::try_from(self.left).map_or(length, |left| left.min(length));
        let mut bytes = BytesMut::with_capacity(length);
        self.copy(length, &mut bytes);
        bytes.freeze()
    }

    fn split(&mut self, length: usize) -> Bytes {
        let bytes = self
            .parts
            .front_mut()
            .map(|part| part.split_to(length.min(part.len())))
            .unwrap_or_default();
        self.left -= bytes.len() as u64;
        bytes
    }

    fn copy(&mut self, mut length: usize, to: &mut BytesMut) {
        while length > 0 {
            let Some(part) = self.parts.front_mut() else {
                return;
            };
            let here = part.len().min(length);
            to.extend_from_slice(part.get(..here).unwrap_or_default());
            part.advance(here);
            length -= here;
            self.left -= here as u64;
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, Bytes};
    use proptest::prelude::*;

    use super::Message;

    proptest! {
        #[test]
        fn pieces_are_complete_and_only_the_last_one_is_short(
            value in proptest::collection::vec(any::<u8>(), 1..300),
            body in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6),
            frame in 20_usize..200,
        ) {
            let mut want = value.clone();
            want.extend(body.concat());
            let body: Vec<Bytes> = body.into_iter().map(Bytes::from).collect();
            let lengths = (value.len() as u32, want.len() as u64 - value.len() as u64);
            let message = Message { value: value.into(), body };
            let (mut first, mut rest) = message.split_first(frame);
            prop_assert!(first.len() <= frame);
            prop_assert_eq!((first.get_u32(), first.get_u64()), lengths);
            let mut got = first.to_vec();
            while rest.left() > 0 {
                let piece = rest.take(frame);
                prop_assert!(piece.len() == frame || rest.left() == 0);
                got.extend_from_slice(&piece);
            }
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn long_parts_are_not_copied() {
        let body = Bytes::from(vec![1; 100_000]);
        let message = Message {
            value: Bytes::from_static(b"v"),
            body: vec![body.clone()],
        };
        let (_, mut rest) = message.split_first(65536);
        assert_eq!(rest.take(65536).as_ptr(), body.as_ptr());
        assert_eq!(rest.take(65536).as_ptr(), body[65536..].as_ptr());
    }
}
