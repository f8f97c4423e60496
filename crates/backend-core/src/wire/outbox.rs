//! What waits to be written: frames of messages in their turn, and before them the few short frames that keep a
//! connection going.
//!
//! Frames of messages come through a short queue, in which everybody waits their turn with one frame each: that is what
//! lets a small request pass beside a long transfer. The short frames never wait and never pile up: there is one slot
//! for each kind, or one entry for each open request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::{Notify, mpsc};

use super::frame::{Frame, Kind, MAX_GOODBYE_BYTES, put_short};

/// How many frames of messages wait to be written. More would only make small requests wait behind long transfers.
const QUEUE: usize = 8;

/// A place in the queue.
pub(super) type Slot<'a> = mpsc::Permit<'a, Frame>;

/// What waits to be written.
#[derive(Debug)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Frame>,
    short: Mutex<Short>,
    changed: Notify,
    /// Writes that were started and finished, for whoever asks if the other side still takes what it is sent.
    pub(super) started: AtomicU64,
    pub(super) finished: AtomicU64,
}

/// The short frames.
#[derive(Debug, Default)]
struct Short {
    ping: bool,
    pong: Option<[u8; 8]>,
    credits: BTreeMap<u64, u32>,
    cancels: BTreeSet<u64>,
    goodbye: Option<String>,
}

impl Outbox {
    /// Makes an outbox, and the end of its queue that a writer reads.
    pub(super) fn new() -> (Self, mpsc::Receiver<Frame>) {
        let (frames, queue) = mpsc::channel(QUEUE);
        let outbox = Self {
            frames,
            short: Mutex::default(),
            changed: Notify::new(),
            started: AtomicU64::new(0),
            finished: AtomicU64::new(0),
        };
        (outbox, queue)
    }

    /// Waits for a place in the queue; `None` once nothing is written any more.
    pub(super) async fn slot(&self) -> Option<Slot<'_>> {
        self.frames.reserve().await.ok()
    }

    /// Asks the other side for a sign of life.
    pub(super) fn ping(&self) {
        self.change(|short| short.ping = true);
    }

    /// Answers a ping. Of several that could not be answered yet, the last one is.
    pub(super) fn pong(&self, token: [u8; 8]) {
        self.change(|short| short.pong = Some(token));
    }

    /// Allows the other side more of a message.
    pub(super) fn credit(&self, id: u64, bytes: u32) {
        self.change(|short| {
            let credit = short.credits.entry(id).or_default();
            *credit = credit.saturating_add(bytes);
        });
    }

    /// Tells the other side that nobody waits for the answer any more.
    pub(super) fn cancel(&self, id: u64) {
        self.change(|short| {
            short.credits.remove(&id);
            short.cancels.insert(id);
        });
    }

    /// Ends the connection once the queue is written: nothing can follow.
    pub(super) fn goodbye(&self, mut reason: String) {
        let mut cut = reason.len().min(MAX_GOODBYE_BYTES);
        while !reason.is_char_boundary(cut) {
            cut -= 1;
        }
        reason.truncate(cut);
        self.change(|short| {
            short.goodbye.get_or_insert(reason);
        });
    }

    /// Returns the reason of the goodbye, if there is to be one.
    pub(super) fn is_ending(&self) -> Option<String> {
        self.lock().goodbye.clone()
    }

    /// Appends all short frames that can be sent. `opened` is the highest request that was written: a cancel does not
    /// overtake the request that it is about.
    pub(super) fn take_short(&self, opened: u64, to: &mut BytesMut) {
        let mut short = self.lock();
        if std::mem::take(&mut short.ping) {
            put_short(to, Kind::Ping, 0, &[0; 8]);
        }
        if let Some(token) = short.pong.take() {
            put_short(to, Kind::Pong, 0, &token);
        }
        for (id, bytes) in std::mem::take(&mut short.credits) {
            put_short(to, Kind::Credit, id, &bytes.to_be_bytes());
        }
        let later = short.cancels.split_off(&opened.saturating_add(1));
        for id in std::mem::replace(&mut short.cancels, later) {
            put_short(to, Kind::Cancel, id, &[]);
        }
    }

    /// Waits until there may be a short frame or a goodbye.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns how many writes were started, and whether the last one is not finished.
    pub(super) fn progress(&self) -> (u64, bool) {
        let finished = self.finished.load(Ordering::Acquire);
        let started = self.started.load(Ordering::Acquire);
        (started, started != finished)
    }

    fn change(&self, change: impl FnOnce(&mut Short)) {
        let mut short = self.lock();
        // Nothing is written after a goodbye, so nothing need be kept.
        if short.goodbye.is_none() {
            change(&mut short);
        }
        drop(short);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Short> {
        self.short.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{Kind, Outbox};
    use crate::wire::frame::put_short;

    #[test]
    fn short_frames_are_merged_and_do_not_pile_up() {
        let (outbox, _queue) = Outbox::new();
        for n in 0..1000_u64 {
            outbox.ping();
            outbox.pong(n.to_be_bytes());
            outbox.credit(5, 10);
        }
        let mut want = BytesMut::new();
        put_short(&mut want, Kind::Ping, 0, &[0; 8]);
        put_short(&mut want, Kind::Pong, 0, &999_u64.to_be_bytes());
        put_short(&mut want, Kind::Credit, 5, &10_000_u32.to_be_bytes());
        let mut got = BytesMut::new();
        outbox.take_short(9, &mut got);
        assert_eq!(got, want);
        outbox.take_short(9, &mut got);
        assert_eq!(got, want);
    }

    #[test]
    fn a_cancel_does_not_overtake_its_request() {
        let (outbox, _queue) = Outbox::new();
        outbox.cancel(3);
        outbox.cancel(4);
        let (mut got, mut want) = (BytesMut::new(), BytesMut::new());
        outbox.take_short(3, &mut got);
        put_short(&mut want, Kind::Cancel, 3, &[]);
        assert_eq!(got, want);
        outbox.take_short(4, &mut got);
        put_short(&mut want, Kind::Cancel, 4, &[]);
        assert_eq!(got, want);
    }

    #[test]
    fn a_goodbye_is_cut_at_a_character() {
        let (outbox, _queue) = Outbox::new();
        outbox.goodbye("é".repeat(1000));
        outbox.goodbye("another".to_owned());
        assert_eq!(outbox.is_ending().unwrap(), "é".repeat(512));
    }
}
