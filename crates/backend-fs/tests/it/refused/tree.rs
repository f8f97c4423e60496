//! The visible state of a tree, and the differences between two.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr};

/// The visible state of one entry.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    kind: char,
    mode: u32,
    owner: (u32, u32),
    links: u64,
    inode: u64,
    /// The size and time of a file; a directory has others after a temporary file was made in it and removed.
    size_and_time: Option<(u64, i64, i64)>,
    /// Extended attributes, access lists among them.
    attributes: BTreeMap<String, Vec<u8>>,
    /// The content of a file, or the target of a link.
    content: Vec<u8>,
}

/// A tree at some moment, by path.
#[derive(Debug)]
pub(super) struct Tree(BTreeMap<PathBuf, Seen>);

/// Takes a snapshot of everything below a directory.
pub(super) fn tree(root: &Path) -> Tree {
    let mut all = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(path) = todo.pop() {
        let seen = look(&path);
        if seen.kind == 'd' {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        all.insert(path.strip_prefix(root).unwrap().to_path_buf(), seen);
    }
    Tree(all)
}

impl Tree {
    /// Returns the differences in a later snapshot of the tree.
    pub(super) fn changes_to(&self, later: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (path, seen) in &self.0 {
            match later.0.get(path) {
                None => changes.push(format!("{} is gone", path.display())),
                Some(now) if now == seen => {}
                Some(now) => {
                    let (was, is) = (seen.words(), now.words());
                    changes.push(format!("{} was {was} and is {is}", path.display()));
                }
            }
        }
        let new = later.0.keys().filter(|path| !self.0.contains_key(*path));
        changes.extend(new.map(|path| format!("{} is new", path.display())));
        changes
    }
}

impl Seen {
    fn words(&self) -> String {
        let Self {
            kind,
            mode,
            owner,
            links,
            inode,
            size_and_time,
            attributes,
            content,
        } = self;
        let length = content.len();
        format!(
            "{kind} {mode:o} {owner:?} {links} links, inode {inode}, {size_and_time:?}, {attributes:?}, {length} bytes"
        )
    }
}

fn look(path: &Path) -> Seen {
    let meta = fs::symlink_metadata(path).unwrap();
    let (kind, content) = if meta.is_dir() {
        ('d', Vec::new())
    } else if meta.is_symlink() {
        let target = fs::read_link(path).unwrap();
        ('l', target.into_os_string().into_encoded_bytes())
    } else {
        ('f', fs::read(path).unwrap())
    };
    Seen {
        kind,
        mode: meta.mode(),
        owner: (meta.uid(), meta.gid()),
        links: meta.nlink(),
        inode: meta.ino(),
        size_and_time: (!meta.is_dir()).then(|| (meta.size(), meta.mtime(), meta.mtime_nsec())),
        attributes: attributes(path),
        content,
    }
}

fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 4096];
    let length = llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = vec![0; 4096];
            let length = lgetxattr(path, name, &mut value[..]).unwrap();
            value.truncate(length);
            (String::from_utf8_lossy(name).into_owned(), value)
        })
        .collect()
}
