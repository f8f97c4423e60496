//! The supervisor: a process between the host and one command, which adopts and reaps all that the command leaves behind,
//! tells the host what ends, and kills all of it when asked, or when the host is gone.
//!
//! It is a copy of the host that never becomes another program. So it makes system calls and uses its stack, nothing
//! else: no allocation, no lock, no panic.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::{Pid, Signal, WaitOptions};

use super::family::{Family, Way};
use super::message::{Message, parse_request};
use super::sys;

/// How long to wait, in milliseconds, before what is killed is looked for again.
const AGAIN: i64 = 5;

/// Longest such wait. Who is not dead by then waits for the kernel, or belongs to somebody else.
const AGAIN_AT_MOST: i64 = 100;

/// Looks after a command until nothing of it is left, and ends.
pub(super) fn supervise(
    control: BorrowedFd<'_>,
    host: Option<Pid>,
    leader: Pid,
    way: Option<Way>,
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
        family: Family::new(way),
    };
    supervisor.tell(Message::Started(leader.as_raw_nonzero().get()));
    supervisor.run();
    supervisor.tell(Message::Gone);
    sys::exit_now(0)
}

struct Supervisor<'a> {
    control: BorrowedFd<'a>,
    signals: Option<OwnedFd>,
    host: Option<Pid>,
    leader: Pid,
    leader_is_reaped: bool,
    family: Family,
}

impl Supervisor<'_> {
    /// Runs until there is no child, so no descendant.
    fn run(&mut self) {
        let (mut killing, mut again) = (false, AGAIN);
        while self.reap() {
            if killing {
                self.family.kill();
            }
            let wait = match &self.signals {
                _ if killing && self.family.is_slow() => 1,
                _ if killing => again,
                Some(_) => -1,
                None => AGAIN,
            };
            if killing {
                again = (again * 2).min(AGAIN_AT_MOST);
            }
            self.wait(wait);
            if self.is_orphan() || self.obey() {
                killing = true;
            }
        }
    }

    /// Collects who has ended. Returns whether anybody is left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if pid == self.leader && !self.leader_is_reaped {
                        self.leader_is_reaped = true;
                        self.tell(Message::Ended(status.as_raw()));
                    }
                }
                Ok(None) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// Waits until somebody ended, the host asks for something or is gone, or the time is over.
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
            // What they were does not matter: whoever they are about is looked at anyway.
            let mut buffer = [0; 512];
            while rustix::io::read(signals, &mut buffer).is_ok_and(|length| length > 0) {}
        }
    }

    /// Returns whether the host has ended. The end of its thread that forked makes us look, but is no reason.
    fn is_orphan(&self) -> bool {
        rustix::process::getppid() != self.host
    }

    /// Does what the host asks for. Returns whether all are to be killed, which the end of the connection means too.
    fn obey(&mut self) -> bool {
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
        // Once the command was reaped its number, and so that of its group, may be somebody else's.
        let group = (!self.leader_is_reaped).then_some(self.leader);
        self.family.signal(signal, group);
        if signal != Signal::INT {
            // One that is stopped would get it only when somebody continues it.
            self.family.signal(Signal::CONT, group);
        }
    }

    fn tell(&self, message: Message) {
        // Three messages fit into any socket's buffer. Nobody listens where the host is gone.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _ = rustix::net::send(self.control, &message.to_bytes(), flags);
    }
}
