//! `resolve`: the path without links, for callers that decide by path.
//!
//! The result may be out of date at once. This backend itself does not use it to find anything.

use std::io;
use std::path::PathBuf;

use backend_core::{Error, ResolveRequest, Resolved, Result, VirtualPath};
use rustix::io::Errno;

use super::chroot::{Part, push};
use super::fault::{Fault, escape};
use super::names;
use super::retry::retry_io;
use super::root::{Links, Root};
use super::sys::MAX_LINKS;

impl Root {
    pub(crate) fn resolve(&self, request: &ResolveRequest) -> Result<Resolved> {
        let path = &request.path;
        names::check(path)?;
        self.retry_races(path, || {
            let real = self.without_links(path)?;
            Ok(Resolved::new(named(&real).ok_or_else(|| unnameable(path))?))
        })
    }

    fn without_links(&self, path: &VirtualPath) -> Result<PathBuf, Fault> {
        let mut done = PathBuf::new();
        let mut todo = Vec::new();
        push(&mut todo, path.relative().as_ref());
        let mut links = 0;
        let mut missing: Option<Errno> = None;
        while let Some(part) = todo.pop() {
            let Part::Down(name) = part else {
                // A path through a missing entry leads nowhere.
                if let Some(errno) = missing {
                    return Err(errno.into());
                }
                if !done.pop() && self.links() == Links::Beneath {
                    return Err(escape().into());
                }
                continue;
            };
            let next = done.join(name);
            // There are no links below a missing entry.
            if missing.is_some() {
                done = next;
                continue;
            }
            let meta = match retry_io(|| self.dir().symlink_metadata(&next)) {
                Ok(meta) => meta,
                Err(error) => {
                    missing = Some(missing_by(&error).ok_or(error)?);
                    done = next;
                    continue;
                }
            };
            if !meta.is_symlink() {
                done = next;
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = match retry_io(|| self.dir().read_link_contents(&next)) {
                Ok(target) => target,
                Err(error) => return Err(Fault::from(error).race_if(&[Errno::INVAL, Errno::NOENT])),
            };
            if target.has_root() {
                if self.links() == Links::Beneath {
                    return Err(escape().into());
                }
                done.clear();
            }
            push(&mut todo, &target);
        }
        Ok(done)
    }
}

/// Returns why nothing is there, if the error says that.
fn missing_by(error: &io::Error) -> Option<Errno> {
    Errno::from_io_error(error).filter(|errno| matches!(*errno, Errno::NOENT | Errno::NOTDIR))
}

/// Returns a path below the root as a virtual path, if it has one.
fn named(path: &std::path::Path) -> Option<VirtualPath> {
    let mut named = VirtualPath::root();
    for name in path {
        named = named.child(name.to_str()?).ok()?;
    }
    Some(named)
}

fn unnameable(path: &VirtualPath) -> Error {
    Error::permission_denied(path, "it leads to a name that cannot be part of a path")
}
