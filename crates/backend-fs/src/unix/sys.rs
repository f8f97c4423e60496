//! The flags of every open in this crate, in one place, and the small differences between systems.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use rustix::fs::OFlags;
#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;

/// How often an operation is retried when an entry was swapped under it.
pub(crate) const MAX_RACES: usize = 16;

/// How many links a path may pass through, as in Linux.
pub(crate) const MAX_LINKS: usize = 40;

/// Opens only a location in the tree, where the system supports that: it needs no read permission, and has no side
/// effects.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PLACE: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PLACE: OFlags = OFlags::RDONLY;

const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

/// A directory as the base of further lookups.
pub(crate) const STEP: OFlags = PLACE.union(OFlags::DIRECTORY).union(SAFE);

/// A directory to list.
pub(crate) const LIST: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(SAFE);

/// A file to read. An entry that turns out not to be a regular file cannot block the open, nor become a controlling
/// terminal.
pub(crate) const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(SAFE);

/// A file that must not exist yet.
pub(crate) const CREATE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(SAFE);

/// A file without a name, in a directory that is opened with these flags.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const UNNAMED: OFlags = OFlags::TMPFILE.union(OFlags::WRONLY).union(OFlags::CLOEXEC);

/// Renames, and fails with `EEXIST` if the target exists. Fails with `EINVAL` or the like where that cannot be done in
/// one step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) fn rename_exclusive(
    from: impl AsFd,
    name: &OsStr,
    to: impl AsFd,
    new_name: &OsStr,
) -> rustix::io::Result<()> {
    rustix::fs::renameat_with(from, name, to, new_name, rustix::fs::RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn rename_exclusive(
    _from: impl AsFd,
    _name: &OsStr,
    _to: impl AsFd,
    _new_name: &OsStr,
) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// Exchanges two entries. Fails with `EINVAL` or the like where that cannot be done in one step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) fn rename_exchange(
    from: impl AsFd,
    name: &OsStr,
    to: impl AsFd,
    new_name: &OsStr,
) -> rustix::io::Result<()> {
    rustix::fs::renameat_with(from, name, to, new_name, rustix::fs::RenameFlags::EXCHANGE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn rename_exchange(
    _from: impl AsFd,
    _name: &OsStr,
    _to: impl AsFd,
    _new_name: &OsStr,
) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// Whether an error says that the file system, or the system, cannot do this at all.
pub(crate) fn is_unsupported(error: Errno) -> bool {
    error == Errno::NOSYS || error == Errno::INVAL || error == Errno::OPNOTSUPP
}

/// Whether entries of a directory can be added, and neither removed nor renamed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_append_only(dir: impl AsFd) -> bool {
    flags(dir, OsStr::new("")).contains(StatxAttributes::APPEND)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_append_only(_dir: impl AsFd) -> bool {
    false
}

/// Whether the file of that name is marked so that it cannot be replaced or removed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_immutable(dir: impl AsFd, name: &OsStr) -> bool {
    flags(dir, name).intersects(StatxAttributes::APPEND.union(StatxAttributes::IMMUTABLE))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_immutable(_dir: impl AsFd, _name: &OsStr) -> bool {
    false
}

/// Whether something is mounted at that name.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_mount_point(dir: impl AsFd, name: &OsStr) -> bool {
    flags(dir, name).contains(StatxAttributes::MOUNT_ROOT)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_mount_point(_dir: impl AsFd, _name: &OsStr) -> bool {
    false
}

/// Returns the flags of a file, or of the directory itself for the empty name. A system that cannot tell reports none.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn flags(dir: impl AsFd, name: &OsStr) -> StatxAttributes {
    let at = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
    let empty = StatxAttributes::empty();
    statx(dir, name, at, StatxFlags::empty()).map_or(empty, |seen| seen.stx_attributes)
}

/// Returns the number of the kind of file system that a directory is on.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn magic(dir: impl AsFd) -> Option<u64> {
    let info = rustix::fs::fstatfs(dir).ok()?;
    // It is signed on some targets, and 32 bits of it count.
    #[expect(clippy::cast_sign_loss, reason = "only the bits matter")]
    Some(info.f_type as u64 & 0xffff_ffff)
}

/// Whether a directory is on a file system whose state is all in this kernel and on its disks: it answers about an entry
/// without asking a server or another program.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_local(dir: impl AsFd) -> bool {
    const LOCAL: [u64; 6] = [
        0x0000_ef53, // ext2, ext3, ext4
        0x0102_1994, // tmpfs
        0x5846_5342, // xfs
        0x794c_7630, // overlayfs
        0x9123_683e, // btrfs
        0xf2f5_2010, // f2fs
    ];
    magic(dir).is_some_and(|magic| LOCAL.contains(&magic))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_local(_dir: impl AsFd) -> bool {
    false
}

/// Whether a directory belongs to a kernel file system such as `/proc`. Searching one finds nothing useful, and may take
/// forever.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_kernel_view(dir: impl AsFd) -> bool {
    const VIEWS: [u64; 10] = [
        0x0000_9fa0, // proc
        0x6265_6572, // sysfs
        0x0027_e0eb, // cgroup
        0x6367_7270, // cgroup2
        0x6462_6720, // debugfs
        0x7472_6163, // tracefs
        0x7363_6673, // securityfs
        0xcafe_4a11, // bpf
        0x1980_0202, // mqueue
        0x0000_1cd1, // devpts
    ];
    magic(dir).is_some_and(|magic| VIEWS.contains(&magic))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_kernel_view(_dir: impl AsFd) -> bool {
    false
}
