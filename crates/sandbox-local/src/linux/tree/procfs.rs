//! What `/proc` says of processes, read without allocating: the supervisor is a copy of a process with many threads.

use std::ffi::CStr;
use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

/// The needed fields of `/proc/<pid>/stat`.
#[derive(Clone, Copy)]
pub(super) struct Stat {
    pub(super) parent: u32,
    /// It does nothing more until it is continued, or ever again.
    pub(super) halted: bool,
}

/// Reads the state and the parent of a process.
pub(super) fn stat(pid: u32) -> Option<Stat> {
    let mut name = Name::new();
    write!(name, "/proc/{pid}/stat").ok()?;
    let file = open(&name, OFlags::empty()).ok()?;
    let mut buffer = [0; 256];
    let length = read(&file, &mut buffer).ok()?;
    parse_stat(buffer.get(..length)?)
}

/// `1234 (a name) with )) S 1 ...`: the name ends at the last parenthesis, and has at most 64 bytes.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let end = line.iter().rposition(|&byte| byte == b')')?;
    let mut fields = line.get(end + 2..)?.split(|&byte| byte == b' ');
    let state = *fields.next()?.first()?;
    let parent = number(fields.next()?)?;
    Some(Stat {
        parent,
        halted: matches!(state, b'T' | b't' | b'Z' | b'X' | b'x'),
    })
}

/// Calls `visit` with each number among the names in a directory: the processes of `/proc`, the threads of a process.
pub(super) fn numbers(directory: &Name, mut visit: impl FnMut(u32)) -> Result<(), Errno> {
    let directory = open(directory, OFlags::DIRECTORY)?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        if let Some(found) = number(entry?.file_name().to_bytes()) {
            visit(found);
        }
    }
    Ok(())
}

/// Calls `visit` with each child of one thread of a process.
pub(super) fn children(pid: u32, thread: u32, mut visit: impl FnMut(u32)) -> Result<(), Errno> {
    let mut name = Name::new();
    write!(name, "/proc/{pid}/task/{thread}/children").map_err(|_| Errno::NAMETOOLONG)?;
    let file = open(&name, OFlags::empty())?;
    let mut buffer = [0; 1024];
    // Numbers, each followed by a space. One may be split by the end of the buffer.
    let mut current = None;
    loop {
        let length = read(&file, &mut buffer)?;
        if length == 0 {
            break;
        }
        for &byte in buffer.iter().take(length) {
            if byte.is_ascii_digit() {
                let digit = u32::from(byte - b'0');
                current = Some(
                    current
                        .unwrap_or(0_u32)
                        .wrapping_mul(10)
                        .wrapping_add(digit),
                );
            } else if let Some(child) = current.take() {
                visit(child);
            }
        }
    }
    if let Some(child) = current {
        visit(child);
    }
    Ok(())
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn open(name: &Name, flags: OFlags) -> Result<OwnedFd, Errno> {
    let name = name.as_c_str().ok_or(Errno::INVAL)?;
    rustix::fs::open(
        name,
        OFlags::RDONLY | OFlags::CLOEXEC | flags,
        Mode::empty(),
    )
}

fn read(file: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| rustix::io::read(file, &mut *buffer))
}

/// A short path, on the stack.
pub(super) struct Name {
    bytes: [u8; 64],
    length: usize,
}

impl Name {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; 64],
            length: 0,
        }
    }

    fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.bytes).ok()
    }
}

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        // The last byte stays 0 as the terminator.
        if end >= self.bytes.len() {
            return Err(fmt::Error);
        }
        let spare = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        spare.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::parse_stat;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let stat = parse_stat(b"12 (a) Z 7 (b) S 34 12 12 0").unwrap();
        assert_eq!((stat.parent, stat.halted), (34, false));
        assert!(parse_stat(b"12 (x) T 1 1").unwrap().halted);
        assert!(parse_stat(b"12 (x").is_none());
    }

    #[test]
    fn this_process_has_a_parent() {
        let stat = super::stat(std::process::id()).unwrap();
        assert_eq!(stat.parent, std::os::unix::process::parent_id());
        assert!(!stat.halted);
    }
}
