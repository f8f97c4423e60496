//! Which links the system itself would follow. The same rules apply to links that are followed by hand
//! here.

use std::fs;
use std::os::fd::AsFd;

use rustix::fs::{Mode, StatVfsMountFlags, fstatvfs};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::meta::Meta;

/// A mount on which no links are followed, as Linux reports it.
const NO_SYMFOLLOW: StatVfsMountFlags = StatVfsMountFlags::from_bits_retain(0x2000);

/// Refuses to follow a link in a directory if the system would.
pub(crate) fn check_following(dir: impl AsFd, link: &Meta) -> rustix::io::Result<()> {
    if fstatvfs(&dir)?.f_flag.contains(NO_SYMFOLLOW) {
        return Err(Errno::LOOP);
    }
    let above = Meta::new(rustix::fs::fstat(&dir)?);
    // Where all users may create links, another user's link may be a trap.
    let is_shared = above.mode().contains(Mode::SVTX.union(Mode::WOTH));
    let is_trusted = [above.owner(), geteuid().as_raw()].contains(&link.owner());
    if is_shared && !is_trusted && are_protected() {
        return Err(Errno::ACCESS);
    }
    Ok(())
}

/// Whether the host enables that: `fs.protected_symlinks`.
fn are_protected() -> bool {
    let setting = fs::read("/proc/sys/fs/protected_symlinks");
    setting.is_ok_and(|setting| setting.trim_ascii() != b"0")
}
