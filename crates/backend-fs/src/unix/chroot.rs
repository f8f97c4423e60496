//! Paths as in a chroot, for the few that cap-std refuses: an absolute link starts at the root, and `..` stops
//! there.
//!
//! The links in the path are resolved by hand, on handles below the root. The result is opened through cap-std
//! like any other path, so a link that is added meanwhile leads no further than before.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use cap_std::fs::Dir;
use rustix::io::Errno;

use super::following::check_following;
use super::meta::Meta;
use super::retry::retry_io;
use super::sys::MAX_LINKS;

/// A part of a path still to be walked.
pub(super) enum Part {
    Up,
    Down(OsString),
}

/// Returns the path below `root` that `path` leads to, without links and without `..`. The target must exist.
pub(crate) fn without_links(root: &Dir, path: &Path) -> io::Result<PathBuf> {
    let mut done = PathBuf::new();
    let mut todo = Vec::new();
    push(&mut todo, path);
    let mut links = 0;
    while let Some(part) = todo.pop() {
        let Part::Down(name) = part else {
            // At the root there is nothing to pop, which is what a chroot does.
            done.pop();
            continue;
        };
        let next = done.join(name);
        let meta = retry_io(|| root.symlink_metadata(&next))?;
        if meta.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            let above = match done.as_os_str().is_empty() {
                true => root.try_clone()?,
                false => retry_io(|| root.open_dir(&done))?,
            };
            if let Some(name) = next.file_name() {
                check_following(&above, &Meta::at(&above, name)?)?;
            }
            let target = retry_io(|| root.read_link_contents(&next))?;
            if target.has_root() {
                done.clear();
            }
            push(&mut todo, &target);
        } else if meta.is_dir() || todo.is_empty() {
            done = next;
        } else {
            return Err(Errno::NOTDIR.into());
        }
    }
    Ok(done)
}

/// Puts the parts of a path on the stack, the first one on top.
pub(super) fn push(todo: &mut Vec<Part>, path: &Path) {
    todo.extend(path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(Part::Down(name.to_owned())),
        Component::ParentDir => Some(Part::Up),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    }));
}
