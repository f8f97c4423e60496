//! Terminals: a pair of ends; the command gets one of them as all three of its standard streams.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use backend_core::TerminalSize;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

/// A new terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    /// Our end. It does not block.
    pub(super) ours: OwnedFd,
    /// The command's end.
    pub(super) theirs: OwnedFd,
}

impl Terminal {
    pub(super) fn open(size: TerminalSize) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = rustix::pty::openpt(flags)?;
        rustix::pty::grantpt(&ours)?;
        rustix::pty::unlockpt(&ours)?;
        let theirs = match rustix::pty::ioctl_tiocgptpeer(&ours, flags) {
            Ok(theirs) => theirs,
            // Before Linux 4.13, and on kernels that emulate Linux.
            Err(_) => {
                let name = rustix::pty::ptsname(&ours, Vec::new())?;
                let flags = rustix::fs::OFlags::RDWR
                    | rustix::fs::OFlags::NOCTTY
                    | rustix::fs::OFlags::CLOEXEC;
                rustix::fs::open(name.as_c_str(), flags, rustix::fs::Mode::empty())?
            }
        };
        resize(&ours, size)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        Ok(Self { ours, theirs })
    }
}

/// Sets the size; the kernel notifies the programs in the foreground.
pub(super) fn resize(end: impl AsFd, size: TerminalSize) -> io::Result<()> {
    let size = Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    Ok(rustix::termios::tcsetwinsize(end, size)?)
}

/// Ends the input of a program that reads from a terminal, like a typed Ctrl-D.
pub(super) const END_OF_INPUT: &[u8] = b"\x04";
