//! Exit codes: one for each kind of error. They are part of the interface, and do not change.

use backend_core::{ErrorKind, ExecStatus};

/// It was done.
pub(crate) const OK: u8 = 0;

/// A negative answer: nothing was found, or not everything succeeded.
pub(crate) const NEGATIVE: u8 = 1;

/// The caller's mistake.
pub(crate) const USAGE: u8 = 2;

/// A file or a stream of this machine failed.
pub(crate) const HOST: u8 = 18;

/// A command timed out, as with `timeout`.
pub(crate) const TIMED_OUT: u8 = 124;

/// A command could not be run, or its outcome is unknown.
pub(crate) const NOT_RUN: u8 = 125;

/// The base to which the number of a signal is added.
pub(crate) const SIGNAL: u8 = 128;

/// The output was closed: 128 plus the number of SIGPIPE.
pub(crate) const CLOSED_PIPE: u8 = SIGNAL + 13;

/// Returns the code of an error.
pub(crate) fn of_kind(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidPath | ErrorKind::InvalidPattern | ErrorKind::InvalidRequest => USAGE,
        ErrorKind::NotFound => 3,
        ErrorKind::AlreadyExists => 4,
        ErrorKind::PermissionDenied => 5,
        ErrorKind::NotADirectory => 6,
        ErrorKind::IsADirectory => 7,
        ErrorKind::NotText => 8,
        ErrorKind::TooLarge => 9,
        ErrorKind::NoMatch => 10,
        ErrorKind::AmbiguousMatch => 11,
        ErrorKind::Conflict => 12,
        ErrorKind::QuotaExceeded => 13,
        ErrorKind::Unsupported => 14,
        ErrorKind::TimedOut => 15,
        ErrorKind::Unavailable => 16,
        _ => 17,
    }
}

/// Returns the exit code of `exec` for the status of its command.
pub(crate) fn of_status(status: ExecStatus) -> u8 {
    match status {
        // A process has eight bits for its code.
        ExecStatus::Exited(code) => u8::try_from(code & 0xff).unwrap_or(NOT_RUN),
        ExecStatus::Signaled(signal) => of_signal(signal),
        ExecStatus::TimedOut => TIMED_OUT,
        ExecStatus::OutOfMemory => of_signal(9),
        _ => NOT_RUN,
    }
}

/// Returns the code of a program that a signal ends.
pub(crate) fn of_signal(signal: i32) -> u8 {
    let number = u8::try_from(signal & 0x7f).unwrap_or_default();
    SIGNAL.saturating_add(number)
}

#[cfg(test)]
mod tests {
    use backend_core::{ErrorKind, ExecStatus};

    use super::{of_kind, of_status};

    #[test]
    fn a_command_gives_its_own_code_and_the_rest_is_as_in_a_shell() {
        assert_eq!(of_status(ExecStatus::Exited(7)), 7);
        assert_eq!(of_status(ExecStatus::Exited(124)), 124);
        assert_eq!(of_status(ExecStatus::Signaled(15)), 143);
        assert_eq!(of_status(ExecStatus::TimedOut), 124);
        assert_eq!(of_status(ExecStatus::OutOfMemory), 137);
        assert_eq!(of_status(ExecStatus::Lost), 125);
    }

    #[test]
    fn an_error_is_never_success_or_no_match() {
        for kind in [ErrorKind::NotFound, ErrorKind::Internal, ErrorKind::NoMatch] {
            assert!(of_kind(kind) > 1, "{kind}");
        }
    }
}
