//! The system calls that no safe wrapper has, and the only `unsafe` of this crate.
//!
//! Everything here but [`before_exec`] is called between `fork` and `exec` or by the supervisor, which never leaves that
//! state: so it only makes system calls and touches its own stack, and neither allocates nor locks.

#![expect(
    unsafe_code,
    reason = "fork, signal dispositions, signalfd and close_range have no safe wrapper"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

use rustix::process::Pid;

/// What a fork returned.
pub(super) enum ForkResult {
    /// In the process that called.
    Parent(Pid),
    /// In the new one.
    Child,
}

/// Makes a command call `hook` in the new process before it executes the program.
///
/// `hook` runs in the only thread of a copy of this process: it must only make system calls, because any lock that another
/// thread held at the fork stays locked in the copy, including the allocator's.
pub(super) fn before_exec(
    command: &mut Command,
    hook: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the one caller, `hook::install`, hands over a closure that keeps to the rule above: it works on values that
    // were made before the fork, on its stack and by system calls, and its errors are plain numbers.
    unsafe {
        command.pre_exec(hook);
    }
}

/// Forks this process. It is called in a process with one thread.
pub(super) fn fork() -> io::Result<ForkResult> {
    // SAFETY: it takes no pointers. The caller is the only thread of a process that was itself just forked, so no other
    // thread can hold a lock that the copy would need; and both sides keep to the rule of `before_exec` anyway.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(ForkResult::Child),
        pid => match Pid::from_raw(pid) {
            Some(pid) => Ok(ForkResult::Parent(pid)),
            None => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        },
    }
}

/// Blocks every signal for this thread: the host's signal handlers must not run in a copy of it.
pub(super) fn block_all_signals() {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` is a signal set that `sigfillset` writes whole before `sigprocmask` reads it.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), ptr::null_mut());
    }
}

/// Gives every signal its default disposition and unblocks all, so that no ignored signal is inherited from the host.
pub(super) fn reset_signals() {
    // The kernel's structure: no handler, no flags, no mask. The C library does not let its own signals be set, but the
    // program that started us may have ignored them.
    let default = [0_u64; 8];
    for signal in 1..=64 {
        // SAFETY: `default` is longer than the structure that the call reads, and nothing is written where the pointer for
        // the old one is null. A number that is not a signal, or cannot be changed, is rejected and left unchanged.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<u64>(),
                size_of::<u64>(),
            );
        }
    }
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `none` is a signal set that `sigemptyset` writes whole before `sigprocmask` reads it.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

/// Opens a descriptor that becomes readable when a child ends or the parent is gone. Both signals are blocked.
pub(super) fn signal_descriptor() -> Option<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is a signal set that `sigemptyset` writes whole before it is changed and read. A descriptor that
    // `signalfd` returns is new and not owned elsewhere.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
        let fd = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))
    }
}

/// Closes every descriptor of this process but one.
///
/// Only the supervisor calls it, and it never returns to code that believes it owns one of them.
pub(super) fn close_all_but(kept: BorrowedFd<'_>) {
    let kept = kept.as_raw_fd().unsigned_abs();
    if kept > 0 {
        range(0, kept - 1, 0);
    }
    range(kept + 1, libc::c_uint::MAX, 0);
}

/// Marks every descriptor from this one on as close-on-exec.
pub(super) fn inherit_none_from(first: libc::c_uint) {
    range(first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
}

/// Closes a range of descriptors, or marks it, where the flags say so.
fn range(first: libc::c_uint, last: libc::c_uint, flags: libc::c_uint) {
    // SAFETY: it takes no pointers. Only `close_all_but` closes descriptors that other code owns; it says why it may.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if done == 0 {
        return;
    }
    // Before Linux 5.9 (5.11 for the flag) there is no such call. Then one by one, up to the highest possible descriptor.
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: `limit` is written whole where the call succeeds, and read only then. The other calls take no pointers.
    unsafe {
        let reach = match libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) {
            0 => libc::c_uint::try_from(limit.assume_init().rlim_max).unwrap_or(MAX_DESCRIPTOR),
            _ => MAX_DESCRIPTOR,
        };
        for fd in first..last.min(reach.min(MAX_DESCRIPTOR)) {
            let Ok(fd) = libc::c_int::try_from(fd) else {
                return;
            };
            if flags == 0 {
                libc::close(fd);
            } else {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

/// The highest descriptor to try where the kernel does not do it. It is the default of `fs.nr_open`.
const MAX_DESCRIPTOR: libc::c_uint = 1 << 20;

/// Exits without running any cleanup of the process that this is a copy of.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: it takes no pointers, and does not return.
    unsafe { libc::_exit(code) }
}
