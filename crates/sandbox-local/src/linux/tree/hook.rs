//! What a new process does before it executes the command: it splits into the supervisor and the command's own
//! process.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use rustix::process::Signal;

use super::super::oom;
use super::descendants::Strategy;
use super::limits::Limits;
use super::supervise::supervise;
use super::sys::{self, ForkResult};

/// What the new process needs.
#[derive(Debug)]
pub(super) struct Hook {
    /// The supervisor's end of its connection to the host.
    pub(super) control: OwnedFd,
    /// The working directory of the command.
    pub(super) cwd: OwnedFd,
    /// Whether its standard input is a terminal, which becomes its controlling terminal.
    pub(super) terminal: bool,
    /// The resource limits of the command.
    pub(super) limits: Limits,
    pub(super) strategy: Option<Strategy>,
}

/// Makes a command start under a supervisor.
pub(super) fn install(command: &mut Command, hook: Hook) {
    let host = rustix::process::getpid();
    sys::before_exec(command, move || hook.run(host));
}

impl Hook {
    /// Returns in the process that executes the command. The original process stays behind as the supervisor.
    fn run(&self, host: rustix::process::Pid) -> io::Result<()> {
        // Both in sessions of their own, so that the host's terminal is not theirs.
        sys::block_all_signals();
        rustix::process::setsid()?;
        rustix::process::set_child_subreaper(Some(host))?;
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        // They differ where the host is in another PID namespace, or already gone.
        let parent = rustix::process::getppid();
        let supervisor = rustix::process::getpid();
        match sys::fork()? {
            ForkResult::Parent(leader) => {
                supervise(self.control.as_fd(), parent, leader, self.strategy)
            }
            ForkResult::Child => {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                if rustix::process::getppid() != Some(supervisor) {
                    sys::exit_now(1);
                }
                rustix::process::setsid()?;
                if self.terminal {
                    rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                }
                rustix::process::fchdir(&self.cwd)?;
                oom::raise_oom_score();
                sys::inherit_none_from(3);
                self.limits.apply()?;
                sys::reset_signals();
                Ok(())
            }
        }
    }
}
