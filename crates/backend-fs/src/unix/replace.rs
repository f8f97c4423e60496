//! Giving a place new content: the last steps of a write and of an edit.

use std::os::fd::AsFd;

use backend_core::{Error, Version, VirtualPath};
use rustix::fs::{Access, AtFlags, accessat};
use rustix::io::Errno;

use super::fault::Fault;
use super::meta::Meta;
use super::place::Place;
use super::root::Root;
use super::temp::{Target, Temp};

impl Root {
    /// Puts `content` in a place whose lock is held, instead of the file that is there, if there is one.
    ///
    /// With `only` the file must still have that version at the last moment. Otherwise nothing is changed, and
    /// the caller starts again, and decides by what is there then.
    pub(crate) fn replace(
        &self,
        place: &Place<'_>,
        replaced: Option<&Meta>,
        content: &[u8],
        target: Target,
        only: Option<Version>,
    ) -> Result<Version, Fault> {
        // The directory may be removed at any time, and the file be swapped for a directory.
        const RACES: [Errno; 3] = [Errno::NOENT, Errno::ISDIR, Errno::NOTDIR];
        let race = |error| Fault::Io(error).race_if(&RACES).on_disk_of(&place.dir);
        let mut temp = Temp::create(place.dir.as_fd(), replaced).map_err(race)?;
        temp.write(content).map_err(race)?;
        if only.is_some() && place.look()?.map(|meta| meta.version()) != only {
            return Err(Fault::Outrun);
        }
        temp.put(place.name(), target, self.fsync()).map_err(race)
    }
}

/// Refuses to replace a file that its owner protects. To replace a file takes no right to it, only to its
/// directory: so the right to write is asked for here.
pub(crate) fn check_write_access(
    path: &VirtualPath,
    place: &Place<'_>,
    meta: &Meta,
) -> Result<(), Error> {
    let denied = || Error::permission_denied(path, "the file is read-only");
    if meta.is_write_protected() {
        return Err(denied());
    }
    match accessat(
        &place.dir,
        place.name(),
        Access::WRITE_OK,
        // A link that was swapped in tells nothing of where it leads.
        AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW,
    ) {
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Err(denied()),
        // A system that cannot tell leaves it to the steps that follow.
        _ => Ok(()),
    }
}
