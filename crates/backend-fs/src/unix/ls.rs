//! `ls`: names first, sorted; then a stat of only those that fit on the page.

use std::os::fd::OwnedFd;

use backend_core::{
    Entry, EntryKind, Error, LsRequest, MAX_PATH_BYTES, MAX_SEGMENT_BYTES, Page, Result, Skipped,
    Truncation, VirtualPath,
};

use super::list::{Listed, list};
use super::names;
use super::place::lstat;
use super::root::Root;

impl Root {
    pub(crate) fn ls(&self, request: &LsRequest) -> Result<Page<Entry>> {
        let LsRequest { path, limit, .. } = request;
        names::check(path)?;
        if *limit == 0 {
            return Err(Error::invalid_request_at(
                path,
                "the limit must be at least 1",
            ));
        }
        self.retry_races(path, || {
            let dir = self.open_list(path)?;
            let listing = list(&dir)?;
            let mut skipped = Skipped::default();
            skipped.unreadable = listing.unreadable();
            let names = nameable(path, listing.entries, &mut skipped);
            Ok(self.page(path, &dir, names, *limit, skipped))
        })
    }

    /// Stats one entry after the other until the page is full and one more is known to exist.
    fn page(
        &self,
        path: &VirtualPath,
        dir: &OwnedFd,
        names: Vec<Listed>,
        limit: usize,
        mut skipped: Skipped,
    ) -> Page<Entry> {
        let mut items = Vec::with_capacity(names.len().min(limit));
        let mut more = false;
        for Listed { name, .. } in names {
            let child = names::nameable(&name).and_then(|name| path.child(name).ok());
            match (lstat(dir, &name), child) {
                (Ok(Some(_)), Some(_)) if items.len() == limit => {
                    more = true;
                    break;
                }
                (Ok(Some(meta)), Some(child)) => items.push(self.entry(child, &meta)),
                _ => skipped.unreadable += 1,
            }
        }
        // An entry that was a file when listed may be a directory by now.
        items.sort_by(Entry::listing_order);
        let truncated = match (more, skipped.unreadable) {
            (true, _) => Some(Truncation::Limit),
            (false, 0) => None,
            (false, _) => Some(Truncation::Unreadable),
        };
        Page::new(items, truncated, skipped)
    }
}

/// Sorts the entries that a path can name, and counts the others.
fn nameable(path: &VirtualPath, entries: Vec<Listed>, skipped: &mut Skipped) -> Vec<Listed> {
    // Checking whether the path gets too long takes an allocation, so it is skipped where that is impossible.
    let roomy = path.as_str().len() + 1 + MAX_SEGMENT_BYTES <= MAX_PATH_BYTES;
    let mut names: Vec<_> = entries
        .into_iter()
        .filter(|entry| {
            let named =
                names::nameable(&entry.name).is_some_and(|name| roomy || path.child(name).is_ok());
            skipped.unnameable += u64::from(!named);
            named
        })
        .collect();
    let last = |entry: &Listed| entry.kind != EntryKind::Directory;
    names.sort_unstable_by(|one, two| (last(one), &one.name).cmp(&(last(two), &two.name)));
    names
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::{EntryKind, Listed, Skipped, VirtualPath, nameable};

    #[test]
    fn directories_come_first_and_odd_names_are_counted() {
        let listed = |name: &[u8], kind| Listed {
            name: CString::new(name).unwrap(),
            kind,
        };
        let mut skipped = Skipped::default();
        let names = nameable(
            &VirtualPath::root(),
            vec![
                listed(b"b", EntryKind::File),
                listed(b"B", EntryKind::File),
                listed(b"z", EntryKind::Directory),
                listed(b"\xff", EntryKind::File),
                listed(b"new\nline", EntryKind::Directory),
            ],
            &mut skipped,
        );
        let names: Vec<_> = names
            .iter()
            .map(|e| e.name.to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["z", "B", "b"]);
        assert_eq!(skipped.unnameable, 2);
    }
}
