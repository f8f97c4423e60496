//! A tree in memory whose parts can be made to fail, with counts of opened files and directories.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::search::{Base, Cancel, Child, Children, Opened, Tree};
use crate::{Entry, EntryKind, Error, Result, VirtualPath};

#[derive(Clone, Debug)]
pub(super) enum Node {
    File(Bytes),
    Dir,
    Link,
    Other,
}

/// How the content of files is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    Bytes,
    /// By readers that return at most this much at once.
    Reader(usize),
}

#[derive(Debug)]
pub(super) struct Forest {
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) hand: Hand,
    /// Fails when it is listed.
    pub(super) unlistable: BTreeSet<String>,
    /// Listed, but gone when it is opened.
    pub(super) vanished: BTreeSet<String>,
    /// Fails while it is read.
    pub(super) broken: BTreeSet<String>,
    pub(super) unnameable: u64,
    pub(super) unreadable: u64,
    /// Cancels once this many files or directories were opened.
    pub(super) cancel: Option<(usize, Cancel)>,
    pub(super) opened: Mutex<Vec<String>>,
    pub(super) read: Arc<AtomicUsize>,
    /// How many entries were examined.
    pub(super) looked: AtomicUsize,
    held: Arc<AtomicUsize>,
    pub(super) most_held: AtomicUsize,
}

impl Forest {
    /// Makes a tree of paths and contents. A path that ends with a `/` is a directory, with `@` a link, with `|` a FIFO.
    pub(super) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::of(
            files
                .into_iter()
                .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())),
        )
    }

    pub(super) fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut nodes = BTreeMap::new();
        for (path, content) in files {
            let (path, node) = if let Some(path) = path.strip_suffix('/') {
                (path, Node::Dir)
            } else if let Some(path) = path.strip_suffix('@') {
                (path, Node::Link)
            } else if let Some(path) = path.strip_suffix('|') {
                (path, Node::Other)
            } else {
                (path.as_str(), Node::File(content.into()))
            };
            let mut above = path;
            while let Some((parent, _)) = above.rsplit_once('/') {
                nodes.insert(parent.to_owned(), Node::Dir);
                above = parent;
            }
            nodes.insert(path.to_owned(), node);
        }
        nodes.insert(String::new(), Node::Dir);
        Self {
            nodes,
            hand: Hand::Bytes,
            unlistable: BTreeSet::new(),
            vanished: BTreeSet::new(),
            broken: BTreeSet::new(),
            unnameable: 0,
            unreadable: 0,
            cancel: None,
            opened: Mutex::new(Vec::new()),
            read: Arc::default(),
            looked: AtomicUsize::new(0),
            held: Arc::default(),
            most_held: AtomicUsize::new(0),
        }
    }

    pub(super) fn handed(mut self, hand: Hand) -> Self {
        self.hand = hand;
        self
    }

    pub(super) fn opened(&self) -> Vec<String> {
        self.opened.lock().unwrap().clone()
    }

    fn open(&self, path: &str) -> Result<&Node> {
        let mut opened = self.opened.lock().unwrap();
        opened.push(path.to_owned());
        if let Some((after, cancel)) = &self.cancel
            && opened.len() >= *after
        {
            cancel.cancel();
        }
        if self.vanished.contains(path) {
            return Err(Error::invalid_request("gone"));
        }
        self.nodes
            .get(path)
            .ok_or_else(|| Error::not_found(&virtual_path(path)))
    }

    fn dir(&self, path: String) -> Dir {
        let held = self.held.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_held.fetch_max(held, Ordering::Relaxed);
        Dir {
            path,
            held: Arc::clone(&self.held),
        }
    }

    fn content(&self, path: &str, bytes: &Bytes) -> Opened<Hands> {
        match self.hand {
            Hand::Bytes if !self.broken.contains(path) => Opened::Bytes(bytes.clone()),
            Hand::Bytes => self.reader(path, bytes, 7),
            Hand::Reader(most) => self.reader(path, bytes, most),
        }
    }

    fn reader(&self, path: &str, bytes: &Bytes, most: usize) -> Opened<Hands> {
        Opened::Reader(Hands {
            rest: bytes.clone(),
            most,
            fails: self.broken.contains(path),
            interrupted: false,
            read: Arc::clone(&self.read),
        })
    }

    fn entry_of(node: &Node, path: VirtualPath) -> Entry {
        let mut entry = Entry::new(path, kind(node));
        if let Node::File(content) = node {
            entry.size = content.len() as u64;
        }
        entry
    }
}

fn kind(node: &Node) -> EntryKind {
    match node {
        Node::File(_) => EntryKind::File,
        Node::Dir => EntryKind::Directory,
        Node::Link => EntryKind::Symlink,
        Node::Other => EntryKind::Other,
    }
}

pub(super) fn virtual_path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

#[derive(Debug)]
pub(super) struct Dir {
    path: String,
    held: Arc<AtomicUsize>,
}

impl Drop for Dir {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Delivers a file in small pieces.
pub(super) struct Hands {
    rest: Bytes,
    most: usize,
    fails: bool,
    interrupted: bool,
    read: Arc<AtomicUsize>,
}

impl Read for Hands {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.fails && self.rest.len() < self.most {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let count = self.most.min(self.rest.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest.split_to(count));
        self.read.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

impl Tree for Forest {
    type Dir = Dir;
    type Reader = Hands;

    fn base(&self, path: &VirtualPath) -> Result<Base<Dir, Hands>> {
        let key = path.as_str().trim_end_matches('/');
        match self.nodes.get(key) {
            Some(Node::Dir) => Ok(Base::Directory(self.dir(key.to_owned()))),
            Some(node @ Node::File(content)) => Ok(Base::File(
                Self::entry_of(node, path.clone()),
                self.content(key, content),
            )),
            Some(_) => Err(Error::permission_denied(path, "not a regular file")),
            None => Err(Error::not_found(path)),
        }
    }

    fn children(&self, dir: &Dir) -> Result<Children> {
        if self.unlistable.contains(&dir.path) {
            return Err(Error::invalid_request("unlistable"));
        }
        let prefix = format!("{}/", dir.path);
        let mut named: Vec<Child> = self
            .nodes
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix))
            .filter(|(path, _)| !path[prefix.len()..].contains('/'))
            .map(|(path, node)| Child {
                name: path[prefix.len()..].into(),
                kind: kind(node),
            })
            .collect();
        named.reverse();
        Ok(Children {
            named,
            unnameable: self.unnameable,
            unreadable: self.unreadable,
        })
    }

    fn open_dir(&self, dir: &Dir, name: &str) -> Result<Dir> {
        let path = format!("{}/{name}", dir.path);
        match self.open(&path)? {
            Node::Dir => Ok(self.dir(path)),
            _ => Err(Error::not_a_directory(&virtual_path(&path))),
        }
    }

    fn open_file(&self, dir: &Dir, name: &str) -> Result<Opened<Hands>> {
        let path = format!("{}/{name}", dir.path);
        match self.open(&path)? {
            Node::File(content) => Ok(self.content(&path, content)),
            _ => Err(Error::permission_denied(
                &virtual_path(&path),
                "not a regular file",
            )),
        }
    }

    fn entry(&self, dir: &Dir, name: &str, path: VirtualPath) -> Result<Entry> {
        let key = format!("{}/{name}", dir.path);
        self.looked.fetch_add(1, Ordering::Relaxed);
        assert!(path.as_str().ends_with(&key));
        if self.vanished.contains(&key) {
            return Err(Error::not_found(&path));
        }
        match self.nodes.get(&key) {
            Some(node) => Ok(Self::entry_of(node, path)),
            None => Err(Error::not_found(&path)),
        }
    }
}
