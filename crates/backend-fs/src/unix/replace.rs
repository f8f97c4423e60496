//! Gives a place new content: the last steps of a write and of an edit.

use std::os::fd::AsFd;

use backend_core::{Error, Version, VirtualPath};
use rustix::fs::{Access, AtFlags, Mode, accessat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::fault::Fault;
use super::meta::Meta;
use super::place::Place;
use super::preserved::Preserved;
use super::root::Root;
use super::sys::{is_append_only, is_immutable};
use super::temp::{Target, Temp};

impl Root {
    /// Puts `content` in a place whose lock is held, instead of the file that is there, if there is one.
    ///
    /// With `only` the file must still have that version at the last moment. Otherwise nothing is changed, and
    /// the caller retries with the new state.
    pub(crate) fn replace(
        &self,
        path: &VirtualPath,
        place: &Place<'_>,
        replaced: Option<&Meta>,
        content: &[u8],
        target: Target,
        only: Option<Version>,
    ) -> Result<Version, Fault> {
        // The directory may be removed at any time, and the file be swapped for a directory.
        const MAX_RACES: [Errno; 3] = [Errno::NOENT, Errno::ISDIR, Errno::NOTDIR];
        let race = |error| {
            Fault::Io(error)
                .race_if(&MAX_RACES)
                .explain_quota(&place.dir)
        };
        let preserved = replaced.map(|meta| Preserved::at(place, *meta));
        if let Some(replaced) = replaced {
            // The kept metadata is another file's if the file was swapped meanwhile.
            if place
                .lstat()?
                .is_none_or(|there| there.id() != replaced.id())
            {
                return Err(Fault::Conflict);
            }
            // The temporary file could never be removed.
            if is_append_only(&place.dir) {
                return Err(Error::permission_denied(path, APPEND_ONLY).into());
            }
        }
        let mut temp = Temp::create(place.dir.as_fd(), preserved.as_ref()).map_err(race)?;
        temp.write(content).map_err(race)?;
        if only.is_some() && place.lstat()?.map(|meta| meta.version()) != only {
            return Err(Fault::Conflict);
        }
        let put = temp.persist(place.name(), target, self.durability());
        put.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::PERM | Errno::ACCESS) => refusal(path, place, error),
            Some(Errno::EXIST) if target == Target::New => Fault::Raced(error),
            _ => race(error),
        })
    }
}

pub(crate) const APPEND_ONLY: &str =
    "the directory is append-only: files can be added to it, not replaced or removed";

/// Creates the error of an entry that may not be replaced or removed, with the reason if it can be determined.
pub(crate) fn refusal(
    path: &VirtualPath,
    place: &Place<'_>,
    error: impl Into<std::io::Error>,
) -> Fault {
    match why_irremovable(place) {
        Some(reason) => Error::permission_denied(path, reason).into(),
        None => Fault::Io(error.into()),
    }
}

/// Returns why this process cannot replace or remove an entry, if that can be determined beforehand.
pub(crate) fn why_irremovable(place: &Place<'_>) -> Option<&'static str> {
    if is_immutable(&place.dir, place.name()) {
        return Some("the file is marked immutable or append-only");
    }
    if is_append_only(&place.dir) {
        return Some(APPEND_ONLY);
    }
    let (dir, there) = (Meta::of(&place.dir).ok()?, place.lstat().ok()??);
    let user = geteuid().as_raw();
    let sticky = dir.mode().contains(Mode::SVTX);
    let is_others = ![0, dir.owner(), there.owner()].contains(&user);
    (sticky && is_others)
        .then_some("in this directory (sticky) only the owner of a file can replace or remove it")
}

/// Refuses to replace a write-protected file. Replacing a file needs no permission on it, only on its
/// directory: so write permission is checked here.
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
        // A link that was swapped in reveals nothing about its target.
        AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW,
    ) {
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            let reason = is_immutable(&place.dir, place.name());
            let fixed =
                || Error::permission_denied(path, "the file is marked immutable or append-only");
            Err(if reason { fixed() } else { denied() })
        }
        // If the system cannot tell, the following steps decide.
        _ => Ok(()),
    }
}
