//! A command with all processes that come from it, as the host holds it.
//!
//! Between the host and each command stands a supervisor ([`supervise`]): a small process that is the parent of the
//! command and adopts what the command leaves behind. [`hook`] makes it, [`family`] finds the descendants, [`message`] is
//! what it says, and [`sys`] has the system calls.

// Why a process for each command.
//
// What is wanted: on a timeout, a cancel, or the death of the host, every descendant dies, and it is known that it did:
// those that called setsid, whose parent has exited, that ignore SIGTERM, that are stopped. And `cmd &` lives on after a
// command that ended by itself. No root, no cgroup, no namespace, and nothing of the host's own state changed.
//
// - A process group reaches none that left it. A mark in the environment is found by reading all of /proc, and can be
//   dropped by a program.
// - A cgroup or a PID namespace would do it, but needs rights that a process in a container or on a shared machine mostly
//   does not have.
// - The host as a child subreaper adopts everything, but it then gets the orphans of all else that its program starts, of
//   which it cannot tell whose they are, and which it would have to reap in somebody else's place.
//
// So each command gets a subreaper of its own. What descends from it is exactly the command's tree, and it has no child any
// more when, and only when, all of the tree is dead. It is a fork of the host and not a program of its own, because a
// library has no binary to start.
//
// What that costs: two forks for each command. A fork copies the page tables: 0.7 ms more than a bare spawn in a small host,
// and about 10 ms for each 100 MB that the host has resident. While the supervisor lives, a page that the host changes is
// kept twice. A host with gigabytes does better to run its sandbox in a small process: that is what the guest binary is.
//
// What it does not hold: a command runs as the same user, and can kill its supervisor. Then the command itself dies, and
// its process group; what has left both does not. Processes that somebody else started for it, such as a service manager
// or a container engine, are nobody's descendants here. A program with the set-user-ID bit runs on if we may not kill it.

mod family;
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
use super::oom::Toll;

/// How long a kill may take until its outcome counts as unknown.
const KILL_WAIT: Duration = Duration::from_secs(5);

/// A command and all that comes from it. It dies when this is dropped.
#[derive(Debug)]
pub(super) struct Tree {
    control: UnixStream,
    /// By which the supervisor is continued if somebody has stopped it.
    supervisor: Option<OwnedFd>,
    child: Mutex<Option<Child>>,
    /// From before it was started.
    toll: Toll,
    state: watch::Sender<State>,
}

/// What is known of a tree.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    leader: Option<Pid>,
    /// How the command ended, if it has.
    ended: Option<ExecStatus>,
    /// Nothing is left of it.
    gone: bool,
}

impl Tree {
    /// Starts a command, and returns when it has become its program. It blocks, and needs a runtime around it.
    ///
    /// The descriptors for its standard streams belong to `command`. An error is one of the program that cannot be run,
    /// or of a process that cannot be made.
    pub(super) fn start(
        command: Command,
        cwd: OwnedFd,
        terminal: bool,
        limits: Limits,
    ) -> io::Result<Self> {
        Self::start_in_way(command, cwd, terminal, limits, None)
    }

    fn start_in_way(
        mut command: Command,
        cwd: OwnedFd,
        terminal: bool,
        limits: Limits,
        way: Option<family::Way>,
    ) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let toll = Toll::now();
        hook::install(
            &mut command,
            hook::Hook {
                control: theirs.into(),
                cwd,
                terminal,
                limits,
                way,
            },
        );
        let child = tokio::process::Command::from(command).spawn()?;
        let supervisor = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self {
            control: UnixStream::from_std(ours)?,
            supervisor: supervisor
                .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()),
            child: Mutex::new(Some(child)),
            toll,
            state: watch::Sender::new(State::default()),
        })
    }

    /// Listens to the supervisor until the tree is gone. To be run once, and beside everything else.
    pub(super) async fn attend(&self) {
        let told = self.listen().await;
        if !told {
            // The supervisor was killed. Its death kills the command, and this kills who is still in its group.
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
            // How it ended says nothing, and where the host reaps every process it may be gone already.
            let _: io::Result<ExitStatus> = child.wait().await;
        }
        self.state.send_modify(|state| {
            state.ended.get_or_insert(ExecStatus::Lost);
            state.gone = true;
        });
    }

    /// Takes messages. Returns whether the last one was that all are gone.
    async fn listen(&self) -> bool {
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
                    let ended = self.toll.explain(status_of(status));
                    self.state.send_modify(|state| state.ended = Some(ended));
                }
                Some(Message::Gone) => return true,
                None => return false,
            }
        }
    }

    /// Returns how the command ended, once it has. What it started may live on.
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

    /// Has all of it killed. It needs no runtime, and does not wait.
    pub(super) fn kill(&self) {
        self.ask(RawSignal::KILL);
    }

    /// Has all of it killed, and waits until it is dead. Returns whether it is known to be.
    pub(super) async fn kill_and_wait(&self) -> bool {
        self.kill();
        tokio::time::timeout(KILL_WAIT, self.gone()).await.is_ok()
    }

    /// Sends a signal to all of it. Returns whether a kill succeeded; other signals only ask.
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
        // Past the runtime's bookkeeping, which outside of a runtime says that the socket is not ready.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _ = rustix::net::send(self.control.as_fd(), &[message::request(signal)], flags);
        if let Some(supervisor) = &self.supervisor {
            let _ = rustix::process::pidfd_send_signal(supervisor, RawSignal::CONT);
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The end of the connection says it too, but not to a supervisor that is stopped.
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
