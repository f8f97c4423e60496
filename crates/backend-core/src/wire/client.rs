//! The client side: one connection, and the calls on it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::budget::Reservation;
use super::bulk::Bulk;
use super::envelope::{UnpackError, pack, unpack_outcome, unpack_placed};
use super::failure::Failure;
use super::frame::Kind;
use super::hello::{self, Advertised, Hello};
use super::inbox::Lengths;
use super::link::{GOODBYE_TIMEOUT, Handled, Link, Stream, with_timeout};
use super::outbox::Outbox;
use super::reader::{FrameReader, Incoming};
use super::receive::{Placed, Receive, Received};
use super::request::Request;
use super::writer::Writer;
use super::{Options, keepalive};
use crate::{Error, Result};

/// Slots reserved for urgent calls (liveness, signals, stop).
const MAX_URGENT: usize = 32;

/// The longest answer, without its raw bytes, if those have a place reserved: an outcome of a few fields, or an error.
const PLACED_BYTES: u32 = 64 << 10;

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Client {
    link: Arc<Link>,
    pub(super) serves: Advertised,
    call_timeout: Option<Duration>,
    ordinary: Semaphore,
    urgent: Semaphore,
    ended: watch::Receiver<()>,
}

/// A call: the request, and the limits of its answer.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: Request,
    /// The maximum number of raw bytes in the answer.
    pub(super) body: u64,
    /// How long the answer may take in addition to the usual time; `None` is unlimited.
    pub(super) extra: Option<Duration>,
    /// Whether the call may use the slots reserved for urgent calls.
    pub(super) urgent: bool,
}

impl Client {
    /// Sends the hello on a stream, and starts the task that reads and writes it.
    pub(super) async fn connect(
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        options: &Options,
    ) -> Result<Self, Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NoRuntime)?;
        let ours = options.limits.clamped();
        let (read, mut write) = tokio::io::split(io);
        let heard = Arc::default();
        let mut reader = FrameReader::new(read, ours.frame, Arc::clone(&heard));
        let theirs = hello::with_hello_timeout(options.hello_timeout, async {
            let sent = Hello::new(&ours, None).send(&mut write).await;
            // A side that reads nothing may still have said why: an engine that cannot start a guest, for example.
            let heard = Hello::receive(&mut reader).await;
            match (sent, heard) {
                (Ok(()), heard) => heard,
                (Err(lost), Ok(_) | Err(Failure::Closed | Failure::Lost(_))) => Err(lost),
                (Err(_), Err(said)) => Err(said),
            }
        });
        let theirs = theirs.await?;
        let serves = theirs
            .serves
            .ok_or_else(|| Failure::violation("a client where a server was expected"))?;
        let (outbox, queue) = Outbox::new();
        let at_once = usize::try_from(theirs.offer.in_flight.min(1 << 16)).unwrap_or(2);
        let urgent = (at_once / 8).clamp(1, MAX_URGENT);
        let link = Arc::new(Link::new(ours, theirs.offer, outbox, heard));
        let writer = Writer::new(write, Arc::clone(&link), queue);
        let (alive, ended) = watch::channel(());
        let rule = options.keep_alive;
        runtime.spawn({
            let link = Arc::clone(&link);
            async move {
                drive(&link, reader, writer, rule).await;
                drop(alive);
            }
        });
        Ok(Self {
            link,
            serves,
            call_timeout: options.call_timeout,
            ordinary: Semaphore::new(at_once - urgent),
            urgent: Semaphore::new(urgent),
            ended,
        })
    }

    /// Returns the maximum number of raw bytes that the other side accepts with a request.
    pub(super) fn max_request_body(&self) -> u64 {
        self.link.theirs.body
    }

    /// Returns the maximum number of raw bytes that this side accepts with an answer.
    pub(super) fn max_answer_body(&self) -> u64 {
        self.link.ours.body
    }

    /// Reserves memory for answers that are read into a place, for calls of this name.
    pub(super) async fn reserve(&self, bytes: u64, name: &str) -> Result<Reservation> {
        tokio::select! {
            biased;
            reserved = with_timeout(self.call_timeout, self.link.incoming.reserve(bytes)) => {
                reserved.ok_or_else(|| timed_out(name))
            }
            () = self.link.closed() => Err(self.link.failure().to_error()),
        }
    }

    /// Returns the longest message that this side accepts.
    pub(super) fn max_message(&self) -> u64 {
        u64::from(self.link.ours.message)
    }

    /// Returns the error of every call, once the connection has ended.
    pub(super) fn failed(&self) -> Option<Error> {
        self.link.failed().map(|failure| failure.to_error())
    }

    /// Returns whether this process was paused, and the other side has to be asked whether it is still there.
    pub(super) fn needs_probe(&self) -> bool {
        self.link.pause.needs_probe()
    }

    /// Records that the other side was asked after a pause.
    pub(super) fn record_answer(&self) {
        self.link.pause.record_answer();
    }

    /// Ends the connection: sends a goodbye, and fails every call.
    pub(super) fn end(&self) {
        self.link.fail(&Arc::new(Failure::ClosedHere));
        self.link.outbox.goodbye("closed".to_owned());
    }

    /// Waits until the connection is completely closed.
    pub(super) async fn ended(&self) {
        // Nothing is ever sent: the wait ends when the other half is dropped.
        let _ = self.ended.clone().changed().await;
    }

    /// Waits for a free request slot, and returns it; `None` if that takes too long.
    pub(super) async fn acquire_slot(
        &self,
        urgent: bool,
        timeout: Option<Duration>,
    ) -> Result<Option<SemaphorePermit<'_>>> {
        let semaphore = if urgent { &self.urgent } else { &self.ordinary };
        let failed = || self.link.failure().to_error();
        tokio::select! {
            biased;
            permit = with_timeout(timeout, semaphore.acquire()) => {
                // The semaphores are never closed.
                permit.transpose().map_err(|_| failed())
            }
            // Otherwise slots that are held by idle callers would never become free.
            () = self.link.closed() => Err(failed()),
        }
    }

    /// Sends a request, and returns the answer.
    pub(super) async fn call<T: DeserializeOwned + Bulk>(&self, call: Call) -> Result<T> {
        let permit = self.slot_for(&call).await?;
        self.call_now(call, permit).await
    }

    /// Sends a request, and returns the answer and, separately, its raw bytes, which are read directly into `place`: its
    /// capacity is the maximum size of the answer, and that memory has been reserved.
    pub(super) async fn call_into<T: DeserializeOwned>(
        &self,
        call: Call,
        place: BytesMut,
    ) -> Result<(T, BytesMut)> {
        let name = call.request.name();
        let permit = self.slot_for(&call).await?;
        let incoming: Placed = self.exchange(call, Some(place), permit).await?;
        let outcome = unpack_placed(
            &incoming.value,
            incoming.body.len(),
            self.link.ours.elements,
        );
        let value: T = outcome.unwrap_or_else(|error| Err(unreadable(name, error)))?;
        Ok((value, incoming.body))
    }

    /// Waits for a slot for a call.
    async fn slot_for(&self, call: &Call) -> Result<SemaphorePermit<'_>> {
        if let Some(error) = self.failed() {
            return Err(error);
        }
        let timeout = self.answer_timeout(call.extra);
        let permit = self.acquire_slot(call.urgent, timeout).await?;
        permit.ok_or_else(|| timed_out(call.request.name()))
    }

    /// Returns how long an answer may take that takes `extra` longer than others.
    fn answer_timeout(&self, extra: Option<Duration>) -> Option<Duration> {
        match (self.call_timeout, extra) {
            (Some(timeout), Some(extra)) => timeout.checked_add(extra),
            _ => None,
        }
    }

    /// Sends a call once it has a slot.
    pub(super) async fn call_now<T: DeserializeOwned + Bulk>(
        &self,
        call: Call,
        permit: SemaphorePermit<'_>,
    ) -> Result<T> {
        let name = call.request.name();
        let incoming: Received = self.exchange(call, None, permit).await?;
        unpack_outcome(&incoming.value, incoming.body, self.link.ours.elements)
            .unwrap_or_else(|error| Err(unreadable(name, error)))
    }

    /// Sends a request, and receives its answer.
    async fn exchange<A: Receive>(
        &self,
        call: Call,
        place: Option<BytesMut>,
        _permit: SemaphorePermit<'_>,
    ) -> Result<A> {
        let name = call.request.name();
        let link = &*self.link;
        let message = link.ours.message;
        let limits = Lengths {
            // Memory was reserved for the raw bytes, but not for the rest of the message.
            message: place
                .as_ref()
                .map_or(message, |_| message.min(PLACED_BYTES)),
            body: call.body.min(link.ours.body),
        };
        let (first, rest) = pack(call.request, &link.theirs)?.split_first(link.frame);
        let slot = tokio::select! {
            biased;
            slot = link.outbox.slot() => slot,
            () = link.closed() => None,
        };
        let slot = match slot {
            Some(slot) => link.open(slot, first, limits, place),
            None => Err(link.failure()),
        };
        let (id, stream) = slot.map_err(|failure| failure.to_error())?;
        let mut guard = CancelOnDrop {
            link,
            id,
            answered: false,
        };

        // The other side may answer before it has received everything, and then ignores the rest.
        let sent = tokio::select! {
            biased;
            early = stream.inbox.lengths() => early.map(|_| true),
            sent = link.send_rest(id, &stream.credit, rest, self.call_timeout, || {}) => sent,
        };
        let answer = match sent {
            Ok(true) => self.answer(id, &stream, call.extra).await,
            Ok(false) => Ok(None),
            Err(failure) => Err(failure),
        };
        let received = answer
            .map_err(|failure| failure.to_error())?
            .ok_or_else(|| timed_out(name))?;
        guard.answered = true;
        Ok(received)
    }

    async fn answer<A: Receive>(
        &self,
        id: u64,
        stream: &Stream,
        extra: Option<Duration>,
    ) -> Result<Option<A>, Arc<Failure>> {
        match with_timeout(self.answer_timeout(extra), stream.inbox.lengths()).await {
            Some(lengths) => lengths?,
            None => return Ok(None),
        };
        A::receive(&self.link, id, stream, self.call_timeout).await
    }
}

/// Makes the error of an unreadable answer.
fn unreadable(name: &str, error: UnpackError) -> Error {
    Error::unavailable_from(format!("the answer to {name} cannot be read"), error)
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end();
    }
}

/// Returns the error of a call that timed out.
fn timed_out(name: &str) -> Error {
    Error::unavailable(format!("{name} was not answered in time"))
}

/// Cancels a dropped call on the other side too.
struct CancelOnDrop<'a> {
    link: &'a Link,
    id: u64,
    answered: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.link.forget(self.id);
        if !self.answered {
            self.link.outbox.cancel(self.id);
        }
    }
}

/// Reads and writes a connection until it ends.
async fn drive(
    link: &Link,
    mut reader: FrameReader<impl AsyncRead + Unpin + Send>,
    mut writer: Writer<impl AsyncWrite + Unpin + Send>,
    rule: Option<super::KeepAlive>,
) {
    let failure = Arc::new(read_and_write(link, &mut reader, &mut writer, rule).await);
    link.fail(&failure);
    if let Some(reason) = failure.goodbye_reason() {
        link.outbox.goodbye(reason);
        // There may be no receiver.
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT, writer.run()).await;
    }
}

/// Reads and writes a connection, and returns why it ended.
async fn read_and_write(
    link: &Link,
    reader: &mut FrameReader<impl AsyncRead + Unpin + Send>,
    writer: &mut Writer<impl AsyncWrite + Unpin + Send>,
    rule: Option<super::KeepAlive>,
) -> Failure {
    let mut writing = pin!(writer.run());
    let mut dead = pin!(keepalive::watch(link, rule));
    let mut closed = pin!(link.closed());
    loop {
        let incoming = tokio::select! {
            incoming = reader.next_into(link) => incoming,
            // Closed by this side. Data that the other side has not read by then is not waited for.
            () = &mut closed => return Failure::ClosedHere,
            end = &mut writing => return end.err().unwrap_or(Failure::ClosedHere),
            failure = &mut dead => return failure,
        };
        let handled = match incoming {
            Ok(Some(Incoming::Frame(frame))) => link.handle(frame),
            Ok(Some(Incoming::Placed { id, payload })) => {
                link.placed(id, payload).map(|()| Handled::Done)
            }
            Ok(None) => return Failure::Closed,
            Err(failure) => return failure,
        };
        let taken = match handled {
            Ok(Handled::Done) => Ok(()),
            Ok(Handled::RoleSpecific(frame)) if frame.kind == Kind::Response => {
                link.find(frame.id, frame.kind).and_then(|stream| {
                    stream.map_or(Ok(()), |stream| stream.inbox.open(frame.payload))
                })
            }
            Ok(Handled::RoleSpecific(frame)) => {
                let kind = frame.kind;
                Err(Failure::violation(format!(
                    "a {kind:?} frame from a server"
                )))
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = taken {
            return failure;
        }
    }
}
