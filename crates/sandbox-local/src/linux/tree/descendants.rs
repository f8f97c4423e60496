//! Finds all descendants of the supervisor, and signals them, without ever signalling an unrelated process.
//!
//! A pid can be reused as soon as its process was reaped. Our own children are safe: only we reap them. Any other
//! descendant is pinned by a pidfd, and its parent looked up again, before it is signalled.

use std::fmt::Write;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use super::procfs::{self, Name};

/// How many descendants one pass finds. If there are more, the next pass finds the others: the children of a killed
/// process are reparented to us.
const MAX_DESCENDANTS: usize = 4096;

/// How many pids of each kind one pass of a kill tries where there is no `/proc`. It is the usual size of the pid space.
const PIDS_PER_PASS: u32 = 1 << 15;

/// Below every pid that Linux gives to a process of ours.
const MIN_PID: u32 = 2;

/// Above every pid that Linux gives to a process.
const MAX_PID: u32 = 1 << 22;

/// The pid this many after another, wrapping around.
fn wrapping_pid(number: u32, steps: u32) -> u32 {
    MIN_PID + (number.saturating_sub(MIN_PID) + steps) % (MAX_PID - MIN_PID)
}

/// How descendants are found. The first strategy that works is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// By the children of each process, where the kernel lists them.
    Children,
    /// By the parent of each process that there is.
    Parents,
    /// By asking for each pid whether it is a child of ours. It finds only children, and needs no `/proc`.
    Pids,
}

/// The descendants of this process.
pub(super) struct Descendants {
    own: u32,
    strategy: Strategy,
    next_pid: u32,
    priority_raised: bool,
}

impl Descendants {
    /// Prepares to find the descendants of this process. `strategy` is for tests; by default the best one is taken.
    pub(super) fn new(strategy: Option<Strategy>) -> Self {
        let own = rustix::process::getpid()
            .as_raw_nonzero()
            .get()
            .unsigned_abs();
        let strategy = strategy.unwrap_or_else(|| {
            if procfs::children(own, own, |_| ()).is_ok() {
                Strategy::Children
            } else if procfs::stat(own).is_some() {
                Strategy::Parents
            } else {
                Strategy::Pids
            }
        });
        Self {
            own,
            strategy,
            next_pid: own,
            priority_raised: false,
        }
    }

    /// Kills all that it finds. Call it again until none is left: new ones can appear meanwhile, and a killed process's
    /// children are reparented to us.
    pub(super) fn kill(&mut self) {
        if !self.priority_raised {
            self.priority_raised = true;
            // Where permitted, so that we are faster than a fork bomb.
            let _ = rustix::process::setpriority_process(None, -20);
        }
        if self.strategy == Strategy::Pids {
            let mut kill = |pid, parent| {
                self.send(pid, parent, Signal::KILL);
            };
            // Pids are assigned in order, wrapping around after the highest. So these are the likely ones.
            self.find_by_pids(self.own, PIDS_PER_PASS, &mut kill);
            self.find_by_pids(MIN_PID, PIDS_PER_PASS, &mut kill);
            // Then, eventually, all the others.
            self.find_by_pids(self.next_pid, PIDS_PER_PASS, &mut kill);
            self.next_pid = wrapping_pid(self.next_pid, PIDS_PER_PASS);
        } else {
            self.freeze();
            self.find(&mut |pid, parent| {
                self.send(pid, parent, Signal::KILL);
            });
        }
    }

    /// Returns whether one call of [`kill`](Self::kill) reaches only some of them.
    pub(super) fn is_partial(&self) -> bool {
        self.strategy == Strategy::Pids
    }

    /// Stops all, so that none can fork, or react to the end of another, while they are killed.
    fn freeze(&self) {
        // Each pass finds what was forked during the previous one. A process that cannot stop now, such as one that waits
        // for a disk, is not a reason to continue for long: it cannot fork either.
        for _ in 0..16 {
            let mut moving = false;
            self.find(&mut |pid, parent| {
                if !procfs::stat(pid).is_none_or(|stat| stat.halted) {
                    moving |= self.send(pid, parent, Signal::STOP);
                }
            });
            if !moving {
                break;
            }
            rustix::thread::sched_yield();
        }
    }

    /// Sends a signal once to each: to the process group at once, as a terminal does, then to those outside it.
    pub(super) fn signal(&self, signal: Signal, group: Option<Pid>) {
        // All are found before any gets it: the children of a process that ends because of it are reparented to us, where
        // we have looked already.
        let mut all = Queue::new();
        self.find(&mut |pid, parent| all.push((pid, parent)));
        if let Some(group) = group {
            all.retain(|pid| {
                let pid = Pid::from_raw(pid.cast_signed());
                pid.is_some() && rustix::process::getpgid(pid) != Ok(group)
            });
            let _ = rustix::process::kill_process_group(group, signal);
        }
        let mut at = 0;
        while let Some((pid, parent)) = all.get(at) {
            at += 1;
            self.send(pid, parent, signal);
        }
    }

    /// Calls `found` with each descendant and its parent, parents first. It may stop or end what it gets.
    fn find(&self, found: &mut impl FnMut(u32, u32)) {
        match self.strategy {
            Strategy::Children => self.find_by_children(found),
            Strategy::Parents => self.find_by_parents(found),
            Strategy::Pids => self.find_by_pids(MIN_PID, MAX_PID - MIN_PID, found),
        }
    }

    fn find_by_children(&self, found: &mut impl FnMut(u32, u32)) {
        let mut queue = Queue::new();
        queue.push((self.own, 0));
        let mut at = 0;
        while let Some((pid, parent)) = queue.get(at) {
            at += 1;
            if pid != self.own {
                // Before looking for its children, so that it has no new ones once it is stopped.
                found(pid, parent);
            }
            let mut threads = Name::new();
            if write!(threads, "/proc/{pid}/task").is_err() {
                continue;
            }
            // A process that ended meanwhile has no children: they are ours now, and the next pass finds them.
            let _ = procfs::numbers(&threads, |thread| {
                let _ = procfs::children(pid, thread, |child| queue.push((child, pid)));
            });
        }
    }

    fn find_by_parents(&self, found: &mut impl FnMut(u32, u32)) {
        let mut all = Name::new();
        if write!(all, "/proc").is_err() {
            return;
        }
        let _ = procfs::numbers(&all, |pid| {
            if let Some(stat) = procfs::stat(pid)
                && self.is_ancestor_of(stat.parent)
            {
                found(pid, stat.parent);
            }
        });
    }

    /// Returns whether a process is this one or descends from it.
    fn is_ancestor_of(&self, mut pid: u32) -> bool {
        // There is no cycle at any one moment, but the tree can change between two reads.
        for _ in 0..4096 {
            if pid == self.own {
                return true;
            }
            match procfs::stat(pid) {
                Some(stat) if stat.parent > 0 => pid = stat.parent,
                _ => return false,
            }
        }
        false
    }

    fn find_by_pids(&self, first: u32, count: u32, found: &mut impl FnMut(u32, u32)) {
        let flags = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        for at in 0..count {
            let number = wrapping_pid(first, at);
            if let Some(pid) = Pid::from_raw(number.cast_signed())
                && matches!(rustix::process::waitid(WaitId::Pid(pid), flags), Ok(None))
            {
                found(number, self.own);
            }
        }
    }

    /// Sends a signal to a descendant, if it still is one. Returns whether it was sent.
    fn send(&self, number: u32, parent: u32, signal: Signal) -> bool {
        let Some(pid) = Pid::from_raw(number.cast_signed()) else {
            return false;
        };
        if parent == self.own {
            return rustix::process::kill_process(pid, signal).is_ok();
        }
        let pidfd = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            // Before Linux 5.3, or where a seccomp filter forbids it, the pid has to do.
            Err(Errno::NOSYS | Errno::PERM) => {
                return rustix::process::kill_process(pid, signal).is_ok();
            }
            Err(_) => return false,
        };
        let ours = procfs::stat(number)
            .is_some_and(|stat| stat.parent == parent || stat.parent == self.own);
        ours && rustix::process::pidfd_send_signal(pidfd, signal).is_ok()
    }
}

/// Processes still to be examined, with their parents.
struct Queue {
    entries: [(u32, u32); MAX_DESCENDANTS],
    length: usize,
}

impl Queue {
    fn new() -> Self {
        Self {
            entries: [(0, 0); MAX_DESCENDANTS],
            length: 0,
        }
    }

    fn push(&mut self, entry: (u32, u32)) {
        if let Some(slot) = self.entries.get_mut(self.length) {
            *slot = entry;
            self.length += 1;
        }
    }

    fn retain(&mut self, mut wanted: impl FnMut(u32) -> bool) {
        let mut kept = 0;
        for at in 0..self.length {
            if let Some(entry) = self.get(at)
                && wanted(entry.0)
                && let Some(slot) = self.entries.get_mut(kept)
            {
                *slot = entry;
                kept += 1;
            }
        }
        self.length = kept;
    }

    fn get(&self, at: usize) -> Option<(u32, u32)> {
        self.entries.get(..self.length)?.get(at).copied()
    }
}
