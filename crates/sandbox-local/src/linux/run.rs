//! Follows a command to its end: its output as it arrives, its deadline, its output ceiling, and the output left when
//! it has ended.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use backend_core::{ExecStatus, OutputStream};
use tokio::time::{Instant as Moment, sleep_until};

use super::source::{Sink, Sources};
use super::tree::Tree;

/// How long to wait for more output after the last byte, when the command has ended and something that it started still
/// holds its streams.
const DRAIN_IDLE_TIMEOUT: Duration = Duration::from_millis(100);

/// The longest time to keep taking such output, even if it continues.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// When to kill a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunLimits {
    pub(super) deadline: Option<Instant>,
    /// The most bytes that one stream may have.
    pub(super) ceiling: u64,
}

/// Follows a command until it has ended or was killed, and returns its status. `sink` gets all output in order of
/// arrival; `feed` writes the input, and may not finish.
///
/// # Cancellation
///
/// The command keeps running when the future is dropped; the caller must kill the tree.
pub(super) async fn run_to_end(
    tree: &Tree,
    sources: &mut Sources,
    feed: impl Future<Output = ()> + Send,
    limits: RunLimits,
    sink: &mut impl Sink,
) -> ExecStatus {
    let mut sink = CountingSink {
        inner: sink,
        stdout: 0,
        stderr: 0,
        ceiling: limits.ceiling,
        exceeded: false,
    };
    let status = match run_until_exit(tree, sources, feed, limits.deadline, &mut sink).await {
        Some(ended) => {
            drain_after_exit(tree, sources, limits.deadline, &mut sink).await;
            if !sink.exceeded {
                return ended;
            }
            // The last of its output exceeded the ceiling.
            ExecStatus::OutputCeiling
        }
        None if sink.exceeded => ExecStatus::OutputCeiling,
        None => ExecStatus::TimedOut,
    };
    kill_and_drain(tree, sources, &mut sink).await;
    status
}

/// Runs until the command exits on its own, and returns its status; or until there is a reason to kill it, and returns
/// nothing.
async fn run_until_exit<S: Sink>(
    tree: &Tree,
    sources: &mut Sources,
    feed: impl Future<Output = ()> + Send,
    deadline: Option<Instant>,
    sink: &mut CountingSink<'_, S>,
) -> Option<ExecStatus> {
    let mut deadline = pin!(sleep_until_deadline(deadline));
    let mut ended = pin!(tree.ended());
    let mut feed = pin!(feed);
    let mut fed = false;
    while !sink.exceeded {
        tokio::select! {
            status = &mut ended => return Some(status),
            () = &mut deadline => return None,
            () = &mut feed, if !fed => fed = true,
            () = sources.next(sink) => {}
        }
    }
    None
}

/// Takes the remaining output of a command that exited on its own, without waiting for processes that still hold its
/// streams.
async fn drain_after_exit<S: Sink>(
    tree: &Tree,
    sources: &mut Sources,
    deadline: Option<Instant>,
    sink: &mut CountingSink<'_, S>,
) {
    // Everything that the command itself printed has arrived by now.
    sources.drain(sink);
    let last = Moment::now() + DRAIN_TIMEOUT;
    let mut deadline = pin!(sleep_until_deadline(deadline));
    while !sources.ended() && !tree.is_gone() {
        let idle_deadline = last.min(Moment::now() + DRAIN_IDLE_TIMEOUT);
        tokio::select! {
            () = sources.next(sink) => {}
            () = tree.gone() => {}
            () = sleep_until(idle_deadline) => return,
            () = &mut deadline => return,
        }
    }
    sources.drain(sink);
}

/// Kills the tree, and takes its output until it is dead.
async fn kill_and_drain(tree: &Tree, sources: &mut Sources, sink: &mut impl Sink) {
    {
        let mut dead = pin!(tree.kill_and_wait());
        loop {
            tokio::select! {
                _ = &mut dead => break,
                () = sources.next(sink) => {}
            }
        }
    }
    sources.drain(sink);
}

/// Waits for a deadline, forever if there is none.
async fn sleep_until_deadline(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Counts what it passes on.
struct CountingSink<'a, S> {
    inner: &'a mut S,
    stdout: u64,
    stderr: u64,
    ceiling: u64,
    exceeded: bool,
}

impl<S: Sink> Sink for CountingSink<'_, S> {
    fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        let sum = match stream {
            OutputStream::Stderr => &mut self.stderr,
            _ => &mut self.stdout,
        };
        *sum += bytes.len() as u64;
        self.exceeded |= *sum > self.ceiling;
        self.inner.push(stream, bytes);
    }
}
