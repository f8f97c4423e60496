//! A file's metadata, and how a new file gets it: owner, mode, access list, attributes.
//!
//! The rule is that no user gains access. Whatever cannot be kept is left out, and then the permissions shrink.
//! `security.*` attributes and flags are up to the system, and are not copied.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use rustix::io::Errno;

use super::acl::{self, AccessList};
use super::attributes::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr,
};
use super::meta::Meta;
use super::place::Place;
use super::sys::READ;

/// How many bytes of `user.*` attributes are kept. A file has a few, if any.
const MAX_XATTR_BYTES: usize = 1 << 20;

/// The kept metadata of a file.
#[derive(Clone, Debug)]
pub(crate) struct Preserved {
    meta: Meta,
    list: ListState,
    /// The list of a directory for new entries in it.
    default: Option<Vec<u8>>,
    user: Vec<(CString, Vec<u8>)>,
}

/// The access list of a file.
#[derive(Clone, Debug)]
enum ListState {
    None,
    Some(AccessList),
    /// There may be one, but it cannot be read.
    Unknown,
}

/// How closely a new file matches the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fidelity {
    /// It has the mode that it should have.
    Exact,
    /// It may have less than this mode, which could not be set. A file that is created with the mode gets no
    /// other owner, group or list than this one.
    Reduced { wanted: Mode, same_owners: bool },
}

impl Preserved {
    /// Takes the metadata from a file that is open for reading.
    pub(crate) fn of(file: impl AsFd, meta: Meta) -> Self {
        let file = file.as_fd();
        Self::read(
            meta,
            |name, into| fgetxattr(file, name, into),
            |into| flistxattr(file, into),
        )
    }

    /// Takes the metadata from the file at a place, without opening it if possible: on some file systems an open
    /// file that is replaced stays behind under another name.
    pub(crate) fn at(place: &Place<'_>, meta: Meta) -> Self {
        let dir = place.dir.as_fd().as_raw_fd();
        let mut path = format!("/proc/self/fd/{dir}/").into_bytes();
        path.extend(place.name().as_bytes());
        let path = path.as_slice();
        let preserved = Self::read(
            meta,
            |name, into| lgetxattr(path, name, into),
            |into| llistxattr(path, into),
        );
        if !matches!(preserved.list, ListState::Unknown) {
            return preserved;
        }
        match place.open(READ) {
            Ok(file) => Self::of(file, meta),
            Err(_) => preserved,
        }
    }

    fn read(
        meta: Meta,
        get: impl Fn(&CStr, &mut [u8]) -> rustix::io::Result<usize>,
        names: impl Fn(&mut [u8]) -> rustix::io::Result<usize>,
    ) -> Self {
        let named = |name: &CStr| value(|into| get(name, into));
        let list = match named(acl::ACCESS) {
            Ok(bytes) => AccessList::parse(&bytes).map_or(ListState::Unknown, ListState::Some),
            Err(error) if is_absent(error) => ListState::None,
            Err(_) => ListState::Unknown,
        };
        let default = meta.is_dir().then(|| named(acl::DEFAULT).ok()).flatten();
        let mut user = Vec::new();
        let mut left = MAX_XATTR_BYTES;
        let all = value(names).unwrap_or_default();
        for name in all.split(|&byte| byte == 0) {
            if !name.starts_with(b"user.") {
                continue;
            }
            let Ok(name) = CString::new(name) else {
                continue;
            };
            if let Ok(bytes) = value(|into| get(&name, into))
                && let Some(less) = left.checked_sub(bytes.len())
            {
                left = less;
                user.push((name, bytes));
            }
        }
        Self {
            meta,
            list,
            default,
            user,
        }
    }

    /// Applies all of it to a new file, as far as permitted. Until then only the owner may have access to the
    /// file, so that no user gains access even briefly.
    pub(crate) fn apply_to(&self, file: impl AsFd) -> io::Result<Fidelity> {
        let file = file.as_fd();
        for (name, bytes) in &self.user {
            // A file system that does not accept it is not a reason to refuse the content.
            let _ = fsetxattr(file, name.as_c_str(), bytes.as_slice(), XattrFlags::empty());
        }
        let own = Meta::of(file)?;
        let (owner, group) = (self.meta.owner(), self.meta.group());
        let same_owners = own.owner() == owner && own.group() == group;
        let mut same_group = true;
        if !same_owners {
            let (owner, group) = (Uid::from_raw(owner), Gid::from_raw(group));
            let both = fchown(file, Some(owner), Some(group));
            same_group = both.is_ok() || fchown(file, None, Some(group)).is_ok();
        }
        let (wanted, has_list) = self.apply_access_list(file, same_group)?;
        match fchmod_if_other(file, wanted) {
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
        // Some file systems report success and do nothing.
        let now = permissions(&Meta::of(file)?);
        if now == wanted {
            return Ok(Fidelity::Exact);
        }
        if !wanted.contains(now) {
            return Err(Errno::PERM.into());
        }
        let same_owners = same_owners && !has_list && matches!(self.list, ListState::None);
        Ok(Fidelity::Reduced {
            wanted,
            same_owners,
        })
    }

    /// Gives a new file the list, or removes the one inherited from its directory. Returns the mode that it must
    /// get, and whether it has a list.
    fn apply_access_list(
        &self,
        file: impl AsFd,
        same_group: bool,
    ) -> rustix::io::Result<(Mode, bool)> {
        let file = file.as_fd();
        let mut mode = permissions(&self.meta);
        if !self.meta.is_dir() {
            // New content does not run with the owner's rights, as after any write.
            mode = mode.difference(Mode::SUID.union(Mode::SGID));
        }
        if self.meta.is_dir() {
            let none = XattrFlags::empty();
            // Without it, later entries here get their permissions from the mode.
            let _ = match &self.default {
                Some(list) => fsetxattr(file, acl::DEFAULT, list.as_slice(), none),
                None => fremovexattr(file, acl::DEFAULT),
            };
        }
        if let ListState::Some(list) = &self.list {
            let mut list = list.clone();
            let mut mode = mode;
            if !same_group {
                list = list.for_another_group();
                // Setting the old mode would give others in the list their rights back.
                let (group, others) = list.shown();
                mode = with_rights(mode, group.into(), others.into());
            }
            if fsetxattr(file, acl::ACCESS, list.bytes(), XattrFlags::empty()).is_ok() {
                return Ok((mode, true));
            }
        }
        // Another group gets no more than others had, and others, who now include the members of the lost group, no
        // more than that one had.
        let (group, others) = (rights(mode, Mode::RWXG) >> 3, rights(mode, Mode::RWXO));
        let (group, others) = match &self.list {
            ListState::Some(list) => {
                let (group, others) = list.as_mode();
                (group.into(), others.into())
            }
            ListState::None => (group, others),
            ListState::Unknown => (group & others, others),
        };
        mode = if same_group {
            with_rights(mode, group, others)
        } else {
            with_rights(mode, group & others, group & others)
        };
        let mut nothing = [0_u8; 0];
        let has_list = match fgetxattr(file, acl::ACCESS, nothing.as_mut_slice()) {
            Err(error) if is_absent(error) => false,
            _ => fremovexattr(file, acl::ACCESS).is_err(),
        };
        if has_list {
            // The group bits would widen the mask of a list that is not the old file's.
            mode = mode.difference(Mode::RWXG);
        }
        Ok((mode, has_list))
    }
}

fn fchmod_if_other(file: impl AsFd, wanted: Mode) -> rustix::io::Result<()> {
    let now = rustix::fs::fstat(&file)?;
    if permissions(&Meta::new(now)) == wanted {
        return Ok(());
    }
    fchmod(file, wanted)
}

/// Returns the mode without the kind of the file.
fn permissions(meta: &Meta) -> Mode {
    Mode::from_raw_mode(meta.mode().as_raw_mode() & 0o7777)
}

fn rights(mode: Mode, whom: Mode) -> u32 {
    mode.intersection(whom).as_raw_mode()
}

fn with_rights(mode: Mode, group: u32, others: u32) -> Mode {
    let rest = mode.difference(Mode::RWXG.union(Mode::RWXO));
    rest.union(Mode::from_raw_mode((group & 7) << 3 | (others & 7)))
}

/// Whether an error says that a file has no such attribute.
fn is_absent(error: Errno) -> bool {
    error == Errno::NODATA || error == Errno::OPNOTSUPP || error == Errno::NOSYS
}

/// Reads a value whose size is not known in advance.
fn value(read: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    // The largest that Linux allows.
    const MAX_XATTR_VALUE: usize = 64 << 10;
    for size in [512, MAX_XATTR_VALUE] {
        let mut bytes = vec![0; size];
        match read(&mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Err(Errno::RANGE) if size < MAX_XATTR_VALUE => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::RANGE)
}
