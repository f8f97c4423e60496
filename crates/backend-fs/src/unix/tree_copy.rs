//! The copy of a tree in its place: whether it still is what was copied, so that it may be taken back.

use std::ffi::CString;

use backend_core::EntryKind;

use super::descent::{Descent, open_list};
use super::fault::Fault;
use super::list::list;
use super::meta::Meta;
use super::place::{Place, lstat};
use super::tree_move::Copied;
use super::tree_source::below;

/// Whether all that is at a place is the copy, unchanged. If that cannot be determined, it may have changed.
pub(crate) fn is_untouched(place: &Place<'_>, copied: &Copied) -> bool {
    seen(place, copied).is_ok_and(|seen| seen == Some(copied.len()))
}

/// Returns how many entries there are, or `None` if one of them is not as it was copied.
fn seen(place: &Place<'_>, copied: &Copied) -> Result<Option<usize>, Fault> {
    let is_copy = |path: &[u8], meta: &Meta| {
        let pair = copied.get(path);
        pair.is_some_and(|pair| pair.copy.is(meta))
    };
    let mut seen = 0;
    let mut path = Vec::new();
    let top = open_list(&place.dir, place.name())?;
    let mut walk = Descent::start(top, CString::default(), Vec::new())?;
    let mut is_new = true;
    loop {
        if is_new {
            let listing = list(walk.dir())?;
            let is_known = listing.temporary.is_empty() && listing.unreadable() == 0;
            if !is_known || !is_copy(&path, &Meta::of(walk.dir())?) {
                return Ok(None);
            }
            seen += 1;
            for entry in listing.entries {
                if entry.kind == EntryKind::Directory {
                    walk.work().push(entry.name);
                    continue;
                }
                match lstat(walk.dir(), &entry.name)? {
                    Some(meta) if is_copy(&below(&path, &entry.name), &meta) => seen += 1,
                    _ => return Ok(None),
                }
            }
        }
        is_new = false;
        if let Some(name) = walk.work().pop() {
            path = below(&path, &name);
            walk.enter(name, Vec::new())?;
            is_new = true;
        } else if let Some(name) = walk.leave()? {
            path.truncate(path.len().saturating_sub(name.to_bytes().len() + 1));
        } else {
            return Ok(Some(seen));
        }
    }
}
