//! How much a side takes from the other one.

use super::frame::MIN_FRAME_BYTES;

/// How much this side takes from the other one. Every size that the other side chooses has its limit here.
///
/// Most are told to the other side in the hello, which then asks and answers within them; a side that does not is cut
/// off. A side that is offered little works all the same: it answers that a request is too large.
///
/// # Examples
///
/// ```
/// use backend_core::wire::{Limits, Options};
///
/// // For a process that should stay small, and gets files of a few megabytes.
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
    /// The most elements of a message, each number, text or list being one: 2 million by default. An element takes up to
    /// a few hundred bytes of memory when it is decoded.
    pub elements: u64,
    /// The most raw bytes that travel with a message (the content of a file, standard input, output): 256 MiB by default.
    pub body: u64,
    /// The most bytes of unfinished messages that are held at once: 512 MiB by default, each for what comes in, for the files
    /// that go out, and for what commands print. Messages that would exceed it wait for others to be done. At least what one
    /// message may have.
    pub buffered: u64,
    /// How many bytes of a message may come before this side has asked for more: 256 KiB by default; at least 8 KiB. A
    /// connection with a long way needs more of it to be fast.
    pub window: u32,
    /// How many requests may be unanswered at once: 256 by default; at least 2. A caller with more of them waits.
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
    /// Sets the most bytes of unfinished messages that are held at once.
    buffered: u64;
    /// Sets how many bytes of a message may come unasked.
    window: u32;
    /// Sets how many requests may be unanswered at once.
    in_flight: u32;
}

impl Limits {
    /// Returns limits with which a connection works: what is too small for that is raised.
    pub(super) fn sane(&self) -> Self {
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
