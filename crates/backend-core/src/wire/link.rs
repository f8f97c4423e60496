//! The shared part of both sides of a connection: the messages in progress, and the frames with the same meaning on both.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

use super::Limits;
use super::budget::Budget;
use super::credit::Credit;
use super::failure::Failure;
use super::frame::{Frame, Header, Kind};
use super::hello::Offer;
use super::inbox::{Inbox, Lengths};
use super::message::Remainder;
use super::outbox::{Outbox, Slot};
use super::pause::PauseDetector;
use super::reader::Places;

/// How long a goodbye may take when a connection ends. A side that does not read it misses it.
pub(super) const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// One side of a connection.
#[derive(Debug)]
pub(super) struct Link {
    /// What this side accepts.
    pub(super) ours: Limits,
    /// What the other side accepts.
    pub(super) theirs: Offer,
    /// The size of a frame.
    pub(super) frame: usize,
    pub(super) outbox: Outbox,
    /// Incoming messages, pending answers, and command output until it is sent. Separate, because a command may take hours,
    /// and nothing else may wait for its end.
    pub(super) incoming: Budget,
    pub(super) outgoing: Budget,
    pub(super) outputs: Budget,
    /// Counts reads that returned data.
    pub(super) heard: Arc<AtomicU64>,
    pub(super) pause: PauseDetector,
    streams: Mutex<Streams>,
    closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Streams {
    open: HashMap<u64, Arc<Stream>>,
    /// The highest id so far. Ids grow by one and are never reused.
    highest: u64,
    failed: Option<Arc<Failure>>,
}

/// One request with its answer: an outgoing message and an incoming one.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) inbox: Inbox,
    pub(super) credit: Credit,
}

/// The result for a frame that may have the same meaning on both sides.
#[derive(Debug)]
pub(super) enum Handled {
    /// It was handled.
    Done,
    /// It is specific to a role.
    RoleSpecific(Frame),
}

impl Link {
    pub(super) fn new(ours: Limits, theirs: Offer, outbox: Outbox, heard: Arc<AtomicU64>) -> Self {
        Self {
            frame: theirs.frame_bytes(&ours),
            outbox,
            incoming: Budget::new(ours.buffered),
            outgoing: Budget::new(ours.buffered),
            outputs: Budget::new(ours.buffered),
            heard,
            pause: PauseDetector::default(),
            streams: Mutex::default(),
            closed: watch::Sender::new(false),
            ours,
            theirs,
        }
    }

    /// Makes a stream whose incoming message has at most these lengths, and whose raw bytes are read into `place`.
    fn stream(&self, limits: Lengths, place: Option<BytesMut>) -> Arc<Stream> {
        Arc::new(Stream {
            inbox: Inbox::new(limits, self.ours.window, place),
            credit: Credit::new(self.theirs.window),
        })
    }

    /// Opens a stream for a request of this side, and queues its first frame. Ids are in the order of the queue. The raw
    /// bytes of the answer are read into `place`, if given.
    pub(super) fn open(
        &self,
        slot: Slot<'_>,
        first: Bytes,
        limits: Lengths,
        place: Option<BytesMut>,
    ) -> Result<(u64, Arc<Stream>), Arc<Failure>> {
        let mut streams = self.lock();
        if let Some(failure) = &streams.failed {
            return Err(Arc::clone(failure));
        }
        streams.highest += 1;
        let id = streams.highest;
        let stream = self.stream(limits, place);
        streams.open.insert(id, Arc::clone(&stream));
        slot.send(Frame::new(Kind::Request, id, first));
        Ok((id, stream))
    }

    /// Accepts a request of the other side.
    pub(super) fn accept(&self, frame: Frame) -> Result<(u64, Arc<Stream>), Failure> {
        let mut streams = self.lock();
        if frame.id <= streams.highest {
            return Err(Failure::violation(format!(
                "request {} after request {}",
                frame.id, streams.highest
            )));
        }
        if streams.open.len() as u64 >= u64::from(self.ours.in_flight) {
            return Err(Failure::violation("more requests at once than are allowed"));
        }
        let limits = Lengths {
            message: self.ours.message,
            body: self.ours.body,
        };
        let stream = self.stream(limits, None);
        stream.inbox.open(frame.payload)?;
        streams.highest = frame.id;
        streams.open.insert(frame.id, Arc::clone(&stream));
        Ok((frame.id, stream))
    }

    /// Forgets a stream. Further frames for it are ignored.
    pub(super) fn forget(&self, id: u64) {
        self.lock().open.remove(&id);
    }

    /// Ends everything: all messages in progress fail, and all later ones.
    pub(super) fn fail(&self, failure: &Arc<Failure>) {
        let open = {
            let mut streams = self.lock();
            streams.failed.get_or_insert_with(|| Arc::clone(failure));
            std::mem::take(&mut streams.open)
        };
        for stream in open.values() {
            stream.inbox.fail(failure);
            stream.credit.fail(failure);
        }
        self.closed.send_replace(true);
    }

    /// Waits until the connection has ended, for waiters on something that only arrives while it lasts.
    pub(super) async fn closed(&self) {
        // It cannot fail: the sender is here.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Returns why the connection ended, or that this side closed it if no reason is known yet.
    pub(super) fn failure(&self) -> Arc<Failure> {
        self.failed()
            .unwrap_or_else(|| Arc::new(Failure::ClosedHere))
    }

    /// Returns why the connection ended, if it did.
    pub(super) fn failed(&self) -> Option<Arc<Failure>> {
        self.lock().failed.clone()
    }

    /// Takes a frame, and handles it if it has the same meaning on both sides.
    pub(super) fn handle(&self, frame: Frame) -> Result<Handled, Failure> {
        match frame.kind {
            Kind::Data => {
                if let Some(stream) = self.find(frame.id, frame.kind)? {
                    stream.inbox.push(frame.payload)?;
                }
            }
            Kind::Credit => {
                if let Some(stream) = self.find(frame.id, frame.kind)? {
                    let bytes = frame.payload.first_chunk().copied().unwrap_or_default();
                    stream.credit.add(u32::from_be_bytes(bytes))?;
                }
            }
            Kind::Ping => {
                let token = frame.payload.first_chunk().copied().unwrap_or_default();
                self.outbox.pong(token);
            }
            Kind::Pong => {}
            Kind::Goodbye => return Err(Failure::goodbye(&frame.payload)),
            Kind::Hello => return Err(Failure::violation("a second hello")),
            Kind::Request | Kind::Response | Kind::Cancel => {
                return Ok(Handled::RoleSpecific(frame));
            }
        }
        Ok(Handled::Done)
    }

    /// Takes a payload that was read into its place.
    pub(super) fn placed(&self, id: u64, payload: BytesMut) -> Result<(), Failure> {
        match self.find(id, Kind::Data)? {
            Some(stream) => stream.inbox.push_placed(payload),
            None => Ok(()),
        }
    }

    /// Returns the stream of a frame. For a closed one it is `None`: its end and the frame crossed on the way.
    pub(super) fn find(&self, id: u64, kind: Kind) -> Result<Option<Arc<Stream>>, Failure> {
        let streams = self.lock();
        if id > streams.highest {
            return Err(Failure::violation(format!(
                "a {kind:?} frame for unknown request {id}"
            )));
        }
        Ok(streams.open.get(&id).cloned())
    }

    /// Sends the rest of a message as credit allows. `last` is called before the last frame is queued.
    ///
    /// `timeout` limits the wait for credit; `Ok(false)` means that it was exceeded.
    pub(super) async fn send_rest(
        &self,
        id: u64,
        credit: &Credit,
        mut rest: Remainder,
        timeout: Option<Duration>,
        last: impl FnOnce(),
    ) -> Result<bool, Arc<Failure>> {
        while rest.left() > 0 {
            let length = rest.left().min(self.frame as u64);
            let Some(taken) = with_timeout(timeout, credit.take(length)).await else {
                return Ok(false);
            };
            taken?;
            let slot = self.outbox.slot().await.ok_or_else(|| self.failure())?;
            let data = rest.take(usize::try_from(length).unwrap_or(self.frame));
            if rest.left() == 0 {
                last();
                slot.send(Frame::new(Kind::Data, id, data));
                break;
            }
            slot.send(Frame::new(Kind::Data, id, data));
        }
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places for Link {
    fn place_for(&self, header: &Header) -> Option<BytesMut> {
        if header.kind != Kind::Data {
            return None;
        }
        let stream = self.lock().open.get(&header.id).cloned()?;
        stream.inbox.place_for(header.length)
    }
}

/// Waits for a future, but no longer than `timeout` if given.
pub(super) async fn with_timeout<T>(
    timeout: Option<Duration>,
    future: impl Future<Output = T> + Send,
) -> Option<T> {
    match timeout {
        Some(timeout) => tokio::time::timeout(timeout, future).await.ok(),
        None => Some(future.await),
    }
}
