//! The supervisor: a process between the host and one command, which adopts and reaps everything that the command leaves
//! behind, reports to the host what ends, and kills everything when asked, or when the host is gone.
//!
//! It is a copy of the host that never executes another program. So it only makes system calls and uses its stack: no
//! allocation, no lock, no panic.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::{Pid, Signal, WaitOptions};

use super::descendants::{Descendants, Strategy};
use super::message::{Message, parse_request};
use super::sys;

/// Initial backoff, in milliseconds, before the next pass of a kill.
const MIN_BACKOFF_MS: i64 = 5;

/// Maximum backoff. A process that survives this long is stuck in the kernel or not ours.
const MAX_BACKOFF_MS: i64 = 100;

/// Looks after a command until nothing of it is left, then exits.
pub(super) fn supervise(
    control: BorrowedFd<'_>,
    host: Option<Pid>,
    leader: Pid,
    strategy: Option<Strategy>,
) -> ! {
    sys::close_all_but(control);
    // So that it keeps no directory of the host busy.
    let _ = rustix::process::chdir(c"/");
    let _ = rustix::thread::set_name(c"sandbox-tree");
    let mut supervisor = Supervisor {
        control,
        signals: sys::signal_descriptor(),
        host,
        leader,
        leader_is_reaped: false,
        descendants: Descendants::new(strategy),
    };
    supervisor.report(Message::Started(leader.as_raw_nonzero().get()));
    supervisor.run();
    supervisor.report(Message::Gone);
    sys::exit_now(0)
}

struct Supervisor<'a> {
    control: BorrowedFd<'a>,
    signals: Option<OwnedFd>,
    host: Option<Pid>,
    leader: Pid,
    leader_is_reaped: bool,
    descendants: Descendants,
}

impl Supervisor<'_> {
    /// Runs until there is no child, so no descendant.
    fn run(&mut self) {
        let (mut killing, mut backoff) = (false, MIN_BACKOFF_MS);
        while self.reap() {
            if killing {
                self.descendants.kill();
            }
            let wait = match &self.signals {
                _ if killing && self.descendants.is_partial() => 1,
                _ if killing => backoff,
                Some(_) => -1,
                None => MIN_BACKOFF_MS,
            };
            if killing {
                backoff = (backoff * 2).min(MAX_BACKOFF_MS);
            }
            self.wait(wait);
            if self.host_is_gone() || self.handle_requests() {
                killing = true;
            }
        }
    }

    /// Reaps ended processes. Returns whether any is left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if pid == self.leader && !self.leader_is_reaped {
                        self.leader_is_reaped = true;
                        self.report(Message::Ended(status.as_raw()));
                    }
                }
                Ok(None) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// Waits until a process ended, the host asks for something or is gone, or the timeout passes.
    fn wait(&self, milliseconds: i64) {
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: milliseconds.saturating_mul(1_000_000),
        };
        let timeout = (milliseconds >= 0).then_some(&timeout);
        let control = PollFd::from_borrowed_fd(self.control, PollFlags::IN);
        let _ = match &self.signals {
            Some(signals) => {
                let signals = PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN);
                rustix::event::poll(&mut [control, signals], timeout)
            }
            None => rustix::event::poll(&mut [control], timeout),
        };
        if let Some(signals) = &self.signals {
            // Which signals they were does not matter: every process that they could be about is checked anyway.
            let mut buffer = [0; 512];
            while rustix::io::read(signals, &mut buffer).is_ok_and(|length| length > 0) {}
        }
    }

    /// Returns whether the host has ended. The end of its thread that forked makes us check, but does not count.
    fn host_is_gone(&self) -> bool {
        rustix::process::getppid() != self.host
    }

    /// Does what the host asks for. Returns whether all are to be killed, which the end of the connection means too.
    fn handle_requests(&mut self) -> bool {
        let mut requests = [0; 16];
        let received = rustix::net::recv(self.control, &mut requests, RecvFlags::DONTWAIT);
        match received.map(|(received, _)| received) {
            Ok(0) => true,
            Ok(received) => {
                let mut kill = false;
                for &request in requests.iter().take(received) {
                    match parse_request(request) {
                        Some(Signal::KILL) => kill = true,
                        Some(signal) => self.signal(signal),
                        None => {}
                    }
                }
                kill
            }
            Err(Errno::AGAIN | Errno::INTR) => false,
            Err(_) => true,
        }
    }

    fn signal(&self, signal: Signal) {
        // Once the command was reaped, its pid and thus the id of its group may be reused.
        let group = (!self.leader_is_reaped).then_some(self.leader);
        self.descendants.signal(signal, group);
        if signal != Signal::INT {
            // A stopped process would get the signal only when it is continued.
            self.descendants.signal(Signal::CONT, group);
        }
    }

    fn report(&self, message: Message) {
        // Three messages fit into any socket's buffer. Where the host is gone, a failure does not matter.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _ = rustix::net::send(self.control, &message.to_bytes(), flags);
    }
}
