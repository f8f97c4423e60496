//! The side that provides the files and commands.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::dispatch::{Answer, Served, answer};
use super::failure::Failure;
use super::frame::{Frame, Kind};
use super::hello::{self, Hello};
use super::link::{GOODBYE_TIMEOUT, Handled, Link, Stream};
use super::outbox::Outbox;
use super::reader::FrameReader;
use super::receive::{Receive, Received};
use super::writer::Writer;
use super::{Options, keepalive};
use crate::{Backend, Error, Result, Sandbox};

/// Effectively infinite (about 34 years) without overflowing clocks.
const FAR_FUTURE: Duration = Duration::from_secs(1 << 30);

/// Serves a backend or a sandbox over any number of connections, one per stream.
///
/// # Examples
///
/// ```
/// use backend_core::wire::{Limits, Options, Server};
/// # async fn run(sandbox: impl backend_core::Sandbox, stream: tokio::io::DuplexStream) -> backend_core::Result<()> {
///
/// let server = Server::sandbox(sandbox).options(Options::default().limits(Limits::default().in_flight(32)));
/// server.serve(stream).await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    served: Served,
    options: Options,
}

impl Server {
    /// Makes a server of files and commands.
    pub fn sandbox(sandbox: impl Sandbox) -> Self {
        Self::new(Served::Sandbox(Arc::new(sandbox)))
    }

    /// Makes a server of only files.
    pub fn backend(backend: impl Backend) -> Self {
        Self::new(Served::Backend(Arc::new(backend)))
    }

    fn new(served: Served) -> Self {
        Self {
            served,
            options: Options::default(),
        }
    }

    /// Sets the options of the server.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Serves one connection until the other side closes it, or says goodbye.
    ///
    /// # Errors
    ///
    /// `unavailable` where the connection was lost, was silent for too long, or broke the protocol.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the stream and cancels every pending operation, including commands. Spawned processes keep
    /// running in the sandbox.
    pub async fn serve(
        &self,
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<()> {
        self.serve_until(io, std::future::pending()).await
    }

    /// Serves one connection until it ends, or until `stop` is ready. Then new requests are refused, pending ones have
    /// [`Options::grace`] to finish, and a goodbye is sent.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    ///
    /// # Cancellation
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_until(
        &self,
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        if Handle::try_current().is_err() {
            return Err(Failure::NoRuntime.into());
        }
        match self.run(io, stop).await {
            Ok(()) | Err(Failure::Closed | Failure::Goodbye(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Rejects a connection: the other side receives the reason instead of a hello, and its attempt to connect fails with
    /// it.
    ///
    /// # Errors
    ///
    /// `unavailable` where the reason could not be sent.
    pub async fn refuse(
        &self,
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        reason: &str,
    ) -> Result<()> {
        let told = tokio::time::timeout(self.options.hello_timeout, hello::refuse(io, reason));
        let late = Failure::NoHello(self.options.hello_timeout);
        Ok(told.await.unwrap_or(Err(late))?)
    }

    async fn run(
        &self,
        io: impl AsyncRead + AsyncWrite + Send + Unpin,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Failure> {
        let ours = self.options.limits.clamped();
        let (read, mut write) = tokio::io::split(io);
        let heard = Arc::default();
        let mut reader = FrameReader::new(read, ours.frame, Arc::clone(&heard));
        let theirs = hello::with_hello_timeout(self.options.hello_timeout, async {
            let theirs = Hello::receive(&mut reader).await;
            // A side with another version learns which ones this side supports; a side that speaks another protocol gets no
            // reply.
            if matches!(theirs, Ok(_) | Err(Failure::Version { .. })) {
                let hello = Hello::new(&ours, Some(self.served.describe()));
                hello.send(&mut write).await?;
            }
            theirs
        });
        let theirs = theirs.await?;
        if theirs.serves.is_some() {
            return Err(Failure::violation("a server where a client was expected"));
        }
        let (outbox, queue) = Outbox::new();
        let link = Arc::new(Link::new(ours, theirs.offer, outbox, heard));
        let mut writer = Writer::new(write, Arc::clone(&link), queue);
        let mut session = Session {
            link: Arc::clone(&link),
            served: self.served.clone(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            ids: HashMap::new(),
            ending: false,
        };
        let end = session
            .run(&mut reader, &mut writer, &self.options, stop)
            .await;
        // Operations that still run are of no use to anyone: they are cancelled before the goodbye.
        session.tasks.abort_all();
        let reason = match &end {
            Ok(()) => Some("the server is shutting down".to_owned()),
            Err(failure) => failure.goodbye_reason(),
        };
        if let Some(reason) = reason {
            link.outbox.goodbye(reason);
            // There may be no reader.
            let _ = tokio::time::timeout(GOODBYE_TIMEOUT, writer.run()).await;
        }
        while session.tasks.join_next().await.is_some() {}
        end
    }
}

/// One connection.
struct Session {
    link: Arc<Link>,
    served: Served,
    tasks: JoinSet<()>,
    /// How to cancel running operations, by the id of their request.
    running: HashMap<u64, AbortHandle>,
    /// The request of each task.
    ids: HashMap<Id, u64>,
    /// Whether new requests are refused.
    ending: bool,
}

impl Session {
    async fn run(
        &mut self,
        reader: &mut FrameReader<impl AsyncRead + Unpin + Send>,
        writer: &mut Writer<impl AsyncWrite + Unpin + Send>,
        options: &Options,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Failure> {
        let link = Arc::clone(&self.link);
        let mut writing = pin!(writer.run());
        let mut dead = pin!(keepalive::watch(&link, options.keep_alive));
        let mut stop = pin!(stop);
        let mut grace_end = pin!(tokio::time::sleep(FAR_FUTURE));
        loop {
            if self.ending && self.tasks.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some(done) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    self.reap(done);
                }
                frame = reader.next() => match frame? {
                    Some(frame) => self.handle_frame(frame)?,
                    None => return Err(Failure::Closed),
                },
                end = &mut writing => return end,
                failure = &mut dead => return Err(failure),
                () = &mut stop, if !self.ending => {
                    self.ending = true;
                    grace_end.as_mut().reset(deadline_after(options.grace));
                }
                () = &mut grace_end, if self.ending => return Ok(()),
            }
        }
    }

    fn handle_frame(&mut self, frame: Frame) -> Result<(), Failure> {
        let frame = match self.link.handle(frame)? {
            Handled::Done => return Ok(()),
            Handled::RoleSpecific(frame) => frame,
        };
        match frame.kind {
            Kind::Request => {
                let (id, stream) = self.link.accept(frame)?;
                self.start(id, stream);
                Ok(())
            }
            Kind::Cancel => {
                self.link.find(frame.id, frame.kind)?;
                self.link.forget(frame.id);
                if let Some(task) = self.running.remove(&frame.id) {
                    task.abort();
                }
                Ok(())
            }
            kind => Err(Failure::violation(format!(
                "a {kind:?} frame from a client"
            ))),
        }
    }

    fn start(&mut self, id: u64, stream: Arc<Stream>) {
        let link = Arc::clone(&self.link);
        let served = (!self.ending).then(|| self.served.clone());
        let arrived = Instant::now();
        let task = self.tasks.spawn(async move {
            // The connection itself detects why it fails; there is no one to answer then.
            let _ = serve_one(&link, served, id, &stream, arrived).await;
        });
        self.ids.insert(task.id(), id);
        self.running.insert(id, task);
    }

    /// Forgets a finished task. One that panicked has not answered, so it is answered here.
    fn reap(&mut self, done: Result<(Id, ()), JoinError>) {
        let (task, panicked) = match &done {
            Ok((task, ())) => (*task, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        let Some(id) = self.ids.remove(&task) else {
            return;
        };
        self.running.remove(&id);
        let stream = self.link.find(id, Kind::Request).ok().flatten();
        if let (true, Some(stream)) = (panicked, stream) {
            let link = Arc::clone(&self.link);
            let task = self.tasks.spawn(async move {
                let error = Error::internal(None, "the operation panicked");
                let answer = Answer::error(&link, error);
                let _ = send(&link, id, &stream, answer).await;
            });
            self.ids.insert(task.id(), id);
            self.running.insert(id, task);
        } else {
            self.link.forget(id);
        }
    }
}

/// Returns the moment after a duration, or one far in the future where the clock cannot represent it.
fn deadline_after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now + FAR_FUTURE)
}

/// Receives a request, executes it, and sends the answer.
async fn serve_one(
    link: &Link,
    served: Option<Served>,
    id: u64,
    stream: &Stream,
    arrived: Instant,
) -> Result<(), Arc<Failure>> {
    let Some(served) = served else {
        let error = Error::unavailable("the server is shutting down");
        return send(link, id, stream, Answer::error(link, error)).await;
    };
    let Some(received) = Received::receive(link, id, stream, None).await? else {
        return Ok(());
    };
    let answer = answer(link, &served, received, arrived).await;
    send(link, id, stream, answer).await
}

async fn send(link: &Link, id: u64, stream: &Stream, answer: Answer) -> Result<(), Arc<Failure>> {
    let (first, rest) = answer.message.split_first(link.frame);
    let slot = link.outbox.slot().await.ok_or_else(|| link.failure())?;
    // The id is free before its last frame is written: the other side may rely on that once it has read the frame.
    if rest.left() == 0 {
        link.forget(id);
    }
    slot.send(Frame::new(Kind::Response, id, first));
    link.send_rest(id, &stream.credit, rest, None, || link.forget(id))
        .await?;
    drop(answer.reservation);
    Ok(())
}
