//! The duties of process 1: it reaps every orphaned process, and forwards the signals that it gets.
//!
//! It does nothing else. The guest itself is its child, because a process that waits for any child would also reap
//! children that other code waits for.

#![expect(unsafe_code, reason = "fork and signal masks have no safe wrapper")]

use std::mem::MaybeUninit;
use std::ptr;

/// The signals that are forwarded to the guest.
const FORWARDED_SIGNALS: [libc::c_int; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

/// Splits the process in two. Returns in the child; the parent reaps until the child ends, and exits as it did.
///
/// It must be called while there is only one thread.
pub(crate) fn split() -> Result<(), String> {
    let watched = set(&[FORWARDED_SIGNALS.as_slice(), &[libc::SIGCHLD]].concat());
    let before = block(&watched);
    // SAFETY: there is no other thread, so the child is complete: no lock is held by a thread that it does not have.
    match unsafe { libc::fork() } {
        -1 => Err(format!(
            "cannot create a process: {}",
            std::io::Error::last_os_error()
        )),
        0 => {
            restore(&before);
            Ok(())
        }
        child => std::process::exit(watch(child, &watched)),
    }
}

/// Reaps until the child ends, and returns the code to exit with.
fn watch(child: libc::pid_t, watched: &libc::sigset_t) -> i32 {
    loop {
        let mut signal = 0;
        // SAFETY: both pointers are valid until the call returns; the signals are blocked.
        if unsafe { libc::sigwait(watched, &raw mut signal) } != 0 {
            continue;
        }
        if signal == libc::SIGCHLD {
            if let Some(code) = reap(child) {
                return code;
            }
        } else {
            // SAFETY: the child has not been reaped, so its pid is still its own.
            unsafe { libc::kill(child, signal) };
        }
    }
}

/// Reaps all ended processes. Returns the code of the child if it is among them.
fn reap(child: libc::pid_t) -> Option<i32> {
    let mut code = None;
    loop {
        let mut status = 0;
        // SAFETY: the pointer is valid until the call returns.
        let ended = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if ended <= 0 {
            return code;
        }
        if ended == child {
            code = Some(if libc::WIFEXITED(status) {
                libc::WEXITSTATUS(status)
            } else {
                128 + libc::WTERMSIG(status)
            });
        }
    }
}

fn set(signals: &[libc::c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set, and sigaddset changes an initialised one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

fn block(signals: &libc::sigset_t) -> libc::sigset_t {
    let mut before = MaybeUninit::uninit();
    // SAFETY: the previous mask is written to the second pointer; if that fails, it is still a valid empty mask.
    unsafe {
        libc::sigemptyset(before.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, signals, before.as_mut_ptr());
        before.assume_init()
    }
}

fn restore(mask: &libc::sigset_t) {
    // SAFETY: the mask is initialised, and the old one is not requested.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}
