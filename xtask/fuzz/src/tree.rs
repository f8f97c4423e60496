//! A small workspace: a few names at a few depths, so that patterns and ignore files match something.

use arbitrary::{Result, Unstructured};
use backend_core::{BackendExt, EntryKind, VirtualPath};
use backend_state::StateBackend;

use crate::now::now;
use crate::words;

/// The names of entries.
pub(crate) const NAMES: &[&str] = &[
    "a",
    "b",
    "a.rs",
    "b.txt",
    "src",
    ".h",
    ".gitignore",
    ".ignore",
    "é",
    "a-b",
    "A",
    "[x]",
    "a b",
    "target",
];

/// The words of an ignore file.
const IGNORE_WORDS: &[&str] = &[
    "a", "*", "/", "!", "\n", "\n", ".rs", "src", "**", "#", " ", "\\", "[", "]", "target", "?",
    "{", "}", "b.txt", "\r\n",
];

/// A workspace, and its contents.
pub(crate) struct Tree {
    pub(crate) backend: StateBackend,
    /// Every entry except the root with its kind and, for a file, its content, in path order.
    pub(crate) entries: Vec<(VirtualPath, EntryKind, Vec<u8>)>,
}

impl Tree {
    /// Makes a workspace with up to `most` files, with contents of these words.
    pub(crate) fn arbitrary(
        u: &mut Unstructured<'_>,
        most: usize,
        content: &[&str],
    ) -> Result<Self> {
        let backend = StateBackend::new();
        for _ in 0..u.int_in_range(0..=most)? {
            let path = path(u)?;
            let name = path.name().unwrap_or_default();
            let rules = matches!(name, ".gitignore" | ".ignore");
            let mut text =
                words::text(u, if rules { IGNORE_WORDS } else { content }, 24)?.into_bytes();
            match u.int_in_range(0..=15_u8)? {
                0 => text = encode_utf16(&text),
                1 => text.extend(u.bytes(4)?),
                2 => drop(now(backend.mkdir(&path))),
                _ => {}
            }
            // It is refused if a parent is a file, or a directory exists there, and changes nothing.
            drop(now(backend.write(&path, &text)));
        }
        let mut tree = Self {
            backend,
            entries: Vec::new(),
        };
        tree.collect(&VirtualPath::root());
        tree.entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(tree)
    }

    fn collect(&mut self, directory: &VirtualPath) {
        for entry in now(self.backend.ls(directory)).expect("a directory is listed") {
            let content = match entry.kind {
                EntryKind::File => now(self.backend.read_bytes(&entry.path))
                    .expect("a file is read")
                    .to_vec(),
                _ => Vec::new(),
            };
            if entry.kind == EntryKind::Directory {
                self.collect(&entry.path);
            }
            self.entries.push((entry.path, entry.kind, content));
        }
    }

    /// Returns what is at a path; the root is a directory.
    pub(crate) fn kind(&self, path: &VirtualPath) -> Option<EntryKind> {
        let found = self.entries.iter().find(|entry| entry.0 == *path);
        let root = path.is_root().then_some(EntryKind::Directory);
        found.map(|entry| entry.1).or(root)
    }

    /// Returns what a search finds at the path where it starts: what it excludes is as if it did not exist.
    pub(crate) fn base(&self, path: &VirtualPath, exclude: &[VirtualPath]) -> Option<EntryKind> {
        let excluded = exclude.iter().any(|out| path.starts_with(out));
        self.kind(path).filter(|_| !excluded)
    }
}

/// Makes a path of up to four names; the root too.
pub(crate) fn path(u: &mut Unstructured<'_>) -> Result<VirtualPath> {
    let mut path = VirtualPath::root();
    for _ in 0..u.int_in_range(0..=4_u8)? {
        path = path.child(u.choose(NAMES)?).expect("these names are names");
    }
    Ok(path)
}

fn encode_utf16(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}
