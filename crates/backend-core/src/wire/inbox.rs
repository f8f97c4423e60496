//! The receiving end of one message: what has arrived of it and was not yet taken, never more than the window.
//!
//! The connection puts bytes in and never waits; whoever wants the message takes them out, and only then is the sender
//! given credit for more. So a receiver that stops taking stops its sender, and nobody else.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::{Buf, Bytes};

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
    /// How many more bytes the sender is to be allowed now; often none.
    pub(super) credit: u32,
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
    /// How many bytes have not arrived.
    missing: u64,
    /// How many bytes may arrive in data frames before more credit is given.
    allowed: u32,
    /// How many bytes were taken for which no credit was given yet.
    owed: u32,
    chunks: VecDeque<Bytes>,
    /// The first frame of a message costs no credit. This is whether its bytes are still in `chunks`.
    first_is_free: bool,
    failed: Option<Arc<Failure>>,
    waker: Option<Waker>,
}

impl Inbox {
    /// Makes an inbox for a message within these limits.
    pub(super) fn new(limits: Lengths, window: u32) -> Self {
        Self {
            limits,
            window,
            state: Mutex::new(State {
                lengths: None,
                missing: 0,
                allowed: window,
                owed: 0,
                chunks: VecDeque::new(),
                first_is_free: false,
                failed: None,
                waker: None,
            }),
        }
    }

    /// Puts in the first frame of a message: its lengths, and as much of it as fits.
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

    /// Puts in more of the message.
    pub(super) fn push(&self, data: Bytes) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.lengths.is_none() {
            return Err(Failure::violation("data before its message"));
        }
        let allowed = u32::try_from(data.len())
            .ok()
            .and_then(|length| state.allowed.checked_sub(length));
        state.allowed =
            allowed.ok_or_else(|| Failure::violation("more data than there is credit"))?;
        state.put(data, false)
    }

    /// Ends every wait. What has arrived can still be taken.
    pub(super) fn fail(&self, failure: &Arc<Failure>) {
        let mut state = self.lock();
        state.failed = Some(Arc::clone(failure));
        state.wake();
    }

    /// Waits for the beginning of the message.
    pub(super) async fn lengths(&self) -> Result<Lengths, Arc<Failure>> {
        self.wait(|state| state.lengths).await
    }

    /// Waits for the next part of the message. The caller knows by the lengths whether there is one.
    pub(super) async fn chunk(&self) -> Result<Chunk, Arc<Failure>> {
        self.wait(|state| {
            let bytes = state.chunks.pop_front()?;
            if state.first_is_free {
                state.first_is_free = false;
            } else {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                state.owed = state.owed.saturating_add(length);
            }
            let credit =
                if state.owed >= self.window / 2 && state.missing > u64::from(state.allowed) {
                    std::mem::take(&mut state.owed)
                } else {
                    0
                };
            state.allowed = state.allowed.saturating_add(credit);
            Some(Chunk { bytes, credit })
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

impl State {
    fn put(&mut self, bytes: Bytes, first: bool) -> Result<(), Failure> {
        let length = bytes.len() as u64;
        self.missing = self
            .missing
            .checked_sub(length)
            .ok_or_else(|| Failure::violation("more data than the message has"))?;
        if self.missing > 0 && length < u64::from(MIN_FRAME_BYTES) && !first {
            return Err(Failure::violation("a message in very small pieces"));
        }
        self.first_is_free |= first;
        self.chunks.push_back(bytes);
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
