//! What is in a directory, read once, without a look at each entry.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use backend_core::EntryKind;
use rustix::fs::{Dir, FileType};
use rustix::io::Errno;

use super::meta::{Meta, kind};
use super::names;
use super::place::look;

/// The entries of a directory, in any order. Temporary files are apart.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Listed>,
    pub(crate) temporary: Vec<CString>,
    /// How many entries vanished before their kind was known.
    pub(crate) vanished: u64,
}

/// An entry with its kind, links not followed.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: CString,
    pub(crate) kind: EntryKind,
}

/// Reads a directory that was opened with [`LIST`](super::sys::LIST).
pub(crate) fn list(dir: &OwnedFd) -> io::Result<Listing> {
    // The stream owns what it reads, and the copy has the position of the original: it must start over.
    let mut stream = Dir::new(dir.try_clone()?)?;
    stream.rewind();
    let mut listing = Listing::default();
    while let Some(entry) = stream.read() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if names::is_reserved(name.to_bytes()) {
            listing.temporary.push(name.to_owned());
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems keep the kind to themselves.
            FileType::Unknown => match look(dir, name)? {
                Some(meta) => meta.kind(),
                None => {
                    listing.vanished += 1;
                    continue;
                }
            },
            known => kind(known),
        };
        let name = name.to_owned();
        listing.entries.push(Listed { name, kind });
    }
    // A directory that was removed while it was open lists as an empty one.
    if listing.entries.is_empty() && Meta::of(dir)?.names() == 0 {
        return Err(Errno::NOENT.into());
    }
    Ok(listing)
}
