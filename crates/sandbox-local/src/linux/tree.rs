//! The host's handle on a command with all its descendants.
//!
//! Between the host and each command stands a supervisor ([`supervise`]): a small process that is the parent of the command
//! and adopts what the command leaves behind. [`hook`] creates it, [`descendants`] finds the descendants, [`message`] is its
//! protocol, and [`sys`] has the system calls.

// Why a process for each command.
//
// The goal: on a timeout, a cancel, or the death of the host, every descendant dies, and is known to be dead: also those
// that called setsid, whose parent has exited, that ignore SIGTERM, that are stopped. But `cmd &` keeps running after a
// command that exited on its own. All that without root, cgroups or namespaces, and without changing the host's own state.
//
// - A process group does not reach processes that left it. A mark in the environment is found by reading all of /proc, and
//   can be dropped by a program.
// - A cgroup or a PID namespace would do it, but needs rights that a process in a container or on a shared machine mostly
//   does not have.
// - The host as a child subreaper adopts everything, but then also gets the orphans of everything else that its program
//   starts. It cannot tell whose they are, and would have to reap them on behalf of other code.
//
// So each command gets a subreaper of its own. Its descendants are exactly the command's tree, and it has no child left
// when, and only when, the whole tree is dead. It is a fork of the host and not a program of its own, because a library has
// no binary to start.
//
// The cost: two forks for each command. A fork copies the page tables: 0.7 ms more than a bare spawn in a small host, and
// about 10 ms for each 100 MB of the host's resident memory. While the supervisor runs, a page that the host changes is kept
// twice. A host with gigabytes should run its sandbox in a small process: that is what the guest binary is for.
//
// The limits: a command runs as the same user, and can kill its supervisor. Then the command itself and its process group
// are killed; processes that left both are not. Processes that another service started for it, such as a service manager or
// a container engine, are not descendants. A program with the set-user-ID bit survives if we may not kill it.

mod descendants;
mod hook;
mod limits;
mod message;
mod procfs;
mod supervise;
mod sys;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backend_core::{ExecStatus, Signal};
use rustix::net::SendFlags;
use rustix::process::{Pid, PidfdFlags, Signal as RawSignal};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::watch;

pub(super) use self::limits::Limits;
use self::message::Message;
use super::oom::OomCounter;

/// How long to wait for a kill before its outcome counts as unknown.
const KILL_WAIT: Duration = Duration::from_secs(5);

/// A command and all its descendants. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Tree {
    control: UnixStream,
    /// Used to continue the supervisor if it was stopped.
    supervisor: Option<OwnedFd>,
    child: Mutex<Option<Child>>,
    /// Taken before it was started.
    oom_counter: OomCounter,
    state: watch::Sender<State>,
}

/// The known state of a tree.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    leader: Option<Pid>,
    /// How the command ended, if it has.
    ended: Option<ExecStatus>,
    /// Nothing is left of it.
    gone: bool,
}

impl Tree {
    /// Starts a command, and returns once its program is executed. Blocks, and must be called within a runtime.
    ///
    /// The descriptors for its standard streams belong to `command`. An error means that the program cannot be run, or a
    /// process cannot be created.
    pub(super) fn start(
        command: Command,
        cwd: OwnedFd,
        terminal: bool,
        limits: Limits,
    ) -> io::Result<Self> {
        Self::start_with_strategy(command, cwd, terminal, limits, None)
    }

    fn start_with_strategy(
        mut command: Command,
        cwd: OwnedFd,
        terminal: bool,
        limits: Limits,
        strategy: Option<descendants::Strategy>,
    ) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let oom_counter = OomCounter::now();
        hook::install(
            &mut command,
            hook::Hook {
                control: theirs.into(),
                cwd,
                terminal,
                limits,
                strategy,
            },
        );
        let child = tokio::process::Command::from(command).spawn()?;
        let supervisor = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self {
            control: UnixStream::from_std(ours)?,
            supervisor: supervisor
                .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()),
            child: Mutex::new(Some(child)),
            oom_counter,
            state: watch::Sender::new(State::default()),
        })
    }

    /// Listens to the supervisor until the tree is gone. Run it once, concurrently with everything else.
    pub(super) async fn watch_supervisor(&self) {
        let reported = self.handle_messages().await;
        if !reported {
            // The supervisor was killed. Its death kills the command; this kills the rest of its process group.
            if let Some(leader) = self.state.borrow().leader {
                let _ = rustix::process::kill_process_group(leader, RawSignal::KILL);
            }
        }
        let child = self
            .child
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut child) = child {
            // Its status is irrelevant, and where the host reaps every process it may be gone already.
            let _: io::Result<ExitStatus> = child.wait().await;
        }
        self.state.send_modify(|state| {
            state.ended.get_or_insert(ExecStatus::Lost);
            state.gone = true;
        });
    }

    /// Handles messages. Returns whether the last one said that the whole tree is gone.
    async fn handle_messages(&self) -> bool {
        let (mut buffer, mut filled) = ([0; message::LENGTH], 0);
        loop {
            if self.control.readable().await.is_err() {
                return false;
            }
            let Some(rest) = buffer.get_mut(filled..) else {
                return false;
            };
            match self.control.try_read(rest) {
                Ok(0) => return false,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            }
            if filled < buffer.len() {
                continue;
            }
            filled = 0;
            match Message::parse(buffer) {
                Some(Message::Started(pid)) => {
                    self.state
                        .send_modify(|state| state.leader = Pid::from_raw(pid));
                }
                Some(Message::Ended(status)) => {
                    let ended = self.oom_counter.explain(status_of(status));
                    self.state.send_modify(|state| state.ended = Some(ended));
                }
                Some(Message::Gone) => return true,
                None => return false,
            }
        }
    }

    /// Returns how the command ended, once it has. Its descendants may still run.
    pub(super) async fn ended(&self) -> ExecStatus {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| state.ended.is_some()).await;
        ended
            .ok()
            .and_then(|state| state.ended)
            .unwrap_or(ExecStatus::Lost)
    }

    /// Returns when nothing is left of it.
    pub(super) async fn gone(&self) {
        let _ = self.state.subscribe().wait_for(|state| state.gone).await;
    }

    /// Returns whether nothing is left of it.
    pub(super) fn is_gone(&self) -> bool {
        self.state.borrow().gone
    }

    /// Kills the whole tree. Needs no runtime, and does not wait.
    pub(super) fn kill(&self) {
        self.ask(RawSignal::KILL);
    }

    /// Kills the whole tree, and waits until it is dead. Returns whether it is known to be.
    pub(super) async fn kill_and_wait(&self) -> bool {
        self.kill();
        tokio::time::timeout(KILL_WAIT, self.gone()).await.is_ok()
    }

    /// Sends a signal to the whole tree. Returns whether a kill succeeded; other signals only ask.
    pub(super) async fn signal(&self, signal: Signal) -> bool {
        match signal {
            Signal::Kill => return self.kill_and_wait().await,
            Signal::Interrupt => self.ask(RawSignal::INT),
            Signal::Hangup => self.ask(RawSignal::HUP),
            _ => self.ask(RawSignal::TERM),
        }
        true
    }

    fn ask(&self, signal: RawSignal) {
        if self.is_gone() {
            return;
        }
        // Bypasses the runtime's readiness tracking, which outside of a runtime says that the socket is not ready.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _ = rustix::net::send(self.control.as_fd(), &[message::request(signal)], flags);
        if let Some(supervisor) = &self.supervisor {
            let _ = rustix::process::pidfd_send_signal(supervisor, RawSignal::CONT);
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Closing the connection asks for the same, but does not reach a stopped supervisor.
        self.kill();
    }
}

fn status_of(raw: i32) -> ExecStatus {
    use std::os::unix::process::ExitStatusExt;

    let status = ExitStatus::from_raw(raw);
    match (status.code(), status.signal()) {
        (Some(code), _) => ExecStatus::Exited(code),
        (None, Some(signal)) => ExecStatus::Signaled(signal),
        (None, None) => ExecStatus::Lost,
    }
}

#[cfg(test)]
mod tests;
