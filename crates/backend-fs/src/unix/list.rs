//! The entries of a directory, read once, without a stat of each.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use backend_core::EntryKind;
use rustix::fs::FileType;
use rustix::io::Errno;

use super::entries::entries;
use super::meta::{Meta, kind};
use super::names;
use super::place::lstat;
use super::retry::retry_io;

/// The entries of a directory by name, each once. Temporary files are separate.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Listed>,
    pub(crate) temporary: Vec<CString>,
    /// Entries whose kind the file system did not report.
    pub(crate) unknown: Vec<CString>,
    /// How many entries vanished before their kind was known.
    vanished: u64,
    /// Whether the system returned nothing, not even `.`.
    is_bare: bool,
}

impl Listing {
    /// Returns how many entries cannot be shown, because their kind is unknown.
    pub(crate) fn unreadable(&self) -> u64 {
        self.vanished + self.unknown.len() as u64
    }

    fn add(&mut self, dir: &OwnedFd, name: &CStr, reported: FileType) {
        if names::is_reserved(name.to_bytes()) {
            self.temporary.push(name.to_owned());
            return;
        }
        let kind = match reported {
            // Some file systems do not report the kind.
            FileType::Unknown => match lstat(dir, name) {
                Ok(Some(meta)) => meta.kind(),
                Ok(None) => {
                    self.vanished += 1;
                    return;
                }
                Err(_) => {
                    self.unknown.push(name.to_owned());
                    return;
                }
            },
            known => kind(known),
        };
        let name = name.to_owned();
        self.entries.push(Listed { name, kind });
    }
}

/// An entry with its kind, without following links.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: CString,
    pub(crate) kind: EntryKind,
}

/// Reads a directory that was opened with [`LIST`](super::sys::LIST).
///
/// An entry that cannot be stat'ed does not affect others.
pub(crate) fn list(dir: &OwnedFd) -> io::Result<Listing> {
    let mut listing = retry_io(|| list_once(dir))?;
    // A directory that was removed while it was open lists as an empty one. Some servers report no
    // link count, so the missing `.` counts too.
    if listing.is_bare && Meta::of(dir)?.nlink() == 0 {
        return Err(Errno::NOENT.into());
    }
    // Unions, and directories that change while they are read, can return a name twice.
    let entries = &mut listing.entries;
    entries.sort_unstable_by(|one, two| one.name.cmp(&two.name));
    entries.dedup_by(|one, two| one.name == two.name);
    for names in [&mut listing.temporary, &mut listing.unknown] {
        names.sort_unstable();
        names.dedup();
    }
    Ok(listing)
}

fn list_once(dir: &OwnedFd) -> io::Result<Listing> {
    let mut listing = Listing {
        is_bare: true,
        ..Listing::default()
    };
    entries(dir, |name, reported| {
        listing.is_bare = false;
        if name != c"." && name != c".." {
            listing.add(dir, name, reported);
        }
    })?;
    Ok(listing)
}
