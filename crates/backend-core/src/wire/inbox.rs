//! The receiving end of one message: the bytes that have arrived but were not yet taken, never more than the window.
//!
//! The connection adds bytes and never waits; the receiver of the message takes them out, and only then does the sender get
//! credit for more. A slow receiver therefore blocks only its own sender.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};

use super::failure::Failure;
use super::frame::MIN_FRAME_BYTES;

/// The two lengths of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    /// The encoded value.
    pub(super) message: u32,
    /// The raw bytes after it.
    pub(super) body: u64,
}

impl Lengths {
    /// Returns how many bytes the message has.
    pub(super) fn total(self) -> u64 {
        u64::from(self.message).saturating_add(self.body)
    }
}

/// A part of a message.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    /// How many further bytes are already in their place.
    pub(super) placed: usize,
    /// How much additional credit the sender gets now; often none.
    pub(super) credit: u32,
}

/// The contents of one frame: bytes, and how many more are already in their place.
#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    placed: usize,
}

/// Memory that a caller reserved for the raw bytes of a message.
#[derive(Debug)]
struct Place {
    filled: BytesMut,
    rest: BytesMut,
}

/// The receiving end of one message. One task takes from it.
#[derive(Debug)]
pub(super) struct Inbox {
    limits: Lengths,
    window: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lengths: Option<Lengths>,
    /// The number of bytes still to arrive.
    missing: u64,
    /// How many bytes may arrive in data frames before more credit is given.
    allowed: u32,
    /// How many bytes were taken without giving credit for them yet.
    uncredited: u32,
    chunks: VecDeque<Piece>,
    /// The place for the raw bytes, if there is one.
    place: Option<Place>,
    /// The first frame of a message costs no credit. Whether its bytes are still in `chunks`.
    first_is_free: bool,
    failed: Option<Arc<Failure>>,
    waker: Option<Waker>,
}

impl Inbox {
    /// Makes an inbox for a message within these limits. A `place` for its raw bytes must have at least the capacity of the
    /// limit.
    pub(super) fn new(limits: Lengths, window: u32, place: Option<BytesMut>) -> Self {
        let place = place.map(|rest| Place {
            filled: BytesMut::new(),
            rest,
        });
        Self {
            limits,
            window,
            state: Mutex::new(State {
                lengths: None,
                missing: 0,
                allowed: window,
                uncredited: 0,
                chunks: VecDeque::new(),
                place,
                first_is_free: false,
                failed: None,
                waker: None,
            }),
        }
    }

    /// Adds the first frame of a message: its lengths, and as much of it as fits.
    pub(super) fn open(&self, mut payload: Bytes) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.lengths.is_some() {
            return Err(Failure::violation("a second message for one request"));
        }
        let short = |_| Failure::violation("a message without its lengths");
        let lengths = Lengths {
            message: payload.try_get_u32().map_err(short)?,
            body: payload.try_get_u64().map_err(short)?,
        };
        if lengths.message > self.limits.message || lengths.body > self.limits.body {
            return Err(Failure::violation(format!(
                "a message of {} and {} bytes, where {} and {} are allowed",
                lengths.message, lengths.body, self.limits.message, self.limits.body
            )));
        }
        if lengths.message == 0 {
            return Err(Failure::violation("an empty message"));
        }
        state.lengths = Some(lengths);
        state.missing = lengths.total();
        state.put(payload, true)
    }

    /// Adds more of the message.
    pub(super) fn push(&self, data: Bytes) -> Result<(), Failure> {
        let mut state = self.lock();
        state.use_credit(data.len())?;
        state.put(data, false)
    }

    /// Returns the place of the next raw bytes, if there is one with room for them.
    pub(super) fn place_for(&self, length: usize) -> Option<BytesMut> {
        let mut state = self.lock();
        let is_raw = state.missing <= state.lengths?.body;
        let place = state.place.as_mut().filter(|_| is_raw)?;
        place.take(length)
    }

    /// Adds more of the message, which was read directly into its place.
    pub(super) fn push_placed(&self, data: BytesMut) -> Result<(), Failure> {
        let mut state = self.lock();
        state.use_credit(data.len())?;
        let piece = Piece {
            bytes: Bytes::new(),
            placed: data.len(),
        };
        if let Some(place) = &mut state.place {
            place.filled.unsplit(data);
        }
        state.add(piece, false)
    }

    /// Returns the raw bytes that were read into their place.
    pub(super) fn take_placed(&self) -> BytesMut {
        let place = self.lock().place.take();
        place.map(|place| place.filled).unwrap_or_default()
    }

    /// Ends every wait. What has arrived can still be taken.
    pub(super) fn fail(&self, failure: &Arc<Failure>) {
        let mut state = self.lock();
        state.failed = Some(Arc::clone(failure));
        state.wake();
    }

    /// Waits for the start of the message.
    pub(super) async fn lengths(&self) -> Result<Lengths, Arc<Failure>> {
        self.wait(|state| state.lengths).await
    }

    /// Waits for the next part of the message. The caller knows from the lengths whether there is one.
    pub(super) async fn chunk(&self) -> Result<Chunk, Arc<Failure>> {
        self.wait(|state| {
            let Piece { bytes, placed } = state.chunks.pop_front()?;
            if state.first_is_free {
                state.first_is_free = false;
            } else {
                let length = u32::try_from(bytes.len() + placed).unwrap_or(u32::MAX);
                state.uncredited = state.uncredited.saturating_add(length);
            }
            let credit = if state.uncredited >= self.window / 2
                && state.missing > u64::from(state.allowed)
            {
                std::mem::take(&mut state.uncredited)
            } else {
                0
            };
            state.allowed = state.allowed.saturating_add(credit);
            Some(Chunk {
                bytes,
                placed,
                credit,
            })
        })
        .await
    }

    async fn wait<T>(
        &self,
        mut found: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, Arc<Failure>> {
        poll_fn(|context| {
            let mut state = self.lock();
            if let Some(value) = found(&mut state) {
                return Poll::Ready(Ok(value));
            }
            if let Some(failure) = &state.failed {
                return Poll::Ready(Err(Arc::clone(failure)));
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Takes the next `length` bytes of the place, if it has that many.
    fn take(&mut self, length: usize) -> Option<BytesMut> {
        if self.rest.capacity() < length {
            return None;
        }
        let after = self.rest.split_off(length);
        Some(std::mem::replace(&mut self.rest, after))
    }
}

impl State {
    /// Takes the credit for `length` bytes.
    fn use_credit(&mut self, length: usize) -> Result<(), Failure> {
        if self.lengths.is_none() {
            return Err(Failure::violation("data before its message"));
        }
        let allowed = u32::try_from(length)
            .ok()
            .and_then(|length| self.allowed.checked_sub(length));
        self.allowed =
            allowed.ok_or_else(|| Failure::violation("more data than there is credit for"))?;
        Ok(())
    }

    fn put(&mut self, mut bytes: Bytes, first: bool) -> Result<(), Failure> {
        let mut placed = 0;
        if let (Some(place), Some(lengths)) = (&mut self.place, self.lengths) {
            // The value precedes the raw bytes, and stays here.
            let value = self.missing.saturating_sub(lengths.body);
            let value = usize::try_from(value).map_or(bytes.len(), |value| value.min(bytes.len()));
            if let Some(mut room) = place.take(bytes.len() - value) {
                let raw = bytes.split_off(value);
                placed = raw.len();
                room.extend_from_slice(&raw);
                place.filled.unsplit(room);
            }
        }
        self.add(Piece { bytes, placed }, first)
    }

    fn add(&mut self, piece: Piece, first: bool) -> Result<(), Failure> {
        let length = (piece.bytes.len() + piece.placed) as u64;
        self.missing = self
            .missing
            .checked_sub(length)
            .ok_or_else(|| Failure::violation("more data than the message has"))?;
        if self.missing > 0 && length < u64::from(MIN_FRAME_BYTES) && !first {
            return Err(Failure::violation("a message in very small pieces"));
        }
        self.first_is_free |= first;
        self.chunks.push_back(piece);
        self.wake();
        Ok(())
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
