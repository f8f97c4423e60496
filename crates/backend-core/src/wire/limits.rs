//! How much a side accepts from the other one.

use super::frame::MIN_FRAME_BYTES;

/// How much this side accepts from the other one. Every size that the other side chooses has its limit here.
///
/// Most are announced to the other side in the hello, which then keeps its requests and answers within them; a side that
/// does not is disconnected. A side with low limits still works: it is answered that a request is too large.
///
/// # Examples
///
/// ```
/// use backend_core::wire::{Limits, Options};
///
/// // For a process that should stay small, and receives files of a few megabytes.
/// let limits = Limits::default().body(16 << 20).buffered(32 << 20).in_flight(32);
/// let options = Options::default().limits(limits);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest payload of a frame, in bytes: 64 KiB by default; at least 4 KiB.
    pub frame: u32,
    /// The longest message, without the raw bytes that travel with it: 16 MiB by default; at least 4 KiB. A page of ten
    /// thousand entries is about 2 MB.
    pub message: u32,
    /// The maximum number of elements in a message, each number, text or list being one: 2 million by default. A decoded
    /// element takes up to a few hundred bytes of memory.
    pub elements: u64,
    /// The most raw bytes that travel with a message (the content of a file, standard input, output): 256 MiB by default.
    pub body: u64,
    /// The maximum number of bytes of unfinished messages held at once: 512 MiB by default, separately for incoming
    /// messages, for outgoing files, and for command output. Messages that would exceed it wait for others to finish. It is
    /// at least the size of one message.
    pub buffered: u64,
    /// How many bytes of a message may arrive before this side has asked for more: 256 KiB by default; at least 8 KiB. A
    /// high-latency connection needs more of it to be fast.
    pub window: u32,
    /// The maximum number of unanswered requests: 256 by default; at least 2. Further calls wait.
    pub in_flight: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 64 << 10,
            message: 16 << 20,
            elements: 2_000_000,
            body: 256 << 20,
            buffered: 512 << 20,
            window: 256 << 10,
            in_flight: 256,
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl Limits {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

setters! {
    /// Sets the longest payload of a frame.
    frame: u32;
    /// Sets the longest message.
    message: u32;
    /// Sets the most elements of a message.
    elements: u64;
    /// Sets the most raw bytes that travel with a message.
    body: u64;
    /// Sets the maximum number of bytes of unfinished messages held at once.
    buffered: u64;
    /// Sets how many bytes of a message may arrive unrequested.
    window: u32;
    /// Sets the maximum number of unanswered requests.
    in_flight: u32;
}

impl Limits {
    /// Returns limits with which a connection works: values that are too small for that are raised.
    pub(super) fn clamped(&self) -> Self {
        let message = self.message.max(MIN_FRAME_BYTES);
        Self {
            frame: self.frame.max(MIN_FRAME_BYTES),
            message,
            elements: self.elements.max(1000),
            body: self.body,
            buffered: self
                .buffered
                .max(self.body.saturating_add(u64::from(message))),
            window: self.window.max(2 * MIN_FRAME_BYTES),
            in_flight: self.in_flight.max(2),
        }
    }
}
