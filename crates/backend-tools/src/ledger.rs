//! The files that a toolset has read and written: the version of each, and its text while there is room.
//!
//! It is bounded. A forgotten file is treated as never read; the only cost is one extra read.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backend_core::{Version, VirtualPath};

/// Maximum number of remembered files.
const MAX_FILES: usize = 4096;

/// Maximum size of a text that is kept.
pub(crate) const MAX_TEXT_BYTES: usize = 256 << 10;

/// Maximum size of all kept texts.
const MAX_TEXTS_BYTES: usize = 8 << 20;

/// A file as it was last seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenFile {
    pub(crate) version: Version,
    /// The whole text, if all of it was seen and it is short.
    pub(crate) text: Option<Arc<str>>,
    /// The mark that identifies the whole text, if all of it was seen.
    mark: Option<(usize, u64)>,
}

impl SeenFile {
    /// A file whose whole text is known.
    pub(crate) fn whole(version: Version, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            version,
            text: (text.len() <= MAX_TEXT_BYTES).then(|| Arc::from(text)),
            mark: Some(mark(text)),
        }
    }

    /// A file of which only a part is known, or that is not text.
    pub(crate) fn part(version: Version) -> Self {
        Self {
            version,
            text: None,
            mark: None,
        }
    }

    /// Returns whether this is the text that was seen.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.mark == Some(mark(text))
    }

    fn text_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.len())
    }
}

fn mark(text: &str) -> (usize, u64) {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    (text.len(), hasher.finish())
}

#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    files: HashMap<VirtualPath, Entry>,
    text_bytes: usize,
    now: u64,
}

#[derive(Debug)]
struct Entry {
    seen: SeenFile,
    used: u64,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, path: &VirtualPath) -> Option<SeenFile> {
        let mut entries = self.lock();
        entries.now += 1;
        let now = entries.now;
        let entry = entries.files.get_mut(path)?;
        entry.used = now;
        Some(entry.seen.clone())
    }

    /// Remembers a file as it was seen now.
    pub(crate) fn record(&self, path: &VirtualPath, seen: SeenFile) {
        self.lock().put(path, seen);
    }

    /// Remembers that a part was seen, and keeps what is known of the same version.
    pub(crate) fn record_partial(&self, path: &VirtualPath, version: Version) {
        let mut entries = self.lock();
        let known = entries.files.get(path);
        if known.is_none_or(|known| known.seen.version != version) {
            entries.put(path, SeenFile::part(version));
        }
    }

    /// Updates the version of a file whose text is unchanged.
    pub(crate) fn renew(&self, path: &VirtualPath, version: Version) {
        if let Some(entry) = self.lock().files.get_mut(path) {
            entry.seen.version = version;
        }
    }

    /// Forgets the entries at and below a path.
    pub(crate) fn forget(&self, path: &VirtualPath) {
        let mut entries = self.lock();
        let gone: Vec<_> = entries
            .files
            .keys()
            .filter(|known| known.starts_with(path))
            .cloned()
            .collect();
        for path in gone {
            entries.remove(&path);
        }
    }

    /// Remembers a file under another path.
    pub(crate) fn moved(&self, from: &VirtualPath, to: &VirtualPath, version: Option<Version>) {
        let mut entries = self.lock();
        let seen = entries.remove(from);
        entries.remove(to);
        drop(entries);
        self.forget(from);
        self.forget(to);
        if let (Some(mut seen), Some(version)) = (seen, version) {
            seen.version = version;
            self.record(to, seen);
        }
    }
}

impl Entries {
    fn put(&mut self, path: &VirtualPath, seen: SeenFile) {
        self.remove(path);
        self.now += 1;
        self.text_bytes += seen.text_bytes();
        let used = self.now;
        self.files.insert(path.clone(), Entry { seen, used });
        while self.files.len() > MAX_FILES {
            let Some(oldest) = self.oldest(|_| true) else {
                break;
            };
            self.remove(&oldest);
        }
        while self.text_bytes > MAX_TEXTS_BYTES {
            let Some(oldest) = self.oldest(|seen| seen.text.is_some()) else {
                break;
            };
            if let Some(entry) = self.files.get_mut(&oldest) {
                self.text_bytes -= entry.seen.text_bytes();
                entry.seen.text = None;
            }
        }
    }

    fn oldest(&self, counts: impl Fn(&SeenFile) -> bool) -> Option<VirtualPath> {
        let counted = self.files.iter().filter(|(_, entry)| counts(&entry.seen));
        counted
            .min_by_key(|(_, entry)| entry.used)
            .map(|(path, _)| path.clone())
    }

    fn remove(&mut self, path: &VirtualPath) -> Option<SeenFile> {
        let entry = self.files.remove(path)?;
        self.text_bytes -= entry.seen.text_bytes();
        Some(entry.seen)
    }
}

#[cfg(test)]
mod tests {
    use backend_core::{Version, VirtualPath};

    use super::{Ledger, MAX_FILES, MAX_TEXT_BYTES, MAX_TEXTS_BYTES, SeenFile};

    fn path(text: &str) -> VirtualPath {
        VirtualPath::parse(text).unwrap()
    }

    fn version(number: u64) -> Version {
        Version::from_parts(&[number])
    }

    #[test]
    fn a_part_does_not_displace_the_whole_of_the_same_version() {
        let ledger = Ledger::default();
        ledger.record(&path("/a"), SeenFile::whole(version(1), "text"));
        ledger.record_partial(&path("/a"), version(1));
        assert!(ledger.get(&path("/a")).unwrap().is("text"));
        ledger.record_partial(&path("/a"), version(2));
        assert!(!ledger.get(&path("/a")).unwrap().is("text"));
    }

    #[test]
    fn texts_and_files_are_bounded_and_the_oldest_go_first() {
        let ledger = Ledger::default();
        let text = "x".repeat(MAX_TEXT_BYTES);
        for number in 0..=(MAX_TEXTS_BYTES / MAX_TEXT_BYTES) {
            ledger.record(
                &path(&format!("/{number}")),
                SeenFile::whole(version(1), &text),
            );
        }
        let first = ledger.get(&path("/0")).unwrap();
        assert!(first.text.is_none() && first.is(&text), "its mark is kept");
        assert!(ledger.get(&path("/1")).unwrap().text.is_some());
        assert!(
            SeenFile::whole(version(1), &format!("{text}x"))
                .text
                .is_none()
        );

        for number in 0..MAX_FILES {
            ledger.record_partial(&path(&format!("/many/{number}")), version(1));
        }
        assert_eq!(ledger.lock().files.len(), MAX_FILES);
        assert!(ledger.get(&path("/2")).is_none());
        assert_eq!(ledger.lock().text_bytes, 0);
    }

    #[test]
    fn a_move_transfers_the_entry_and_forgets_the_target() {
        let ledger = Ledger::default();
        ledger.record(&path("/a"), SeenFile::whole(version(1), "text"));
        ledger.record(&path("/b"), SeenFile::whole(version(1), "other"));
        ledger.moved(&path("/a"), &path("/b"), Some(version(2)));
        assert!(ledger.get(&path("/a")).is_none());
        let moved = ledger.get(&path("/b")).unwrap();
        assert!(moved.is("text"));
        assert_eq!(moved.version, version(2));
    }

    #[test]
    fn forgetting_a_directory_forgets_what_is_in_it() {
        let ledger = Ledger::default();
        for name in ["/a/b", "/a/c/d", "/ab"] {
            ledger.record_partial(&path(name), version(1));
        }
        ledger.forget(&path("/a"));
        assert!(ledger.get(&path("/a/b")).is_none() && ledger.get(&path("/a/c/d")).is_none());
        assert!(ledger.get(&path("/ab")).is_some());
    }
}
