//! Frames waiting to be written: those of messages in turn, and ahead of them the few short control frames.
//!
//! Frames of messages pass through a short queue, to which each message adds one frame at a time: this lets a small request
//! pass a long transfer. Control frames never wait and never pile up: there is one slot for each kind, or one entry for
//! each open request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::{Notify, mpsc};

use super::frame::{Frame, Kind, MAX_GOODBYE_BYTES, put_control};

/// How many frames of messages are queued. More would only delay small requests behind long transfers.
const QUEUE_FRAMES: usize = 8;

/// A slot in the queue.
pub(super) type Slot<'a> = mpsc::Permit<'a, Frame>;

/// The frames waiting to be written.
#[derive(Debug)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Frame>,
    control: Mutex<ControlFrames>,
    changed: Notify,
    /// The writes started and finished, to detect a peer that no longer reads.
    pub(super) started: AtomicU64,
    pub(super) finished: AtomicU64,
}

/// The control frames.
#[derive(Debug, Default)]
struct ControlFrames {
    ping: bool,
    pong: Option<[u8; 8]>,
    credits: BTreeMap<u64, u32>,
    cancels: BTreeSet<u64>,
    goodbye: Option<String>,
}

impl Outbox {
    /// Makes an outbox, and the end of its queue for a writer.
    pub(super) fn new() -> (Self, mpsc::Receiver<Frame>) {
        let (frames, queue) = mpsc::channel(QUEUE_FRAMES);
        let outbox = Self {
            frames,
            control: Mutex::default(),
            changed: Notify::new(),
            started: AtomicU64::new(0),
            finished: AtomicU64::new(0),
        };
        (outbox, queue)
    }

    /// Waits for a slot in the queue; `None` once writing has ended.
    pub(super) async fn slot(&self) -> Option<Slot<'_>> {
        self.frames.reserve().await.ok()
    }

    /// Sends a ping.
    pub(super) fn ping(&self) {
        self.change(|control| control.ping = true);
    }

    /// Answers a ping. Of several unanswered ones, the last is answered.
    pub(super) fn pong(&self, token: [u8; 8]) {
        self.change(|control| control.pong = Some(token));
    }

    /// Gives the other side more credit for a message.
    pub(super) fn credit(&self, id: u64, bytes: u32) {
        self.change(|control| {
            let credit = control.credits.entry(id).or_default();
            *credit = credit.saturating_add(bytes);
        });
    }

    /// Cancels a request on the other side.
    pub(super) fn cancel(&self, id: u64) {
        self.change(|control| {
            control.credits.remove(&id);
            control.cancels.insert(id);
        });
    }

    /// Ends the connection once the queue is written: nothing can follow.
    pub(super) fn goodbye(&self, mut reason: String) {
        let mut cut = reason.len().min(MAX_GOODBYE_BYTES);
        while !reason.is_char_boundary(cut) {
            cut -= 1;
        }
        reason.truncate(cut);
        self.change(|control| {
            control.goodbye.get_or_insert(reason);
        });
    }

    /// Returns the reason of the goodbye, if one is due.
    pub(super) fn pending_goodbye(&self) -> Option<String> {
        self.lock().goodbye.clone()
    }

    /// Appends all control frames that can be sent. `opened` is the highest request that was written: a cancel never
    /// overtakes its request.
    pub(super) fn take_control(&self, opened: u64, to: &mut BytesMut) {
        let mut control = self.lock();
        if std::mem::take(&mut control.ping) {
            put_control(to, Kind::Ping, 0, &[0; 8]);
        }
        if let Some(token) = control.pong.take() {
            put_control(to, Kind::Pong, 0, &token);
        }
        for (id, bytes) in std::mem::take(&mut control.credits) {
            put_control(to, Kind::Credit, id, &bytes.to_be_bytes());
        }
        let later = control.cancels.split_off(&opened.saturating_add(1));
        for id in std::mem::replace(&mut control.cancels, later) {
            put_control(to, Kind::Cancel, id, &[]);
        }
    }

    /// Waits until a control frame or a goodbye may be due.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns how many writes were started, and whether the last one is unfinished.
    pub(super) fn progress(&self) -> (u64, bool) {
        let finished = self.finished.load(Ordering::Acquire);
        let started = self.started.load(Ordering::Acquire);
        (started, started != finished)
    }

    fn change(&self, change: impl FnOnce(&mut ControlFrames)) {
        let mut control = self.lock();
        // Nothing is written after a goodbye, so nothing has to be kept.
        if control.goodbye.is_none() {
            change(&mut control);
        }
        drop(control);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, ControlFrames> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{Kind, Outbox};
    use crate::wire::frame::put_control;

    #[test]
    fn short_frames_are_merged_and_do_not_pile_up() {
        let (outbox, _queue) = Outbox::new();
        for n in 0..1000_u64 {
            outbox.ping();
            outbox.pong(n.to_be_bytes());
            outbox.credit(5, 10);
        }
        let mut want = BytesMut::new();
        put_control(&mut want, Kind::Ping, 0, &[0; 8]);
        put_control(&mut want, Kind::Pong, 0, &999_u64.to_be_bytes());
        put_control(&mut want, Kind::Credit, 5, &10_000_u32.to_be_bytes());
        let mut got = BytesMut::new();
        outbox.take_control(9, &mut got);
        assert_eq!(got, want);
        outbox.take_control(9, &mut got);
        assert_eq!(got, want);
    }

    #[test]
    fn a_cancel_does_not_overtake_its_request() {
        let (outbox, _queue) = Outbox::new();
        outbox.cancel(3);
        outbox.cancel(4);
        let (mut got, mut want) = (BytesMut::new(), BytesMut::new());
        outbox.take_control(3, &mut got);
        put_control(&mut want, Kind::Cancel, 3, &[]);
        assert_eq!(got, want);
        outbox.take_control(4, &mut got);
        put_control(&mut want, Kind::Cancel, 4, &[]);
        assert_eq!(got, want);
    }

    #[test]
    fn a_goodbye_is_cut_at_a_character() {
        let (outbox, _queue) = Outbox::new();
        outbox.goodbye("é".repeat(1000));
        outbox.goodbye("another".to_owned());
        assert_eq!(outbox.pending_goodbye().unwrap(), "é".repeat(512));
    }
}
