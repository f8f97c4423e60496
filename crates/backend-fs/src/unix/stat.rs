//! `stat`, and the entries of listings.

use backend_core::{Entry, EntryKind, Error, Result, StatRequest, VirtualPath};

use super::meta::Meta;
use super::names;
use super::resolve::MissingParents;
use super::root::Root;

impl Root {
    pub(crate) fn stat(&self, request: &StatRequest) -> Result<Entry> {
        let path = &request.path;
        names::check(path)?;
        self.retry_races(path, || {
            let place = self.place(path, MissingParents::Refuse)?;
            let meta = place.lstat()?.ok_or_else(|| Error::not_found(path))?;
            Ok(self.entry(path.clone(), &meta))
        })
    }

    /// Creates an entry. For a link, it stats the target inside the root.
    pub(crate) fn entry(&self, path: VirtualPath, meta: &Meta) -> Entry {
        let mut entry = Entry::new(path, meta.kind());
        entry.modified = meta.modified();
        match entry.kind {
            EntryKind::File => {
                entry.size = meta.size();
                entry.version = Some(meta.version());
            }
            EntryKind::Symlink => {
                let target = self.follow(&entry.path, MissingParents::Refuse);
                if let Some(target) = target.ok().and_then(|found| found.meta) {
                    entry.target = Some(target.kind());
                    entry.size = if target.is_file() { target.size() } else { 0 };
                }
            }
            _ => {}
        }
        entry
    }
}
