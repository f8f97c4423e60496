//! Why a tree was not removed: where it failed, and how much was removed anyway.

use std::ffi::{CStr, CString};
use std::io;

use backend_core::{Error, VirtualPath};
use rustix::io::Errno;

use super::fault::Fault;
use super::removal::is_not_empty;

/// The first entry of a tree that could not be removed.
#[derive(Debug)]
pub(crate) struct RemoveTreeError {
    /// The names that lead to it from the top of the tree. There are none for the top itself.
    pub(crate) at: Vec<CString>,
    pub(crate) error: io::Error,
    /// Whether it remains only because a program has it open.
    pub(crate) is_held_open: bool,
    /// How many entries were removed.
    pub(crate) removed: u64,
    /// How many could not be.
    pub(crate) failed: u64,
}

impl RemoveTreeError {
    pub(crate) fn at_top(error: Errno) -> Self {
        Self::at_top_io(error.into())
    }

    pub(crate) fn at_top_io(error: io::Error) -> Self {
        Self {
            at: Vec::new(),
            error,
            is_held_open: false,
            removed: 0,
            failed: 1,
        }
    }

    /// Creates the fault of a recursive delete of `top`.
    pub(crate) fn fault(self, top: &VirtualPath) -> Fault {
        let is_top = self.at.is_empty();
        let errno = Errno::from_io_error(&self.error);
        if is_top && self.removed == 0 && matches!(errno, Some(Errno::NOTDIR | Errno::LOOP)) {
            return Fault::Raced(self.error);
        }
        let mut error = if self.is_held_open {
            let reason = "the directory is not empty: a program has a file in it open, which the \
                          file system keeps until it is closed";
            Error::conflict(top, reason, None)
        } else if errno.is_some_and(is_not_empty) {
            let reason = "the directory is not empty: entries are being added as fast as they \
                          are removed";
            Error::conflict(top, reason, None)
        } else {
            Fault::Io(self.error).at(top)
        };
        let mut more = String::new();
        // The path of an error is the requested one; the message says where below it.
        if !is_top {
            let names: Vec<_> = self.at.iter().map(|name| name.to_string_lossy()).collect();
            more = format!("; it failed at `{}` in it", names.join("/").escape_debug());
        }
        if self.removed > 0 || !is_top {
            more.push_str(&counts(self.removed, self.failed));
        }
        append_message(&mut error, &more);
        Fault::Error(error)
    }
}

fn counts(removed: u64, failed: u64) -> String {
    let removed = match removed {
        0 => "nothing was removed".to_owned(),
        1 => "1 entry was removed".to_owned(),
        many => format!("{many} entries were removed"),
    };
    match failed {
        0 | 1 => format!("; {removed}"),
        many => format!("; {removed}, {many} could not be"),
    }
}

/// Appends to the message of an error. Returns whether it has one.
pub(crate) fn append_message(error: &mut Error, more: &str) -> bool {
    match error {
        Error::PermissionDenied { reason, .. } | Error::Conflict { reason, .. } => {
            reason.push_str(more);
        }
        Error::Unavailable { message, .. } | Error::Internal { message, .. } => {
            message.push_str(more);
        }
        _ => return false,
    }
    true
}

/// Whether a name is one that a file system gives to a file that was removed while a program has it open: libfuse and
/// the NFS client do.
pub(crate) fn is_held_open(name: &CStr) -> bool {
    let name = name.to_bytes();
    name.starts_with(b".fuse_hidden") || name.starts_with(b".nfs")
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use backend_core::{Error, ErrorKind, VirtualPath};
    use rustix::io::Errno;

    use super::super::fault::Fault;
    use super::RemoveTreeError;

    fn told(at: &[&[u8]], error: Errno, is_held_open: bool, removed: u64, failed: u64) -> Error {
        let stuck = RemoveTreeError {
            at: at.iter().map(|name| CString::new(*name).unwrap()).collect(),
            error: error.into(),
            is_held_open,
            removed,
            failed,
        };
        match stuck.fault(&VirtualPath::parse("/t").unwrap()) {
            Fault::Error(error) => error,
            fault => panic!("{fault:?}"),
        }
    }

    #[test]
    fn a_failure_says_where_it_was_and_how_much_is_gone() {
        let error = told(&[b"b", b"f"], Errno::PERM, false, 3, 2);
        assert_eq!(
            error.to_string(),
            "/t: permission denied: the file system refuses it; it failed at `b/f` in it; 3 entries \
             were removed, 2 could not be"
        );
        let error = told(&[b"b"], Errno::ROFS, false, 0, 1);
        assert_eq!(
            error.to_string(),
            "/t: permission denied: the file system is read-only; it failed at `b` in it; nothing was \
             removed"
        );
    }

    #[test]
    fn an_error_without_a_path_says_where_in_its_message() {
        let error = told(&[b"b", b"f"], Errno::IO, false, 1, 1);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = error.to_string();
        assert!(
            text.contains("it failed at `b/f` in it; 1 entry was removed"),
            "{text}"
        );
    }

    #[test]
    fn a_name_that_no_path_can_have_is_shown_escaped() {
        let error = told(&[b"b", b"new\nline"], Errno::PERM, false, 0, 1);
        let text = error.to_string();
        assert!(
            text.starts_with("/t: ") && text.contains("`b/new\\nline`"),
            "{text}"
        );
    }

    #[test]
    fn a_directory_that_stays_full_is_not_blamed_on_concurrent_writers() {
        let error = told(&[b"d"], Errno::NOTEMPTY, true, 2, 1);
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let text = error.to_string();
        assert!(
            text.contains("not empty") && text.contains("has a file in it open"),
            "{text}"
        );
    }
}
