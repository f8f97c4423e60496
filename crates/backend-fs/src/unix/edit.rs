//! `edit`: read, apply, replace, under the file's lock.

use backend_core::text::{MAX_EDIT_BYTES, apply_edits};
use backend_core::{EditRequest, Edited, Error, Result};
use rustix::io::Errno;

use super::fault::Fault;
use super::meta::Meta;
use super::names;
use super::open::{check_file, open_at};
use super::read::fill;
use super::replace::check_write_access;
use super::resolve::MissingParents;
use super::root::Root;
use super::temp::Target;
use super::write::changed;

impl Root {
    pub(crate) fn edit(&self, request: &EditRequest) -> Result<Edited> {
        let path = &request.path;
        // A dry run changes nothing, so a read-only backend allows it.
        if !request.dry_run {
            self.check_writable(path)?;
        }
        names::check(path)?;
        self.retry_races(path, || self.edit_once(request))
    }

    fn edit_once(&self, request: &EditRequest) -> Result<Edited, Fault> {
        let path = &request.path;
        let place = self.follow(path, MissingParents::Refuse)?.place;
        let _held = place.lock()?;
        let there = place.lstat()?.ok_or(Errno::NOENT)?;
        if there.is_link() {
            return Err(Fault::raced(Errno::LOOP));
        }
        check_file(path, &there)?;
        let opened = open_at(&place)?;
        let (meta, version) = (opened.meta, opened.meta.version());
        if request.expected.is_some_and(|expected| expected != version) {
            return Err(changed(path, Some(version)).into());
        }
        if meta.size() > MAX_EDIT_BYTES {
            return Err(Fault::Error(Error::TooLarge {
                path: path.clone(),
                size: meta.size(),
                limit: MAX_EDIT_BYTES,
            }));
        }
        if !request.dry_run {
            check_write_access(path, &place, &meta)?;
        }
        let mut content = Vec::new();
        fill(&opened.file, 0, meta.size(), &mut content)?;
        // Another program may write into the file while it is read. Growth counts here: it would be lost.
        let later = Meta::of(&opened.file)?;
        if later.size() != content.len() as u64 || meta.was_overwritten(&later) {
            return Err(Fault::Conflict);
        }
        // On some file systems a file that is open when it is replaced stays behind under another name.
        drop(opened);
        let applied = apply_edits(path, &content, &request.edits)?;
        let version = if request.dry_run {
            version
        } else {
            self.replace(
                path,
                &place,
                Some(&meta),
                &applied.bytes,
                Target::Replace,
                Some(version),
            )?
        };
        Ok(Edited::new(
            applied.replacements,
            version,
            applied.diff,
            applied.diff_cut,
        ))
    }
}
