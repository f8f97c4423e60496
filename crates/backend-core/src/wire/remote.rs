//! The workspace at the other end of a connection, as a backend and a sandbox.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::Options;
use super::bulk::Bulk;
use super::client::{Call, Client};
use super::dispatch::{subtract_elapsed, timed_out};
use super::request::Request;
use crate::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, Error,
    ExecOutput, ExecRequest, GlobRequest, GrepRequest, Grepped, Liveness, LsRequest, MadeDirectory,
    MkdirRequest, OutputRequest, Page, ProcessId, ProcessInfo, ProcessOutput, ReadBytesRequest,
    ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result, Sandbox, SandboxId,
    Signal, StatRequest, StdinRequest, TerminalSize, TextPage, VirtualPath, WriteRequest, Written,
};

mod batch;
mod large;

/// Tolerance for an answer larger than requested: a sandbox that counts slightly differently is not a reason to end a
/// connection.
const TOLERATED_BYTES: u64 = 64 << 10;

/// How long the other side has to answer after a pause.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// A workspace at the other end of a connection.
///
/// It is a [`Backend`] and a [`Sandbox`]. If the other side serves only files, every operation on commands answers
/// `unsupported`, and the id of the sandbox is `files`. Clones share the connection, which ends when the last one is
/// dropped.
///
/// Once the connection has ended, every call, including pending ones, answers `unavailable`, immediately and permanently.
///
/// # Cancellation
///
/// Dropping a call cancels the operation on the other side, and kills a command with everything it started.
///
/// # Security
///
/// The other side is not trusted: it is held to [`Limits`](super::Limits), and an answer that is larger than requested ends
/// the connection. The content of an answer is still under the other side's control.
#[derive(Clone)]
pub struct Remote {
    client: Arc<Client>,
    id: SandboxId,
    /// Whether the sandbox was stopped through this connection.
    stopped: Arc<AtomicBool>,
}

impl Remote {
    pub(super) async fn connect(
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        options: &Options,
    ) -> Result<Self> {
        let client = Client::connect(io, options).await?;
        let id = match &client.serves.sandbox {
            Some(id) => id.clone(),
            None => SandboxId::parse("files")?,
        };
        Ok(Self {
            client: Arc::new(client),
            id,
            stopped: Arc::default(),
        })
    }

    /// Returns whether the other side serves commands too.
    pub fn is_sandbox(&self) -> bool {
        self.client.serves.sandbox.is_some()
    }

    /// Ends the connection, for all clones: sends a goodbye and waits until the stream is closed.
    pub async fn close(&self) {
        self.client.end();
        self.client.ended().await;
    }

    /// Waits until the connection has ended, and returns the error of all later calls.
    pub async fn closed(&self) -> Error {
        self.client.ended().await;
        self.client
            .failed()
            .unwrap_or(Error::unavailable("the connection ended"))
    }

    /// Waits until the connection can be expected to carry a request. It returns at once, except after a pause of this
    /// process, by a signal or with its machine: the other side may have given up the connection meanwhile, so it is asked
    /// first. A request that is only then sent does not end with an unknown outcome.
    ///
    /// # Errors
    ///
    /// `unavailable` if the connection has ended.
    pub async fn ready(&self) -> Result<()> {
        if self.client.needs_probe() {
            // A side that is only slow gets the request, and has the usual time for it.
            let _ = tokio::time::timeout(PROBE_TIMEOUT, self.liveness()).await;
            self.client.record_answer();
        }
        self.client.failed().map_or(Ok(()), Err)
    }

    /// Returns whether the connection has ended, so that every call on it fails. Unlike [`closed`](Self::closed) it does
    /// not wait for the goodbye to be sent.
    pub fn is_closed(&self) -> bool {
        self.client.failed().is_some()
    }

    /// Sends a request that is answered quickly.
    async fn call<T: DeserializeOwned + Bulk>(&self, request: Request) -> Result<T> {
        self.call_with(request, Some(Duration::ZERO), 0).await
    }

    /// Sends a request that may take as long as it specifies.
    async fn call_with<T: DeserializeOwned + Bulk>(
        &self,
        request: Request,
        extra: Option<Duration>,
        body: u64,
    ) -> Result<T> {
        let call = Call {
            request,
            body,
            extra,
            urgent: false,
        };
        self.client.call(call).await
    }

    /// Sends an urgent request.
    async fn call_urgent<T: DeserializeOwned + Bulk>(&self, request: Request) -> Result<T> {
        let call = Call {
            request,
            body: 0,
            extra: Some(Duration::ZERO),
            urgent: true,
        };
        self.client.call(call).await
    }

    /// Rejects a call about commands if the other side serves none.
    fn require_commands(&self) -> Result<()> {
        if let Some(error) = self.client.failed() {
            Err(error)
        } else if self.is_sandbox() {
            Ok(())
        } else {
            Err(Error::unsupported(
                "commands: the other side serves only files",
            ))
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("id", &self.id)
            .field("serves", &self.client.serves)
            .field("failed", &self.client.failed())
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for Remote {
    fn capabilities(&self) -> Capabilities {
        self.client.serves.capabilities
    }

    fn work_dir(&self) -> VirtualPath {
        self.client.serves.work_dir.clone()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.call(Request::Stat(request.clone())).await
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        self.call(Request::Resolve(request.clone())).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.call(Request::Ls(request.clone())).await
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        self.call(Request::Read(request.clone())).await
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        large::read_bytes(self, request).await
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        batch::fits(&self.client, request)?;
        self.call(Request::Write(request.clone())).await
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        self.call(Request::Edit(request.clone())).await
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        self.call(Request::Delete(request.clone())).await
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        self.call(Request::Rename(request.clone())).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.call(Request::Mkdir(request.clone())).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let extra = request.timeout.unwrap_or_default();
        self.call_with(Request::Glob(request.clone()), Some(extra), 0)
            .await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        let extra = request.timeout.unwrap_or_default();
        self.call_with(Request::Grep(request.clone()), Some(extra), 0)
            .await
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        batch::read_many(self, requests).await
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        batch::write_many(self, requests).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sandbox for Remote {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    /// Returns the answer of the other side. One that is too old to know the question is alive, since it answers. A
    /// connection that ended says nothing about the sandbox, unless it was stopped through this connection.
    async fn liveness(&self) -> Liveness {
        let answer = if self.is_sandbox() {
            self.call_urgent(Request::Liveness).await
        } else {
            // A server of only files is alive as long as it answers anything.
            self.call_urgent::<Entry>(Request::Stat(StatRequest::new(crate::VirtualPath::root())))
                .await
                .map(|_| Liveness::Alive)
        };
        match answer {
            Ok(liveness) => liveness,
            Err(_) if self.stopped.load(Ordering::Relaxed) => Liveness::gone("it was stopped"),
            // Only the other side says this of a request without parameters: an older one, that cannot read it.
            Err(Error::InvalidRequest { .. }) => Liveness::Alive,
            Err(error) => Liveness::unknown(error.to_string()),
        }
    }

    async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
        self.require_commands()?;
        let started = Instant::now();
        // The command's time limit includes the wait for a slot. A zero limit is an error that the other side reports.
        let most = request.timeout.filter(|timeout| !timeout.is_zero());
        let Some(permit) = self.client.acquire_slot(false, most).await? else {
            return Ok(timed_out(started.elapsed()));
        };
        let mut request = request.clone();
        let waited = started.elapsed();
        if subtract_elapsed(&mut request, waited).is_none() {
            return Ok(timed_out(waited));
        }
        let call = Call {
            body: 2_u64
                .saturating_mul(request.output_bytes as u64)
                .saturating_add(TOLERATED_BYTES),
            extra: request.timeout,
            request: Request::Execute(request),
            urgent: false,
        };
        let mut output: ExecOutput = self.client.call_now(call, permit).await?;
        output.elapsed = output.elapsed.saturating_add(waited);
        Ok(output)
    }

    async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
        self.require_commands()?;
        self.call(Request::Spawn(request.clone())).await
    }

    async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        self.require_commands()?;
        self.call_urgent(Request::Processes).await
    }

    async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
        self.require_commands()?;
        let (wait, body) = (
            request.wait,
            (request.limit as u64).saturating_add(TOLERATED_BYTES),
        );
        self.call_with(Request::ReadOutput(request.clone()), Some(wait), body)
            .await
    }

    async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
        self.require_commands()?;
        // A process may take its time to read its input.
        self.call_with(Request::WriteStdin(request.clone()), None, 0)
            .await
    }

    async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
        self.require_commands()?;
        let process = process.clone();
        self.call_urgent(Request::Signal { process, signal }).await
    }

    async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
        self.require_commands()?;
        let process = process.clone();
        self.call_urgent(Request::Resize { process, size }).await
    }

    async fn stop(&self) -> Result<()> {
        self.require_commands()?;
        let stopped = self.call_urgent(Request::Stop).await;
        if stopped.is_ok() {
            self.stopped.store(true, Ordering::Relaxed);
        }
        stopped
    }
}
