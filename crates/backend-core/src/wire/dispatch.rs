//! Executes a request of the other side on the served backend or sandbox.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::budget::Reservation;
use super::bulk::Bulk;
use super::envelope::{pack_outcome, unpack};
use super::hello::Advertised;
use super::link::{Link, with_timeout};
use super::message::Message;
use super::receive::Received;
use super::request::Request;
use crate::{
    Backend, Capabilities, Captured, Content, Error, ExecOutput, ExecRequest, ExecStatus,
    ReadBytesRequest, ReadRequest, Result, Sandbox,
};

/// Answers up to this size are not accounted for: there are at most as many as concurrent requests.
const UNBUDGETED_BYTES: u64 = 1 << 20;

/// How often to try to read a growing file as a whole.
const MAX_READ_TRIES: usize = 3;

/// The served workspace.
#[derive(Clone, Debug)]
pub(super) enum Served {
    Backend(Arc<dyn Backend>),
    Sandbox(Arc<dyn Sandbox>),
}

impl Served {
    /// Returns its description for the hello.
    pub(super) fn describe(&self) -> Advertised {
        match self {
            Self::Backend(backend) => Advertised {
                capabilities: Capabilities {
                    executes: false,
                    processes: false,
                    pty: false,
                    ..backend.capabilities()
                },
                work_dir: backend.work_dir(),
                sandbox: None,
            },
            Self::Sandbox(sandbox) => Advertised {
                capabilities: sandbox.capabilities(),
                work_dir: sandbox.work_dir(),
                sandbox: Some(sandbox.id().clone()),
            },
        }
    }

    fn backend(&self) -> &dyn Backend {
        match self {
            Self::Backend(backend) => &**backend,
            Self::Sandbox(sandbox) => &**sandbox,
        }
    }

    fn sandbox(&self) -> Result<&dyn Sandbox> {
        match self {
            Self::Sandbox(sandbox) => Ok(&**sandbox),
            Self::Backend(_) => Err(Error::unsupported(
                "commands: the other side serves only files",
            )),
        }
    }
}

/// An answer, and the memory reserved for it until it is sent.
pub(super) struct Answer {
    pub(super) message: Message,
    pub(super) reservation: Reservation,
}

impl Answer {
    fn of<T: Serialize + Bulk>(link: &Link, outcome: Result<T>) -> Self {
        let packed = pack_outcome(outcome, &link.theirs);
        let message = packed.unwrap_or_else(|error| {
            // An error without a path is never too long for a message.
            pack_outcome::<()>(Err(error), &link.theirs).unwrap_or_default()
        });
        Self {
            message,
            reservation: None,
        }
    }

    /// Makes the answer to a rejected request.
    pub(super) fn error(link: &Link, error: Error) -> Self {
        Self::of::<()>(link, Err(error))
    }
}

/// Executes the request of a message. `arrived` is when its first byte did.
pub(super) async fn answer(
    link: &Link,
    served: &Served,
    received: Received,
    arrived: Instant,
) -> Answer {
    let Received {
        value,
        body,
        reservation,
    } = received;
    let request = match unpack::<Request>(&value, body, link.ours.elements) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("the request cannot be read: {error}");
            return Answer::error(link, Error::invalid_request(message));
        }
    };
    drop(value);
    let answer = call_backend(link, served.backend(), request).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(request) => match served.sandbox() {
            Ok(sandbox) => call_sandbox(link, sandbox, request, arrived).await,
            Err(error) => Answer::error(link, error),
        },
    };
    drop(reservation);
    answer
}

/// Executes an operation on files, or returns the request.
async fn call_backend(
    link: &Link,
    files: &dyn Backend,
    request: Request,
) -> Result<Answer, Request> {
    Ok(match request {
        Request::Stat(request) => Answer::of(link, files.stat_with(&request).await),
        Request::Resolve(request) => Answer::of(link, files.resolve_with(&request).await),
        Request::Ls(request) => Answer::of(link, files.ls_with(&request).await),
        Request::Read(request) => {
            let request = limit_page(link, request);
            Answer::of(link, files.read_with(&request).await)
        }
        Request::ReadMany(requests) => {
            let requests: Vec<ReadRequest> = requests
                .into_iter()
                .map(|request| limit_page(link, request))
                .collect();
            Answer::of(link, Ok(files.read_many_with(&requests).await))
        }
        Request::ReadBytes(request) => {
            let (content, reservation) = read_bytes(link, files, request).await;
            Answer {
                reservation,
                ..Answer::of(link, content)
            }
        }
        Request::Write(request) => Answer::of(link, files.write_with(&request).await),
        Request::WriteMany(requests) => {
            Answer::of(link, Ok(files.write_many_with(&requests).await))
        }
        Request::Edit(request) => Answer::of(link, files.edit_with(&request).await),
        Request::Delete(request) => Answer::of(link, files.delete_with(&request).await),
        Request::Rename(request) => Answer::of(link, files.rename_with(&request).await),
        Request::Mkdir(request) => Answer::of(link, files.mkdir_with(&request).await),
        Request::Glob(request) => Answer::of(link, files.glob_with(&request).await),
        Request::Grep(request) => Answer::of(link, files.grep_with(&request).await),
        other => return Err(other),
    })
}

/// Executes an operation on commands.
async fn call_sandbox(
    link: &Link,
    sandbox: &dyn Sandbox,
    request: Request,
    arrived: Instant,
) -> Answer {
    match request {
        Request::Liveness => Answer::of(link, Ok(sandbox.liveness().await)),
        Request::Execute(request) => {
            let (output, reservation) = execute(link, sandbox, request, arrived).await;
            Answer {
                reservation,
                ..Answer::of(link, output)
            }
        }
        Request::Spawn(request) => Answer::of(link, sandbox.spawn_with(&request).await),
        Request::Processes => Answer::of(link, sandbox.processes().await),
        Request::ReadOutput(mut request) => {
            request.limit = request.limit.min(to_usize(link.theirs.body));
            Answer::of(link, sandbox.read_output(&request).await)
        }
        Request::WriteStdin(request) => Answer::of(link, sandbox.write_stdin(&request).await),
        Request::Signal { process, signal } => {
            Answer::of(link, sandbox.signal(&process, signal).await)
        }
        Request::Resize { process, size } => Answer::of(link, sandbox.resize(&process, size).await),
        Request::Stop => Answer::of(link, sandbox.stop().await),
        // All others are operations on files.
        other => {
            let message = format!("{} is not an operation on commands", other.name());
            Answer::error(link, Error::invalid_request(message))
        }
    }
}

/// Ends a page at the limit of a message. The page then says where to continue.
fn limit_page(link: &Link, mut request: ReadRequest) -> ReadRequest {
    let most = to_usize(u64::from(link.theirs.message) / 2);
    request.page_bytes = request.page_bytes.min(most);
    request.line_bytes = request.line_bytes.min(most);
    request
}

/// Reads a file; a large one only when there is room for it among the other pending answers.
async fn read_bytes(
    link: &Link,
    files: &dyn Backend,
    mut request: ReadBytesRequest,
) -> (Result<Content>, Reservation) {
    let most = request.limit.min(link.theirs.body);
    let mut reservation = None;
    request.limit = most.min(UNBUDGETED_BYTES);
    for _ in 0..MAX_READ_TRIES {
        let (path, size) = match files.read_bytes_with(&request).await {
            Err(Error::TooLarge { path, size, .. }) => (path, size),
            outcome => return (outcome, reservation),
        };
        if size > most || request.limit >= size {
            let error = Error::TooLarge {
                path,
                size,
                limit: most,
            };
            return (Err(error), None);
        }
        drop(reservation.take());
        reservation = link.outgoing.reserve(size).await;
        request.limit = size;
    }
    let reason = "it grew while it was read";
    (Err(Error::conflict(&request.path, reason, None)), None)
}

/// Runs a command. Its time limit started when the request arrived, not when the last byte of its input did.
async fn execute(
    link: &Link,
    sandbox: &dyn Sandbox,
    mut request: ExecRequest,
    arrived: Instant,
) -> (Result<ExecOutput>, Reservation) {
    request.output_bytes = request.output_bytes.min(to_usize(link.theirs.body / 2));
    let kept = 2 * request.output_bytes as u64;
    let mut reservation = None;
    if kept > 4 * UNBUDGETED_BYTES {
        let most = request.timeout.filter(|timeout| !timeout.is_zero());
        let left = most.map(|most| most.saturating_sub(arrived.elapsed()));
        match with_timeout(left, link.outputs.reserve(kept)).await {
            Some(reserved) => reservation = reserved,
            None => return (Ok(timed_out(arrived.elapsed())), None),
        }
    }
    let waited = arrived.elapsed();
    match subtract_elapsed(&mut request, waited) {
        Some(()) => {
            let outcome = sandbox.execute_with(&request).await.map(|mut output| {
                output.elapsed = output.elapsed.saturating_add(waited);
                output
            });
            (outcome, reservation)
        }
        None => (Ok(timed_out(waited)), None),
    }
}

/// Subtracts the elapsed time from the timeout of a request. Returns `None` if none is left.
pub(super) fn subtract_elapsed(request: &mut ExecRequest, passed: Duration) -> Option<()> {
    // A timeout of zero is an error that the sandbox reports; one that was used up is not.
    if let Some(timeout) = request.timeout.filter(|timeout| !timeout.is_zero()) {
        let left = timeout.checked_sub(passed).filter(|left| !left.is_zero())?;
        request.timeout = Some(left);
    }
    Some(())
}

/// Returns the outcome of a command that timed out before it could be started.
pub(super) fn timed_out(elapsed: Duration) -> ExecOutput {
    let (stdout, stderr) = (Captured::default(), Captured::default());
    ExecOutput::new(ExecStatus::TimedOut, stdout, stderr, elapsed)
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
