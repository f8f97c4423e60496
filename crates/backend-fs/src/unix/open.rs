//! Opening for a read: regular files only, without waiting and without side effects on devices.
//!
//! The entry is checked before it is opened, so that no FIFO loses a writer and no device is activated; an
//! entry swapped in between is opened without waiting, checked again, and closed.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use backend_core::{EntryKind, Error, VirtualPath};
use rustix::io::Errno;

use super::fault::{Fault, not_regular};
use super::meta::Meta;
use super::place::Place;
use super::resolve::MissingParents;
use super::retry::open_regular;
use super::root::Root;
use super::sys::LIST;

/// A regular file that is open for reading.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) meta: Meta,
}

impl Root {
    /// Opens the file that a path leads to.
    pub(crate) fn open_file(&self, path: &VirtualPath) -> Result<Opened, Fault> {
        let found = self.follow(path, MissingParents::Refuse)?;
        let meta = found.meta.ok_or(Errno::NOENT)?;
        check_file(path, &meta)?;
        open_at(&found.place)
    }

    /// Opens the directory that a path leads to, to list it.
    pub(crate) fn open_list(&self, path: &VirtualPath) -> Result<OwnedFd, Fault> {
        let found = self.follow(path, MissingParents::Refuse)?;
        let meta = found.meta.ok_or(Errno::NOENT)?;
        if !meta.is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        found
            .place
            .open(LIST)
            .map_err(|error| Fault::from(error).race_if(&[Errno::LOOP, Errno::NOTDIR]))
    }
}

/// Refuses anything that cannot be read or written as a file.
pub(crate) fn check_file(path: &VirtualPath, meta: &Meta) -> Result<(), Error> {
    match meta.kind() {
        EntryKind::File => Ok(()),
        EntryKind::Directory => Err(Error::is_a_directory(path)),
        _ => Err(not_regular(path)),
    }
}

/// Opens a file that was just seen at a place. Waits if it is under a lease.
pub(crate) fn open_at(place: &Place<'_>) -> Result<Opened, Fault> {
    open_at_until(place, || false)
}

/// Opens a file as [`open_at`] does, and gives up on a lease when the caller has no more time.
pub(crate) fn open_at_until(
    place: &Place<'_>,
    is_over: impl Fn() -> bool,
) -> Result<Opened, Fault> {
    open_named(&place.dir, place.name(), is_over)
}

/// Opens a file that was just seen in a directory. Waits if it is under a lease.
pub(crate) fn open_seen(dir: impl AsFd, name: &CStr) -> Result<Opened, Fault> {
    open_named(dir, name, || false)
}

fn open_named(
    dir: impl AsFd,
    name: impl rustix::path::Arg + Copy,
    is_over: impl Fn() -> bool,
) -> Result<Opened, Fault> {
    let file = open_regular(dir, name, is_over).map_err(|error| match error {
        Errno::WOULDBLOCK => Fault::Error(Error::unavailable_from(
            "another program holds a lease on the file and does not release it",
            io::Error::from(error),
        )),
        error => Fault::from(error).race_if(&[Errno::LOOP, Errno::NOENT, Errno::NXIO]),
    })?;
    let meta = Meta::of(&file)?;
    if !meta.is_file() {
        return Err(Fault::raced(Errno::NXIO));
    }
    Ok(Opened {
        file: file.into(),
        meta,
    })
}
