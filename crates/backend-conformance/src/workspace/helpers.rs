//! The vocabulary of the laws.

use std::collections::BTreeMap;
use std::fmt::Debug;

use backend_core::{
    Backend, BackendExt, DeleteRequest, Entry, EntryKind, Error, ErrorKind, GlobRequest,
    GrepRequest, Grepped, Page, ReadBytesRequest, ReadRequest, Result, TextPage, Version,
    VirtualPath,
};
use bytes::Bytes;

use super::Workspace;

/// A whole tree: each path with its kind and, for a file, its bytes.
pub(crate) type Tree = BTreeMap<VirtualPath, (EntryKind, Bytes)>;

/// Parses a path that is known to be valid.
#[track_caller]
pub(crate) fn p(path: &str) -> VirtualPath {
    VirtualPath::parse(path).unwrap()
}

/// Returns the error of a refusal, and checks its kind.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T>, kind: ErrorKind) -> Error {
    match result {
        Ok(outcome) => panic!("expected {kind}, got {outcome:?}"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            error
        }
    }
}

/// Checks that a refusal has this kind and is about this path.
#[track_caller]
pub(crate) fn refused_at<T: Debug>(result: Result<T>, kind: ErrorKind, path: &str) -> Error {
    let error = refused(result, kind);
    assert_eq!(error.path(), Some(&p(path)), "the path of: {error}");
    error
}

/// Writes entries as `name` with a `/` after a directory and a `@` after a link.
pub(crate) fn kinds(page: &Page<Entry>) -> Vec<String> {
    let mark = |entry: &Entry| match entry.kind {
        EntryKind::Directory => "/",
        EntryKind::Symlink => "@",
        _ => "",
    };
    page.items
        .iter()
        .map(|entry| format!("{}{}", entry.path, mark(entry)))
        .collect()
}

impl Workspace {
    /// Writes a file and returns its version.
    pub(crate) async fn put(&self, path: &str, content: impl AsRef<[u8]>) -> Version {
        match self.write(path, content).await {
            Ok(written) => written.version,
            Err(error) => panic!("writing {path}: {error}"),
        }
    }

    /// Writes files. A path that ends in `/` is a directory.
    pub(crate) async fn tree(&self, files: &[(&str, &str)]) {
        for (path, content) in files {
            if path.ends_with('/') {
                self.make(path).await;
            } else {
                self.put(path, content).await;
            }
        }
    }

    /// Makes a directory.
    pub(crate) async fn make(&self, path: &str) {
        if let Err(error) = self.mkdir(path).await {
            panic!("making {path}: {error}");
        }
    }

    /// Deletes a directory with its contents, and returns how many entries that were.
    pub(crate) async fn delete_all(&self, path: &str) -> u64 {
        match self
            .delete_with(&DeleteRequest::new(p(path)).recursive())
            .await
        {
            Ok(deleted) => deleted.entries,
            Err(error) => panic!("deleting {path}: {error}"),
        }
    }

    /// Makes a symbolic link with this text as its target.
    pub(crate) async fn link(&self, path: &str, target: &str) {
        if let Err(why) = self.subject.link(&p(path), target).await {
            panic!("linking {path} to {target}: {why}");
        }
    }

    /// Returns the bytes of a file.
    pub(crate) async fn bytes(&self, path: &str) -> Bytes {
        match self.read_bytes(path).await {
            Ok(bytes) => bytes,
            Err(error) => panic!("reading {path}: {error}"),
        }
    }

    /// Returns the bytes of a UTF-8 file as text, without going through `read`.
    pub(crate) async fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path).await.to_vec()).expect("the file is UTF-8")
    }

    /// Returns a page of a text file.
    pub(crate) async fn page(&self, request: &ReadRequest) -> TextPage {
        match self.read_with(request).await {
            Ok(page) => page,
            Err(error) => panic!("{request:?}: {error}"),
        }
    }

    /// Returns the version of a file, from its bytes.
    pub(crate) async fn version(&self, path: &str) -> Version {
        match self.read_bytes_with(&ReadBytesRequest::new(p(path))).await {
            Ok(content) => content.version,
            Err(error) => panic!("reading {path}: {error}"),
        }
    }

    /// Returns the version of a file, without reading it.
    pub(crate) async fn version_by_stat(&self, path: &str) -> Option<Version> {
        match self.stat(path).await {
            Ok(entry) => entry.version,
            Err(error) => panic!("looking at {path}: {error}"),
        }
    }

    /// Returns whether a path exists.
    pub(crate) async fn has(&self, path: &str) -> bool {
        match self.exists(path).await {
            Ok(there) => there,
            Err(error) => panic!("looking for {path}: {error}"),
        }
    }

    /// Returns the paths in a directory, with a `/` after a directory and a `@` after a link.
    pub(crate) async fn listed(&self, path: &str) -> Vec<String> {
        match self.ls(path).await {
            Ok(page) => kinds(&page),
            Err(error) => panic!("listing {path}: {error}"),
        }
    }

    /// Returns the paths that a glob finds, which must be a complete result.
    pub(crate) async fn globbed(&self, request: &GlobRequest) -> Vec<String> {
        match self.glob_with(request).await {
            Ok(page) => {
                assert!(page.is_whole(), "{request:?}: {page:?}");
                kinds(&page)
            }
            Err(error) => panic!("{request:?}: {error}"),
        }
    }

    /// Returns the paths that a pattern finds from the root.
    pub(crate) async fn found(&self, pattern: &str) -> Vec<String> {
        self.globbed(&GlobRequest::new(pattern)).await
    }

    /// Returns what a grep finds, which must be a complete result.
    pub(crate) async fn searched(&self, request: &GrepRequest) -> Grepped {
        match self.grep_with(request).await {
            Ok(found) => {
                assert!(found.is_whole(), "{request:?}: {found:?}");
                found
            }
            Err(error) => panic!("{request:?}: {error}"),
        }
    }

    /// Returns what a grep finds as `path:line:text`.
    pub(crate) async fn hits(&self, request: &GrepRequest) -> Vec<String> {
        let found = self.searched(request).await;
        let hit = |hit: &backend_core::GrepMatch| format!("{}:{}:{}", hit.path, hit.line, hit.text);
        found.matches.iter().map(hit).collect()
    }

    /// Returns the whole tree, without following links.
    pub(crate) async fn everything(&self) -> Tree {
        let mut tree = Tree::new();
        let mut open = vec![VirtualPath::root()];
        while let Some(directory) = open.pop() {
            let page = match self.ls(&directory).await {
                Ok(page) => page,
                Err(error) => panic!("listing {directory}: {error}"),
            };
            assert!(page.is_whole(), "{directory}: {page:?}");
            for entry in page {
                let bytes = match entry.kind {
                    EntryKind::File => self.bytes(entry.path.as_str()).await,
                    _ => Bytes::new(),
                };
                if entry.is_directory() {
                    open.push(entry.path.clone());
                }
                tree.insert(entry.path, (entry.kind, bytes));
            }
        }
        tree
    }
}
