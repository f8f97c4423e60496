//! `delete`: a file, a link or a directory, named by its directory's handle.

use backend_core::{DeleteRequest, Deleted, Error, Result};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::descent::open_list;
use super::fault::Fault;
use super::flush::Flush;
use super::leftovers::remove_stale;
use super::list::list;
use super::meta::Meta;
use super::names;
use super::place::Place;
use super::removal::{is_not_empty, remove_tree, unlink};
use super::resolve::MissingParents;
use super::root::Root;
use super::write::changed;

impl Root {
    pub(crate) fn delete(&self, request: &DeleteRequest) -> Result<Deleted> {
        let path = &request.path;
        self.check_writable(path)?;
        names::check(path)?;
        if path.is_root() {
            return Err(Error::invalid_request_at(
                path,
                "the root cannot be deleted",
            ));
        }
        self.retry_races(path, || {
            let place = self.place(path, MissingParents::Refuse)?;
            let meta = place.lstat()?.ok_or_else(|| Error::not_found(path))?;
            let flush = Flush::if_full(self.durability(), &place.dir)?;
            let entries = if meta.is_dir() {
                delete_dir(request, &place, &meta)?
            } else {
                delete_file(request, &place)?
            };
            flush.wait()?;
            Ok(Deleted::new(entries))
        })
    }
}

/// Removes anything except a directory. A link is removed, its target stays.
fn delete_file(request: &DeleteRequest, place: &Place<'_>) -> Result<u64, Fault> {
    let path = &request.path;
    let _held = place.lock()?;
    if request.expected.is_some() {
        let meta = place.lstat()?.ok_or_else(|| Error::not_found(path))?;
        if !meta.is_file() {
            return Err(without_version(request, &meta).into());
        }
        let current = Some(meta.version());
        if current != request.expected {
            return Err(changed(path, current).into());
        }
    }
    match unlink(&place.dir, place.name(), AtFlags::empty()) {
        Ok(()) => Ok(1),
        Err(error @ (Errno::ISDIR | Errno::PERM)) => Err(became(place, error, Meta::is_dir)),
        Err(error) => Err(error.into()),
    }
}

fn delete_dir(request: &DeleteRequest, place: &Place<'_>, meta: &Meta) -> Result<u64, Fault> {
    if request.expected.is_some() {
        return Err(without_version(request, meta).into());
    }
    if request.recursive {
        return remove_tree(place).map_err(|stuck| stuck.fault(&request.path));
    }
    let remove = || unlink(&place.dir, place.name(), AtFlags::REMOVEDIR);
    let outcome = match remove() {
        // Leftovers of killed writers are hidden, and must not be in the way.
        Err(error) if is_not_empty(error) && clear_leftovers(place)? => remove(),
        outcome => outcome,
    };
    match outcome {
        Ok(()) => Ok(1),
        Err(error) if is_not_empty(error) => Err(Fault::Error(Error::invalid_request_at(
            &request.path,
            "the directory is not empty; delete it recursively, or empty it first",
        ))),
        Err(Errno::NOTDIR) => Err(Fault::raced(Errno::NOTDIR)),
        Err(error) => Err(error.into()),
    }
}

/// Removes the leftovers in a directory that has nothing else in it. Returns whether that made it empty.
fn clear_leftovers(place: &Place<'_>) -> Result<bool, Fault> {
    let dir = open_list(&place.dir, place.name())
        .map_err(|error| Fault::from(error).race_if(&[Errno::NOTDIR, Errno::LOOP]))?;
    let listing = list(&dir)?;
    Ok(listing.entries.is_empty()
        && listing.unknown.is_empty()
        && listing
            .temporary
            .iter()
            .all(|name| remove_stale(&dir, name)))
}

/// Distinguishes a race from a refusal after an error that can be either.
fn became(place: &Place<'_>, error: Errno, what: fn(&Meta) -> bool) -> Fault {
    match place.lstat() {
        Ok(Some(meta)) if what(&meta) => Fault::raced(error),
        _ => error.into(),
    }
}

/// Creates the error of an entry that cannot have the version that the caller expects.
fn without_version(request: &DeleteRequest, meta: &Meta) -> Error {
    let reason = if meta.is_dir() {
        "it is a directory, which has no version"
    } else {
        "it is not a file, and has no version"
    };
    Error::conflict(&request.path, reason, None)
}
